package access

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Grant is a right of a person. It is a role, or an elevation if Role is empty.
type Grant struct {
	ID        string // "grt_…"
	Subject   string // a person's id
	Role      string
	Stores    []string // where the role counts, or everywhere if AllStores is set
	AllStores bool
	Right     Right // of an elevation
	// Glass says that the elevation came by breaking the glass.
	Glass   bool
	Request string // the case it came by
	// From, Until and Ended follow the data clock. A zero Until is until somebody
	// takes it away; a zero Ended says that nobody has.
	From, Until, Ended time.Time
	// Damaged says that the row was changed in the database, or its request is gone.
	// ID and Subject alone are set then; it gives no right.
	Damaged bool
}

// Live reports whether the grant gives its right at a time of the data clock.
func (g *Grant) Live(now time.Time) bool {
	return !g.Damaged && g.Ended.IsZero() && !now.Before(g.From) && (g.Until.IsZero() || now.Before(g.Until))
}

// scope is what is sealed of a grant.
type scope struct {
	Stores []string `json:"s,omitempty"`
	All    bool     `json:"a,omitempty"`
	Right  Right    `json:"r,omitzero"`
	Glass  bool     `json:"g,omitempty"`
}

func (a *Access) bindGrant(g grantRow) []byte {
	return seal.AD("access_grant", string(a.o.Environment), g.id, g.subject, g.role, g.request, g.decided, g.from, g.until, g.ended)
}

func (a *Access) sealGrant(g *Grant, decided int64) (grantRow, error) {
	row := grantRow{
		id: g.ID, subject: g.Subject, role: g.Role, request: g.Request, decided: decided,
		from: db.MicrosOrZero(g.From), until: db.MicrosOrZero(g.Until), ended: db.MicrosOrZero(g.Ended),
	}
	text, err := json.Marshal(scope{Stores: g.Stores, All: g.AllStores, Right: g.Right, Glass: g.Glass})
	if err != nil {
		return row, err
	}
	row.sealed = a.seal.Seal(nil, a.bindGrant(row), text)
	return row, nil
}

// openGrant opens a row. One that was edited or moved, or whose request is not
// there and approved at the instant it was made for, does not open.
func (a *Access) openGrant(r grantRow) (*Grant, error) {
	var s scope
	text, err := a.seal.Open(nil, a.bindGrant(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil || r.decided == 0 {
		return nil, strongroom.Faultf(strongroom.Internal, "grant-sealed", "the grant %s does not open", r.id).
			Advise("its row or its request was changed, or the keyring is another's")
	}
	return &Grant{
		ID: r.id, Subject: r.subject, Role: r.role, Stores: s.Stores, AllStores: s.All, Right: s.Right, Glass: s.Glass,
		Request: r.request, From: db.TimeOrZero(r.from), Until: db.TimeOrZero(r.until), Ended: db.TimeOrZero(r.ended),
	}, nil
}

// Granted is what a person's grants come to.
type Granted struct {
	Roles      []string
	Stores     []string
	AllStores  bool
	Elevations []strongroom.Elevation
}

// Rights returns what a person may do at a time of the data clock. A row that does
// not open gives nothing. Where roles have different scopes, which no request can
// bring about, what they share counts.
func (a *Access) Rights(r *db.Reader, person string, now time.Time) (Granted, error) {
	var out Granted
	grants, err := a.live(r, person, now)
	if err != nil {
		return out, err
	}
	for _, g := range grants {
		if g.Role == "" {
			out.Elevations = append(out.Elevations, strongroom.Elevation{
				ID: g.ID, Store: g.Right.Store, Purpose: g.Right.Purpose, Reference: g.Right.Reference, Classes: g.Right.Classes, Until: g.Until,
			})
			continue
		}
		out.share(g)
	}
	return out, nil
}

// share adds a role and keeps of the scope what both have.
func (x *Granted) share(g *Grant) {
	switch first := len(x.Roles) == 0; {
	case first:
		x.Stores, x.AllStores = slices.Clone(g.Stores), g.AllStores
	case x.AllStores:
		x.Stores, x.AllStores = slices.Clone(g.Stores), g.AllStores
	case !g.AllStores:
		x.Stores = slices.DeleteFunc(x.Stores, func(s string) bool { return !slices.Contains(g.Stores, s) })
	}
	if !slices.Contains(x.Roles, g.Role) {
		x.Roles = append(x.Roles, g.Role)
	}
}

// Roles returns the roles that a person holds at a time of the data clock or will
// hold later, whether or not they can sign in. Safe for concurrent use.
func (a *Access) Roles(r *db.Reader, person string, now time.Time) (out []string, err error) {
	rows, err := liveOf(r, person, db.MicrosOrZero(now))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		g, err := a.openGrant(row)
		if err == nil && !g.Damaged && g.Role != "" && !slices.Contains(out, g.Role) {
			out = append(out, g.Role)
		}
	}
	return out, nil
}

// live returns the grants of a person that count.
func (a *Access) live(r *db.Reader, person string, now time.Time) (out []*Grant, err error) {
	rows, err := liveOf(r, person, db.MicrosOrZero(now))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		g, err := a.openGrant(row)
		if err != nil {
			a.o.Log.LogAttrs(context.Background(), slog.LevelWarn, "a grant does not open and gives no right", slog.String("grant", row.id))
			continue
		}
		if g.Live(now) {
			out = append(out, g)
		}
	}
	return out, nil
}

