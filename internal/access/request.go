package access

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// Kind is what a request is for.
type Kind string

// The kinds of requests.
const (
	Account    Kind = "account"     // a person, with roles
	Role       Kind = "role"        // roles of a person who has an account
	Service    Kind = "service"     // a service account
	Elevation  Kind = "elevation"   // a short right to open records of a store
	BreakGlass Kind = "break-glass" // the same when nobody can wait
)

// Kinds lists the kinds of requests. Their places are stored.
func Kinds() []Kind { return []Kind{Account, Role, Service, Elevation, BreakGlass} }

// State is where a request stands.
type State string

// The states of a request.
const (
	Open      State = "open"
	Approved  State = "approved"
	Refused   State = "refused"
	Withdrawn State = "withdrawn"
	Expired   State = "expired"
)

// States lists the states of a request. Their places are stored.
func States() []State { return []State{Open, Approved, Refused, Withdrawn, Expired} }

// Right is what an elevation opens.
type Right struct {
	Store   string
	Purpose strongroom.Purpose
	// Reference is the order or case it is for. Breaking the glass alone needs none.
	Reference string
	Classes   []string      // classes of fields; none means all
	Duration  time.Duration // at most [MaxElevation]; 0 is [DefaultElevation]
}

// Spec is what is asked for.
type Spec struct {
	Kind   Kind
	Reason string // why, in a sentence without personal data; sealed
	// Subject is the person it is about: of a role, and of an elevation, where empty
	// is who asks.
	Subject string
	// Person is who gets the account of an [Account].
	Person people.Spec
	// Service is the account of a [Service].
	Service identity.KeySpec

	// Roles, of [Roles], come with an account or are the roles asked for. They count
	// at Stores, or at all if AllStores is set, until Until; zero is until they are
	// taken away.
	Roles     []string
	Stores    []string
	AllStores bool
	Until     time.Time
	// Replace has the roles take the place of all that the person has; without it
	// they must be for the same stores.
	Replace bool

	Right Right // of an elevation, or of breaking the glass
}

// Request is what somebody asked for and what became of it: the case that every
// right has (DPP 2.2.1).
type Request struct {
	ID    string // "req_…"
	State State
	Spec  Spec // without name and address of a person once it is decided
	Asker string
	// Asked, Ends and Decided follow the data clock. It can be decided before Ends.
	Asked, Ends, Decided time.Time
	Decider              string
	Remark               string // of who decided; sealed
	// Founding says that the OS user on the spot decided, because nobody else could.
	Founding bool
	// Alone says that the glass was broken by one person after the delay.
	Alone bool
	Made  []string // ids of the person or service and of the grants that came of it
	// Damaged says that the row was changed in the database. ID alone is set then;
	// nobody can decide about it, and what came of it counts no more.
	Damaged bool
}

// stores returns the stores that a request is about.
func (q *Request) stores() (stores []string, all bool) {
	switch q.Spec.Kind {
	case Service:
		return q.Spec.Service.Stores, q.Spec.Service.AllStores
	case Elevation, BreakGlass:
		return []string{q.Spec.Right.Store}, false
	}
	return q.Spec.Stores, q.Spec.AllStores
}

// roles returns the roles that somebody would get.
func (q *Request) roles() []string {
	if q.Spec.Kind == Service {
		return q.Spec.Service.Roles
	}
	return q.Spec.Roles
}

// isOwn reports whether who asked for it or gets it; [Access.ownHand] counts
// services of one person as well.
func (q *Request) isOwn(who strongroom.Actor) bool { return slices.Contains(q.parties(), who.ID) }

// parties returns who asked for it and who gets it, as far as there is an account.
func (q *Request) parties() (out []string) {
	for _, x := range []string{q.Asker, q.Spec.Subject} {
		if x != "" {
			out = append(out, x)
		}
	}
	if q.Spec.Kind == Service {
		out = append(out, q.Spec.Service.Owner)
	}
	return out
}

// resource describes a request to the policies.
func (q *Request) resource(own, founding bool) strongroom.Resource {
	attrs := map[string]any{"kind": string(q.Spec.Kind), "own": own, "founding": founding}
	if r := q.roles(); len(r) > 0 {
		attrs["roles"] = r
	}
	return strongroom.Resource{Type: "Request", ID: q.ID, Attrs: attrs}
}

// body is what is sealed of a request.
type body struct {
	Spec     Spec     `json:"s"`
	Remark   string   `json:"r,omitempty"`
	Founding bool     `json:"f,omitempty"`
	Alone    bool     `json:"a,omitempty"`
	Made     []string `json:"m,omitempty"`
}

func (a *Access) bindRequest(r requestRow) []byte {
	return seal.AD("access_request", string(a.o.Environment), r.id, r.kind, r.state, r.asker, r.subject, r.asked, r.ends, r.decided, r.decider)
}

