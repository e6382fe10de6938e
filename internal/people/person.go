package people

import (
	"encoding/json"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// State is where an account stands.
type State string

// The states of an account.
const (
	Invited   State = "invited"   // not enrolled, or to be enrolled anew: cannot sign in
	Active    State = "active"    // may sign in between the dates of employment
	Suspended State = "suspended" // may not, until another person decides
	Ended     State = "ended"     // for good
)

// The kinds of employment.
const (
	Employee   = "employee"
	Contractor = "contractor"
	Agency     = "agency"
	Intern     = "intern"
)

// Employments lists the kinds of employment.
func Employments() []string { return []string{Employee, Contractor, Agency, Intern} }

// Spec says who a new person is. It is personal throughout.
type Spec struct {
	Name       string // the full name in any script
	Email      string // the person's own address
	Employment string // one of [Employments]
	Manager    string // the person they report to; may be empty
	// Starts and Ends bound the employment: no sign-in before Starts or from Ends
	// on. Zero is no bound.
	Starts, Ends time.Time
	// Source is where the account comes from: hand, scim, feed or founding.
	Source string
	// Vouched says that who asks and who approves know the name to be a person's own
	// although it holds a word of a role. It is kept. It lifts no other rule.
	Vouched bool
}

// Person is a person with an account. All of it but the ids, states and dates is
// personal; after [Erasure] the personal part is empty.
type Person struct {
	ID            string // "usr_…"
	Name          string
	Email         string
	Employment    string
	Manager       string // a person's id, or empty
	Starts, Ends  time.Time
	State         State
	Reason        Reason // why it is suspended
	EmailVerified time.Time
	Created       time.Time
	Source        string
	Case          string // the request it came by, or "founding"
	Vouched       bool
	// Led is the account that made the link of the enrolment, and so could have walked
	// in: until another person has let the account in, it waits ([People.Resume]).
	Led string
	// Ended is when the reason to end came about, Revoked when everything was dead
	// here; between them lie the 24 hours of DPP 2.2.12.
	Ended, Revoked time.Time
	// Cause is what ended the account.
	Cause  CauseKind
	Erased time.Time // when the personal data died
	// Damaged says that the row was changed behind the product's back: it does not
	// open, the person cannot sign in, and nothing else is known but the id. The
	// account can be ended.
	Damaged bool
}

// details is what is sealed.
type details struct {
	Name       string    `json:"n,omitempty"`
	Email      string    `json:"e,omitempty"`
	Employment string    `json:"k,omitempty"`
	Manager    string    `json:"m,omitempty"`
	Verified   int64     `json:"v,omitempty"`
	Source     string    `json:"s,omitempty"`
	Case       string    `json:"c,omitempty"`
	Vouched    bool      `json:"o,omitempty"`
	Reason     Reason    `json:"r,omitempty"`
	Cause      CauseKind `json:"x,omitempty"`
	Led        string    `json:"l,omitempty"`
}

// inOrder reports whether the employment ends after it starts.
func (s Spec) inOrder() bool { return s.Starts.IsZero() || s.Ends.IsZero() || s.Ends.After(s.Starts) }

func wrongOrder() error {
	return strongroom.Faultf(strongroom.Invalid, "dates", "the employment must end after it starts")
}

// CheckDates refuses an employment that ends before it starts, or that a new account
// would find over at a time of the data clock: it would end as it is made, and count as
// an end that came late (DPP 2.2.12).
func (s Spec) CheckDates(now time.Time) error {
	switch {
	case !s.inOrder():
		return wrongOrder()
	case !s.Ends.IsZero() && !s.Ends.After(now):
		return strongroom.Faultf(strongroom.Invalid, "dates", "the employment of a new account must end later than now").
			Advise("leave the end out, or name the last day ahead")
	}
	return nil
}

func noPerson() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "person", "there is no such person")
}

// IsID reports whether s has the form of a person's id. Nothing else is ever
// looked up or written to the log.
func IsID(s string) bool { return strongroom.IsID("usr", s) }

// isCase reports whether s may stand as what an account came by.
func isCase(s string) bool { return s == founding || strongroom.IsID("req", s) }

const founding = "founding"

// key returns a person's data key.
func (p *People) key(r *db.Reader, person string) (seal.Key, error) {
	wrapped, err := loadKey(r, person)
	if err != nil {
		return seal.Key{}, err
	}
	return p.unwrap(person, wrapped)
}

func (p *People) unwrap(person string, wrapped []byte) (seal.Key, error) {
	k, err := p.wrap.Unwrap(p.ad("people_key", person), wrapped)
	if err != nil {
		return seal.Key{}, damaged(person)
	}
	return k, nil
}

func damaged(person string) error {
	return strongroom.Faultf(strongroom.Internal, codeDamaged, "the account %s does not open", person).
		Advise("its row was changed, or the keyring is another's; ending it is still possible")
}

const codeDamaged = "person-sealed"

func isDamaged(err error) bool { return err != nil && codeOf(err) == codeDamaged }

// ad binds what is sealed to a table, the environment and parts of its row.
func (p *People) ad(table string, parts ...any) []byte {
	return seal.AppendAD(seal.AD(table, string(p.o.Environment)), parts...)
}

func (p *People) bind(r personRow) []byte {
	return p.ad("people_person", r.id, r.state, r.created, r.starts, r.ends, r.ended, r.revoked, r.erased)
}