// give stores a new grant of a request.
func (a *Access) give(tx *guard.Tx, q *Request, g *Grant) error {
	g.ID, g.Subject, g.Request, g.From = strongroom.NewID("grt"), q.Spec.Subject, q.ID, tx.Now()
	row, err := a.sealGrant(g, db.MicrosOrZero(q.Decided))
	if err != nil {
		return err
	}
	q.Made = append(q.Made, g.ID)
	a.changed(tx, g.Subject)
	return insertGrant(tx, row)
}

func (a *Access) changed(tx *guard.Tx, person string) { tx.AfterCommit(func() { a.o.Changed(person) }) }

// giveRoles makes the grants of an account or a role. Roles of one person share
// one scope.
func (a *Access) giveRoles(tx *guard.Tx, q *Request) error {
	s := &q.Spec
	if !s.Until.IsZero() && !s.Until.After(tx.Now()) {
		return strongroom.Faultf(strongroom.Conflict, "until", "the roles would be over already")
	}
	have, err := a.live(&tx.Reader, s.Subject, tx.Now())
	if err != nil {
		return err
	}
	for _, g := range have {
		if g.Role == "" {
			continue
		}
		if s.Replace {
			if err := a.end(tx, g, slices.Contains(s.Roles, g.Role)); err != nil {
				return err
			}
			continue
		}
		if slices.Contains(s.Roles, g.Role) {
			return strongroom.Faultf(strongroom.Conflict, "role-held", "the person holds one of the roles already").
				Advise("ask for all roles anew, in place of the present ones")
		}
		if g.AllStores != s.AllStores || !sameStores(g.Stores, s.Stores) {
			return strongroom.Faultf(strongroom.Conflict, "scope", "roles of one person are for the same stores").
				Advise("ask for all roles anew, in place of the present ones")
		}
	}
	if len(have)+len(s.Roles) > MaxGrants {
		return strongroom.Faultf(strongroom.Exhausted, "grants", "a person has at most %d grants", MaxGrants)
	}
	for _, role := range s.Roles {
		if err := a.give(tx, q, &Grant{Role: role, Stores: s.Stores, AllStores: s.AllStores, Until: s.Until}); err != nil {
			return err
		}
	}
	return nil
}

func sameStores(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// giveRight makes the grant of an elevation. It begins with the approval.
func (a *Access) giveRight(tx *guard.Tx, q *Request) error {
	have, err := a.live(&tx.Reader, q.Spec.Subject, tx.Now())
	if err != nil {
		return err
	}
	if len(have) >= MaxGrants {
		return strongroom.Faultf(strongroom.Exhausted, "grants", "a person has at most %d grants", MaxGrants)
	}
	until := tx.Now().Add(q.Spec.Right.Duration)
	tx.Note("until_us", db.MicrosOrZero(until))
	return a.give(tx, q, &Grant{Right: q.Spec.Right, Glass: q.Spec.Kind == BreakGlass, Until: until})
}

// end ends a grant. kept says that the same role is given anew in the same commit.
func (a *Access) end(tx *guard.Tx, g *Grant, kept bool) error {
	if g.Role == authz.Owner && !kept {
		if err := a.keepOwner(tx, g.Subject); err != nil {
			return err
		}
	}
	return a.endRow(tx, g)
}

func (a *Access) endRow(tx *guard.Tx, g *Grant) error {
	old, err := loadGrant(&tx.Reader, g.ID)
	if err != nil {
		return err
	}
	g.Ended = tx.Now()
	row, err := a.sealGrant(g, old.decided)
	if err != nil {
		return err
	}
	tx.Ends(g.Subject)
	a.changed(tx, g.Subject)
	return endGrant(tx, row)
}

// keepOwner refuses to take away the role of the last owner who can sign in.
func (a *Access) keepOwner(tx *guard.Tx, person string) error {
	owners, err := a.Owners(&tx.Reader, tx.Now())
	if err != nil {
		return err
	}
	for _, o := range owners {
		if o != person && a.o.People.MaySignIn(&tx.Reader, o, tx.Now()) == nil {
			return nil
		}
	}
	return strongroom.Faultf(strongroom.Conflict, "last-owner", "no other owner could sign in").Advise("let another owner in first")
}

// Owners returns the persons who hold the owner's role at a time of the data clock,
// whether or not they can sign in. Safe for concurrent use.
func (a *Access) Owners(r *db.Reader, now time.Time) (out []string, err error) {
	rows, err := holders(r, authz.Owner, db.MicrosOrZero(now))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if g, err := a.openGrant(row); err == nil && g.Live(now) && !slices.Contains(out, g.Subject) {
			out = append(out, g.Subject)
		}
	}
	return out, nil
}