func (a *Access) sealRequest(q *Request) (requestRow, error) {
	row := requestRow{
		id: q.ID, kind: db.Place(Kinds(), q.Spec.Kind), state: db.Place(States(), q.State), asker: q.Asker, subject: q.Spec.Subject,
		asked: db.MicrosOrZero(q.Asked), ends: db.MicrosOrZero(q.Ends), decided: db.MicrosOrZero(q.Decided), decider: q.Decider,
	}
	text, err := json.Marshal(body{Spec: q.Spec, Remark: q.Remark, Founding: q.Founding, Alone: q.Alone, Made: q.Made})
	if err != nil {
		return row, err
	}
	row.sealed = a.seal.Seal(nil, a.bindRequest(row), text)
	return row, nil
}

// openRequest opens a row. One that was edited or moved does not open.
func (a *Access) openRequest(r requestRow) (*Request, error) {
	text, err := a.seal.Open(nil, a.bindRequest(r), r.sealed)
	var b body
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Internal, "request-sealed", "the request %s does not open", r.id).
			Advise("its row was changed, or the keyring is another's")
	}
	return &Request{
		ID: r.id, State: db.At(States(), r.state), Spec: b.Spec, Asker: r.asker, Asked: db.TimeOrZero(r.asked), Ends: db.TimeOrZero(r.ends),
		Decided: db.TimeOrZero(r.decided), Decider: r.decider, Remark: b.Remark, Founding: b.Founding, Alone: b.Alone, Made: b.Made,
	}, nil
}

// Query says which requests to list.
type Query struct {
	Own    bool   // those that who asks has asked for, or that are about them
	State  State  // of others, those in one state; empty is all
	Cursor string // the id after which to go on
	Limit  int    // 1 to 1,000; 100 if zero
}

// Requests lists requests in order of their ids, without name, address, reason and
// remark: [Access.Request] shows those. Who is limited to some stores sees what is
// within them, and the own. next is empty at the end.
func (a *Access) Requests(ctx context.Context, who strongroom.Actor, q Query) (out []Request, next string, err error) {
	if q.Cursor != "" && !strongroom.IsID("req", q.Cursor) || q.State != "" && db.Place(States(), q.State) == 0 {
		return nil, "", a.refuse(ctx, who, requestList, strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor or the state is none of ours"))
	}
	if q.Limit <= 0 || q.Limit > 1000 {
		q.Limit = 100
	}
	res := instance()
	res.Attrs = map[string]any{"own": q.Own}
	err = a.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(requestList, res, guard.Context{}); err != nil {
			return err
		}
		out, next = nil, ""
		rows, err := listRequests(&v.Reader, q, who.ID)
		if err != nil {
			return err
		}
		if len(rows) > q.Limit {
			rows = rows[:q.Limit]
			next = rows[q.Limit-1].id
		}
		for _, r := range rows {
			x, err := a.openRequest(r)
			if err != nil {
				// Somebody changed the row. It must not keep the others out of the list.
				if who.AllStores {
					out = append(out, Request{ID: r.id, Damaged: true})
				}
				continue
			}
			if stores, all := x.stores(); !x.isOwn(who) && within(who, stores, all) != nil {
				continue
			}
			x.blank()
			x.Spec.Reason, x.Remark = "", ""
			out = append(out, *x)
		}
		return nil
	})
	return out, next, err
}

// Request returns one request with all it says. Name and address of a person are
// for who asked and who may decide.
func (a *Access) Request(ctx context.Context, who strongroom.Actor, id string) (out Request, err error) {
	if !strongroom.IsID("req", id) {
		return Request{}, a.refuse(ctx, who, requestList, noRequest())
	}
	err = a.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		row, err := loadRequest(&v.Reader, id)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		q := &Request{ID: id}
		if err == nil {
			if q, err = a.openRequest(row); err != nil {
				return err
			}
		}
		if denied := v.Allow(requestList, q.resource(q.isOwn(who), false), guard.Context{}); denied != nil {
			return denied
		}
		stores, all := q.stores()
		if err != nil || !q.isOwn(who) && within(who, stores, all) != nil {
			return noRequest()
		}
		out = *q
		if !q.isOwn(who) && !slices.ContainsFunc(who.Roles, mayDecide) {
			out.blank()
		}
		return nil
	})
	return out, err
}

// mayDecide reports whether a role could decide about requests.
func mayDecide(role string) bool {
	return slices.Contains(deciders(), role) || role == authz.TestEverything
}

// blank takes name and address of a person out of a request.
func (q *Request) blank() { q.Spec.Person.Name, q.Spec.Person.Email = "", "" }

func noRequest() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "request", "there is no such request")
}
