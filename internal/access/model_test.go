package access_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
)

// model says in the plainest way who has which right, from what was asked and
// decided. It shares no code with the product.
type model struct {
	now      time.Time
	requests []*wish
	grants   []*right
}

type wish struct {
	id             string
	kind           access.Kind
	asker, subject int // places in the list of persons
	role           string
	store          string // empty is all
	state          access.State
	asked, ends    time.Time
}

type right struct {
	id      string
	subject int
	role    string // empty: an elevation
	store   string
	until   time.Time
	ended   bool
}

func (m *model) live(g *right) bool {
	return !g.ended && (g.until.IsZero() || m.now.Before(g.until))
}

// decides says which roles of a person let them decide about which requests.
func decides(w *wish, roles []string) bool {
	has := func(r string) bool { return slices.Contains(roles, r) }
	switch w.kind {
	case access.Role:
		return has(authz.Owner) || has(authz.Security) && w.role == authz.Security || has(authz.Privacy) && w.role == authz.Privacy
	case access.Elevation:
		return has(authz.Owner) || has(authz.Security) || has(authz.Privacy)
	}
	return has(authz.Owner) || has(authz.Security) || has(authz.Privacy) || has(authz.Operator)
}

// fits says whether a role can be given beside those that the subject has.
func (m *model) fits(w *wish) bool {
	for _, g := range m.grants {
		if w.kind == access.Role && g.subject == w.subject && g.role != "" && m.live(g) && (g.role == w.role || g.store != w.store) {
			return false
		}
	}
	return true
}

func (m *model) approve(w *wish, made []string) {
	w.state = access.Approved
	g := &right{id: made[0], subject: w.subject, role: w.role, store: w.store}
	if w.kind != access.Role {
		g.until = m.now.Add(time.Hour)
	}
	m.grants = append(m.grants, g)
}

// For random askers, approvers and times, everybody has the rights that the plain
// reading of the rules gives, and nobody any other.
func TestRightsAreThoseOfTheModel(t *testing.T) {
	for seed := range uint64(3) {
		walk(t, seed, 250)
	}
}

func walk(t *testing.T, seed uint64, steps int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 7))
	r := enter(t, strongroom.Production)
	everybody := []strongroom.Actor{
		r.someone([]string{authz.Owner}), r.someone([]string{authz.Security}), r.someone([]string{authz.Privacy}),
		r.someone([]string{authz.Operator}), r.someone(nil), r.someone(nil),
	}
	m := &model{}
	yes, no := 0, 0
	step := func(what string, want bool, err error) {
		t.Helper()
		if want != (err == nil) {
			t.Fatalf("seed %d: %s: %v, the model says %v", seed, what, err, want)
		}
		if want {
			yes++
		} else {
			no++
		}
	}
	for range steps {
		r.ahead(time.Duration(rnd.IntN(20)) * time.Minute)
		m.now = r.clock.Now()
		n := rnd.IntN(len(everybody))
		who := everybody[n]
		who.Standing.Verified = time.Now()
		switch op := rnd.IntN(10); {
		case op < 3 || len(m.requests) == 0:
			w, spec := randomWish(rnd, everybody, n)
			may := w.kind != access.BreakGlass || len(who.Roles) > 0
			open := 0
			for _, x := range m.requests {
				if x.asker == n && x.state == access.Open {
					open++
				}
			}
			q, err := r.Ask(t.Context(), who, spec)
			step("ask", may && open < access.MaxOpen, err)
			if err == nil {
				w.id, w.state, w.asked, w.ends = q.ID, access.Open, q.Asked, q.Ends
				m.requests = append(m.requests, w)
			}
		case op < 7:
			w := m.requests[len(m.requests)-1-rnd.IntN(min(6, len(m.requests)))]
			want := w.state == access.Open && m.now.Before(w.ends) && n != w.asker && n != w.subject && decides(w, who.Roles) && m.fits(w)
			q, err := r.Approve(t.Context(), who, w.id, "")
			step("approve "+string(w.kind), want, err)
			if err == nil {
				m.approve(w, q.Made)
			}
		case op < 8:
			w := m.requests[rnd.IntN(len(m.requests))]
			want := w.kind == access.BreakGlass && w.state == access.Open && n == w.asker && m.now.Before(w.ends) && m.now.Sub(w.asked) >= access.GlassDelay
			q, err := r.Break(t.Context(), who, w.id)
			step("break", want, err)
			if err == nil {
				m.approve(w, q.Made)
			}
		case op < 9:
			w := m.requests[rnd.IntN(len(m.requests))]
			_, err := r.Withdraw(t.Context(), who, w.id)
			step("withdraw", w.state == access.Open && m.now.Before(w.ends) && (n == w.asker || n == w.subject), err)
			if err == nil {
				w.state = access.Withdrawn
			}
		case len(m.grants) > 0:
			g := m.grants[rnd.IntN(len(m.grants))]
			err := r.Revoke(t.Context(), who, g.id)
			step("revoke", slices.Contains(who.Roles, authz.Owner) || slices.Contains(who.Roles, authz.Security), err)
			g.ended = g.ended || err == nil
		}
		compare(t, r, m, everybody)
	}
	if yes < steps/5 || no < steps/10 { // planted: both answers come
		t.Errorf("seed %d: %d steps were allowed, %d refused", seed, yes, no)
	}
}

func randomWish(rnd *rand.Rand, everybody []strongroom.Actor, asker int) (*wish, access.Spec) {
	w := &wish{asker: asker, subject: rnd.IntN(len(everybody))}
	switch rnd.IntN(3) {
	case 0:
		w.kind, w.store, w.subject = access.BreakGlass, storeA, asker
		s := glassSpec()
		return w, s
	case 1:
		w.kind, w.store = access.Elevation, storeA
		s := rightSpec()
		s.Subject, s.Right.Duration = everybody[w.subject].ID, time.Hour
		return w, s
	}
	w.kind, w.role = access.Role, []string{authz.Auditor, authz.Security, authz.Privacy}[rnd.IntN(3)]
	s := roleSpec(everybody[w.subject].ID, w.role)
	if rnd.IntN(2) == 0 {
		w.store, s.Stores, s.AllStores = storeB, []string{storeB}, false
	}
	return w, s
}

// compare holds the rights of everybody against the model.
func compare(t *testing.T, r *room, m *model, everybody []strongroom.Actor) {
	t.Helper()
	m.now = r.clock.Now()
	for n, who := range everybody {
		var roles []string
		all, elevations := false, 0
		for _, g := range m.grants {
			switch {
			case g.subject != n || !m.live(g):
			case g.role == "":
				elevations++
			default:
				roles, all = append(roles, g.role), g.store == ""
			}
		}
		got := r.rights(who.ID)
		slices.Sort(roles)
		slices.Sort(got.Roles)
		if !slices.Equal(got.Roles, roles) || len(got.Elevations) != elevations || len(roles) > 0 && got.AllStores != all {
			t.Fatalf("person %d has %+v, the model says %v, all %v, %d elevations", n, got, roles, all, elevations)
		}
	}
}

func BenchmarkRights(b *testing.B) {
	r := enter(b, strongroom.Production)
	owner, clerk := r.found(), r.someone(nil)
	r.granted(clerk, owner, roleSpec(clerk.ID, authz.Operator, authz.Auditor))
	for range 3 {
		r.granted(clerk, owner, rightSpec())
	}
	for b.Loop() {
		if g := r.rights(clerk.ID); len(g.Elevations) != 3 {
			b.Fatal(g)
		}
	}
}
