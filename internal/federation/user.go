package federation

import (
	"context"
	"encoding/json"
	"net/mail"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// User is a person as a directory describes them. Only what is listed here is
// kept; whatever else a directory sends is let fall. All but ids, state and times is
// personal.
type User struct {
	ID          string // "scu_…"
	UserName    string // unique, whatever its case
	ExternalID  string
	Given       string
	Family      string
	Formatted   string
	DisplayName string
	Emails      []Email
	UserType    string // employee, contractor, agency or intern; employee if empty
	Active      bool
	// Person is the account, once people approved the request; Request is what
	// waits for them.
	Person, Request   string
	Created, Modified time.Time
	Version           int64
	Groups            []Membership // read only
}

// Email is one address of a user.
type Email struct {
	Value   string `json:"v"`
	Type    string `json:"t,omitempty"`
	Primary bool   `json:"p,omitempty"`
}

// Membership names a group a user is in.
type Membership struct{ ID, Name string }

// maxText is how long one attribute may be, in bytes; maxEmails how many there are.
const (
	maxText   = 512
	maxEmails = 10
)

// Address returns the address an account is made for: the primary one, else the
// one for work, else the first, else the user name if it is one.
func (u User) Address() string {
	best := ""
	for _, e := range u.Emails {
		switch {
		case e.Primary:
			return e.Value
		case best == "" || strings.EqualFold(e.Type, "work"):
			best = e.Value
		}
	}
	if a, err := mail.ParseAddress(u.UserName); best == "" && err == nil && a.Address == u.UserName {
		best = u.UserName
	}
	return best
}

// FullName returns the name an account is made for.
func (u User) FullName() string {
	for _, n := range []string{strings.TrimSpace(u.Given + " " + u.Family), strings.TrimSpace(u.Formatted), strings.TrimSpace(u.DisplayName)} {
		if n != "" {
			return n
		}
	}
	return ""
}

func (u User) spec() people.Spec {
	kind := strings.ToLower(u.UserType)
	if kind == "" {
		kind = people.Employee
	}
	return people.Spec{Name: u.FullName(), Email: u.Address(), Employment: kind, Source: SCIM}
}

func (u User) check() error {
	bad := func(what string) error { return strongroom.Faultf(strongroom.Invalid, "user", "%s", what) }
	for _, s := range []string{u.UserName, u.ExternalID, u.Given, u.Family, u.Formatted, u.DisplayName, u.UserType} {
		if len(s) > maxText {
			return bad("an attribute of the user is longer than 512 bytes")
		}
	}
	if strings.TrimSpace(u.UserName) == "" {
		return bad("a user needs a userName")
	}
	if len(u.Emails) > maxEmails {
		return bad("a user has more than ten addresses")
	}
	for _, e := range u.Emails {
		if len(e.Value) > maxText || len(e.Type) > maxText {
			return bad("an address of the user is longer than 512 bytes")
		}
	}
	return nil
}

// fold is the form in which names are compared.
func fold(s string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))) }

func (f *Federation) nameMark(userName string) []byte { return f.mark("user name", fold(userName)) }
func (f *Federation) extMark(external string) []byte  { return f.mark("user external", external) }

// details is what is sealed of a user.
type details struct {
	UserName    string  `json:"u"`
	ExternalID  string  `json:"x,omitempty"`
	Given       string  `json:"g,omitempty"`
	Family      string  `json:"f,omitempty"`
	Formatted   string  `json:"n,omitempty"`
	DisplayName string  `json:"d,omitempty"`
	Emails      []Email `json:"e,omitempty"`
	UserType    string  `json:"k,omitempty"`
}

func (f *Federation) bindUser(r userRow) []byte {
	return f.ad("federation_user", r.id, r.person, r.request, r.active, r.created, r.changed, r.version)
}

func (f *Federation) userRow(u User) (userRow, error) {
	r := userRow{
		id: u.ID, nameMark: f.nameMark(u.UserName), extMark: f.extMark(u.ExternalID), person: u.Person, request: u.Request,
		active: flag(u.Active), created: db.MicrosOrZero(u.Created), changed: db.MicrosOrZero(u.Modified), version: u.Version,
	}
	text, err := json.Marshal(details{u.UserName, u.ExternalID, u.Given, u.Family, u.Formatted, u.DisplayName, u.Emails, u.UserType})
	if err != nil {
		return r, err
	}
	r.sealed = f.seal.Seal(nil, f.bindUser(r), text)
	return r, nil
}

func (f *Federation) openUser(r userRow) (User, error) {
	text, err := f.seal.Open(nil, f.bindUser(r), r.sealed)
	var d details
	if err != nil || json.Unmarshal(text, &d) != nil {
		return User{}, damaged(r.id)
	}
	return User{
		ID: r.id, UserName: d.UserName, ExternalID: d.ExternalID, Given: d.Given, Family: d.Family, Formatted: d.Formatted,
		DisplayName: d.DisplayName, Emails: d.Emails, UserType: d.UserType, Active: r.active == 1, Person: r.person,
		Request: r.request, Created: db.TimeOrZero(r.created), Modified: db.TimeOrZero(r.changed), Version: r.version,
	}, nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func noUser() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "user", "there is no such user")
}

func taken() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Conflict, "uniqueness", "there is a user with that userName already")
}