// sealPerson returns the row of a person under the person's key.
func (p *People) sealPerson(k seal.Key, x Person) (personRow, error) {
	row := personRow{
		id: x.ID, state: string(x.State), created: db.MicrosOrZero(x.Created), starts: db.MicrosOrZero(x.Starts), ends: db.MicrosOrZero(x.Ends),
		ended: db.MicrosOrZero(x.Ended), revoked: db.MicrosOrZero(x.Revoked), erased: db.MicrosOrZero(x.Erased),
	}
	text, err := json.Marshal(details{
		Name: x.Name, Email: x.Email, Employment: x.Employment, Manager: x.Manager, Verified: db.MicrosOrZero(x.EmailVerified),
		Source: x.Source, Case: x.Case, Vouched: x.Vouched, Reason: x.Reason, Cause: x.Cause, Led: x.Led,
	})
	if err != nil {
		return row, err
	}
	row.sealed = k.Seal(nil, p.bind(row), text)
	return row, nil
}

// openPerson opens a row. One that was edited or moved does not open.
func (p *People) openPerson(k seal.Key, r personRow) (Person, error) {
	text, err := k.Open(nil, p.bind(r), r.sealed)
	var d details
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		return Person{}, damaged(r.id)
	}
	return Person{
		ID: r.id, State: State(r.state), Created: db.TimeOrZero(r.created), Starts: db.TimeOrZero(r.starts), Ends: db.TimeOrZero(r.ends),
		Ended: db.TimeOrZero(r.ended), Revoked: db.TimeOrZero(r.revoked), Erased: db.TimeOrZero(r.erased),
		Name: d.Name, Email: d.Email, Employment: d.Employment, Manager: d.Manager, EmailVerified: db.TimeOrZero(d.Verified),
		Source: d.Source, Case: d.Case, Vouched: d.Vouched, Reason: d.Reason, Cause: d.Cause, Led: d.Led,
	}, nil
}

// load returns a person with the key that opens what else is sealed of them. The
// key is the zero Key for one whose data were erased.
func (p *People) load(r *db.Reader, id string) (Person, seal.Key, error) {
	if !IsID(id) {
		return Person{}, seal.Key{}, noPerson()
	}
	row, err := loadPerson(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return Person{}, seal.Key{}, noPerson()
	}
	if err != nil {
		return Person{}, seal.Key{}, err
	}
	return p.open(row)
}

// open opens a row and returns the person's key with it.
func (p *People) open(row personRow) (Person, seal.Key, error) {
	if row.erased > 0 {
		x, err := p.openPerson(p.rest, row)
		return x, seal.Key{}, err
	}
	k, err := p.unwrap(row.id, row.wrapped)
	if err != nil {
		return Person{}, seal.Key{}, err
	}
	x, err := p.openPerson(k, row)
	return x, k, err
}

// save writes a person back.
func (p *People) save(tx *guard.Tx, k seal.Key, x Person) error {
	row, err := p.sealPerson(k, x)
	if err != nil {
		return err
	}
	return updatePerson(tx, row)
}

// handle loads a person and asks whether the actor may do a. A person who does
// not exist is asked about all the same, so that the answer is recorded and tells
// a stranger nothing.
func (p *People) handle(tx *guard.Tx, a strongroom.Action, id string) (Person, seal.Key, error) {
	x, k, err := p.load(&tx.Reader, id)
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) && !isDamaged(err) {
		return Person{}, seal.Key{}, err
	}
	about, rerr := p.about(tx, a, id, x)
	if rerr != nil {
		return Person{}, seal.Key{}, rerr
	}
	if denied := tx.Allow(a, about, guard.Context{}); denied != nil {
		return Person{}, seal.Key{}, denied
	}
	return x, k, err
}

// about is [resourceOf], with the roles of the person where a could lead somebody
// else into the account. Letting in who came by a link is the own case of who made it.
func (p *People) about(tx *guard.Tx, a strongroom.Action, id string, x Person) (strongroom.Resource, error) {
	r := resourceOf(id, tx.Actor())
	if r.Attrs == nil || a != personInvite && a != personReset && a != personResume {
		return r, nil
	}
	if a == personResume && p.Waits(x) {
		if x.Led == tx.Actor().ID {
			r.Attrs["own"] = true
		}
		lonely, err := p.nobodyElse(&tx.Reader, x, tx.Now())
		if err != nil {
			return r, err
		}
		r.Attrs["founding"] = lonely
	}
	roles, err := p.o.Roles(&tx.Reader, id, tx.Now())
	if len(roles) > 0 {
		r.Attrs["roles"] = roles
	}
	return r, err
}

// resourceOf is [account], or the instance for what is no id and must not be
// written down.
func resourceOf(id string, who strongroom.Actor) strongroom.Resource {
	if !IsID(id) {
		return strongroom.Resource{Type: "Instance", ID: "instance"}
	}
	return account(id, who)
}

// isActive reports whether x may sign in at a time of the data clock.
func (x Person) isActive(now time.Time) bool {
	return x.State == Active && !now.Before(x.Starts) && (x.Ends.IsZero() || now.Before(x.Ends))
}

// check refuses a spec that no approval could make good.
func (p *People) check(s Spec) error {
	switch {
	case !slices.Contains(Employments(), s.Employment):
		return strongroom.Faultf(strongroom.Invalid, "employment", "the employment must be one of %v", Employments())
	case s.Manager != "" && !IsID(s.Manager):
		return strongroom.Faultf(strongroom.Invalid, "manager", "the manager must be the id of a person")
	case !s.inOrder():
		return wrongOrder()
	case !slices.Contains([]string{"hand", "scim", "feed", founding}, s.Source):
		return strongroom.Faultf(strongroom.Invalid, "source", "the source must be hand, scim, feed or founding")
	}
	if err := RefuseShared(s.Name, s.Email, s.Vouched); err != nil {
		return err
	}
	return nil
}
