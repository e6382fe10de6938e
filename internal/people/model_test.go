package people_test

import (
	"testing"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/factor"
	"strongroom/internal/people"
)

// Whatever is done to an account in whatever order: it can sign in only while a
// naive model says so, never without two factors, and never again after its end.
func TestAccountModel(t *testing.T) {
	f := fresh(t)
	completed := 0
	rapid.Check(t, func(r *rapid.T) {
		s := jane()
		s.Email = strongroom.NewID("m") + ".doe@kitchen.example"
		id := f.add(t, s).ID
		state := people.Invited
		password, app := false, false
		var link people.Link
		var open bool // link was given and not used
		var who strongroom.Actor
		enrolling := false
		var pending factor.TOTPSecret
		hasPending := false
		waits := false // enrolled, and to be let in by another person
		forget := func() { open, enrolling = false, false }
		want := func(what string, err error, allowed bool) bool {
			r.Helper()
			if strongroom.IsKind(err, strongroom.Internal) || (err == nil) != allowed {
				r.Fatalf("%s in state %s: allowed %t, %v", what, state, allowed, err)
			}
			return err == nil
		}
		steps := map[string]func(*rapid.T){
			"invite": func(*rapid.T) {
				l, err := f.Invite(t.Context(), f.boss(), id)
				if want("invite", err, state == people.Invited) {
					forget()
					link, open = l, true
				}
			},
			"reset": func(*rapid.T) {
				l, err := f.Reset(t.Context(), f.boss(), id)
				if want("reset", err, state == people.Invited || state == people.Active || waits) {
					waits = false
					forget()
					link, open, state, password, app, hasPending = l, true, people.Invited, false, false, false
				}
			},
			"follow": func(*rapid.T) {
				if link.Person == "" {
					return
				}
				e, err := f.Enrol(t.Context(), link.Token.Reveal(), "http")
				if want("follow", err, open && state == people.Invited) {
					open, enrolling = false, true
					password, app, hasPending = false, false, false // what a former link set up
					who, err = f.Enrolling(t.Context(), e.Token.Reveal(), "http")
					want("enrolling", err, true)
				}
			},
			"password": func(*rapid.T) {
				err := f.SetPassword(t.Context(), who, nil, []byte("Quick-"+strongroom.NewID("X")[4:12]+"-7Clouds!"))
				if err != nil && strongroom.IsKind(err, strongroom.Invalid) {
					return // chance made a part of the name
				}
				if want("password", err, enrolling) {
					password = true
				}
			},
			"app": func(*rapid.T) {
				secret, _, err := f.AddTOTP(t.Context(), who)
				if want("app", err, enrolling) {
					pending, hasPending = secret, true
				}
			},
			"confirm": func(*rapid.T) {
				at := f.real.Now()
				err := f.ConfirmTOTP(t.Context(), who, codeOf(t, pending, at))
				if want("confirm", err, enrolling && hasPending) {
					app, hasPending = true, false
				}
			},
			"complete": func(*rapid.T) {
				_, err := f.Complete(t.Context(), who)
				if want("complete", err, enrolling && password && app) {
					state, enrolling, waits = people.Suspended, false, true
					completed++
				}
			},
			"suspend": func(*rapid.T) {
				if want("suspend", f.Suspend(t.Context(), f.boss(), id, people.Incident), state != people.Ended) {
					state, waits = people.Suspended, false
					forget()
				}
			},
			"resume": func(*rapid.T) {
				if want("resume", f.Resume(t.Context(), f.boss(), id), state == people.Suspended) {
					state, waits = people.Invited, false
					if password && app {
						state = people.Active
					}
				}
			},
			"self": func(*rapid.T) {
				self := f.actor(id, authz.Owner, authz.Security)
				want("self", f.Resume(t.Context(), self, id), false)
				_, err := f.Reset(t.Context(), self, id)
				want("self", err, false)
			},
			"end": func(r *rapid.T) {
				if rapid.IntRange(0, 5).Draw(r, "die") > 0 {
					return
				}
				want("end", f.End(t.Context(), f.boss(), id, people.Cause{Kind: people.ByHand}), true)
				state, password, app, hasPending, waits = people.Ended, false, false, false, false
				forget()
			},
			"": func(*rapid.T) {
				if x := f.get(t, id); x.State != state {
					r.Fatalf("state %s, the model says %s", x.State, state)
				}
				if in := f.may(t, id) == ""; in != (state == people.Active) || in && !(password && app) {
					r.Fatalf("may sign in: %t, state %s, password %t, app %t", in, state, password, app)
				}
				if state != people.Active {
					return
				}
				if g, err := f.Gauges(t.Context()); err != nil || g.OneFactor != 0 {
					r.Fatalf("%+v, %v", g, err)
				}
			},
		}
		steps["go"] = func(r *rapid.T) { // chance alone seldom finds the way
			for _, step := range []string{"invite", "follow", "password", "app", "confirm", "complete", "resume"} {
				steps[step](r)
			}
		}
		r.Repeat(steps)
	})
	if completed == 0 {
		t.Error("nobody ever completed an enrolment: the walk shows nothing")
	}
	t.Logf("%d enrolments were completed", completed)
}