// entry describes a user to the policies: the account, or what there is before it.
func entry(id string) strongroom.Resource {
	if !strongroom.IsID("scu", id) {
		return instance()
	}
	return strongroom.Resource{Type: "Account", ID: id}
}

// provision runs fn in a transaction in which who may write about a user.
func (f *Federation) provision(ctx context.Context, who strongroom.Actor, r strongroom.Resource, fn func(tx *guard.Tx) error) error {
	return f.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(personProvision, r, guard.Context{}); err != nil {
			return err
		}
		return fn(tx)
	})
}

// CreateUser keeps a user a directory described. One who is active is joined to the
// living account of the address, or an account is asked for, which people approve.
// Faults: Conflict (code "uniqueness") where the userName is known, Invalid for what
// no approval could make good.
func (f *Federation) CreateUser(ctx context.Context, who strongroom.Actor, u User) (User, error) {
	u.ID, u.Version, u.Person, u.Request, u.Groups = strongroom.NewID("scu"), 1, "", "", nil
	err := f.provision(ctx, who, entry(u.ID), func(tx *guard.Tx) error {
		if err := u.check(); err != nil {
			return err
		}
		if _, err := findUser(&tx.Reader, f.nameMark(u.UserName)); !strongroom.IsKind(err, strongroom.NotFound) {
			return or(err, taken())
		}
		u.Created, u.Modified = tx.Now(), tx.Now()
		u.Person, u.Request = "", ""
		if u.Active {
			if err := f.join(tx, &u); err != nil {
				return err
			}
		}
		row, err := f.userRow(u)
		if err != nil {
			return err
		}
		return insertUser(tx, row)
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// or returns err, or other where there is none.
func or(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// join finds the living account of a user, or asks for one. An account belongs to
// one user.
func (f *Federation) join(tx *guard.Tx, u *User) error {
	id, ok, err := f.o.People.ExactEmailTx(&tx.Reader, u.Address())
	if err != nil {
		return err
	}
	if ok {
		others, err := usersOf(&tx.Reader, id)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(others, func(o userRow) bool { return o.id != u.ID }) {
			return strongroom.Faultf(strongroom.Conflict, "uniqueness", "another user has that account already")
		}
		u.Person = id
		tx.Note("account", id)
		return f.settleUser(tx, *u)
	}
	u.Request, err = f.o.Access.AskTx(tx, u.spec())
	return err
}

// User returns a user.
func (f *Federation) User(ctx context.Context, who strongroom.Actor, id string) (u User, err error) {
	err = f.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personProvision, entry(id), guard.Context{}); err != nil {
			return err
		}
		u, err = f.loadUser(&v.Reader, id)
		if err == nil {
			u.Groups, err = f.groupsOf(&v.Reader, id)
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

func (f *Federation) loadUser(r *db.Reader, id string) (User, error) {
	if !strongroom.IsID("scu", id) {
		return User{}, noUser()
	}
	row, err := loadUser(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return User{}, noUser()
	}
	if err != nil {
		return User{}, err
	}
	return f.openUser(row)
}

// Query says which users or groups a list is about.
type Query struct {
	// UserName and ExternalID of a user are looked up where they are set: what
	// directories ask for each time.
	UserName, ExternalID *string
	// MatchUser and MatchGroup are asked about what was found; nil takes all.
	MatchUser  func(User) bool
	MatchGroup func(Group) bool
	// ByMember says that MatchGroup looks at members.
	ByMember bool
	// Start is the place of the first entry, from 1. Count is how many there are on
	// the page, at most [MaxPage]; with 0 they are only counted.
	Start, Count int
}

// MaxPage is how many entries a page of a list holds at most.
const MaxPage = 200

// Users returns a page of users in the order they were made, and how many there
// are in all. An entry that does not open fails the list: nobody disappears from it
// unseen.
func (f *Federation) Users(ctx context.Context, who strongroom.Actor, q Query) (out []User, total int, err error) {
	err = f.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personProvision, instance(), guard.Context{}); err != nil {
			return err
		}
		rows, err := f.findUsers(&v.Reader, q)
		if err != nil {
			return err
		}
		for _, r := range rows {
			u, err := f.openUser(r)
			if err != nil {
				return err
			}
			if q.MatchUser != nil && !q.MatchUser(u) {
				continue
			}
			if total++; q.holds(total) {
				out = append(out, u)
			}
		}
		for i := range out {
			if out[i].Groups, err = f.groupsOf(&v.Reader, out[i].ID); err != nil {
				return err
			}
		}
		v.Note("count", len(out))
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return out, total, nil
}

// holds reports whether the page holds the n-th entry.
func (q Query) holds(n int) bool {
	start := max(q.Start, 1)
	return n >= start && n-start < min(q.Count, MaxPage)
}

func (f *Federation) findUsers(r *db.Reader, q Query) ([]userRow, error) {
	switch {
	case q.UserName != nil:
		row, err := findUser(r, f.nameMark(*q.UserName))
		if strongroom.IsKind(err, strongroom.NotFound) {
			return nil, nil
		}
		return []userRow{row}, err
	case q.ExternalID != nil:
		return usersWith(r, f.extMark(*q.ExternalID))
	}
	return allUsers(r)
}
