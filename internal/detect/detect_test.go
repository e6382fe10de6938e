package detect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/detect"
	"strongroom/internal/guard/guardtest"
)

// ground is a log with a detector that follows it.
type ground struct {
	*guardtest.Ground
	*detect.Detector
	t        *testing.T
	clock    *strongroom.Clock
	mu       sync.Mutex
	disabled []string
	fails    error
}

func newGround(t *testing.T) *ground {
	clock := new(strongroom.Clock)
	g := &ground{Ground: guardtest.Open(t, clock), t: t, clock: clock}
	g.follow()
	return g
}

// follow begins anew, as after a restart.
func (g *ground) follow() {
	g.Detector = detect.New(detect.Options{Events: g.Log, Clock: g.clock, Disable: func(_ context.Context, person string, why detect.Signal) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.fails == nil {
			g.disabled = append(g.disabled, person+" "+why.Word().String())
			g.write(locked(person, true))
		}
		return g.fails
	}})
}

func (g *ground) write(events ...audit.Event) {
	g.t.Helper()
	if err := g.Log.Record(g.t.Context(), events...); err != nil {
		g.t.Fatal(err)
	}
}

// look wants a look to find nothing, or one thing.
func (g *ground) look(what string, want ...string) {
	g.t.Helper()
	g.disabled = nil
	n, err := g.Look(g.t.Context())
	if err != nil || n != len(want) || !slices.Equal(g.disabled, want) {
		g.t.Errorf("%s: %d %v, %v; want %v", what, n, g.disabled, err, want)
	}
}

func (g *ground) pass(d time.Duration) { g.clock.SetOffset(time.Until(g.clock.Now().Add(d))) }

var (
	reveal = strongroom.Action{Name: "record.reveal", Class: 6003, Activity: 2}
	open   = strongroom.Action{Name: "session.open", Class: 3002, Activity: 1}
	revoke = strongroom.Action{Name: "session.revoke", Class: 3002, Activity: 2}
	lock   = strongroom.Action{Name: "session.lock", Class: 3001, Activity: 9}
	unlock = strongroom.Action{Name: "session.unlock", Class: 3001, Activity: 8}
)

func person(id string) strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: id, Door: "http"}
}

func account(id string) strongroom.Resource { return strongroom.Resource{Type: "Account", ID: id} }

func denied(id, code string) audit.Event {
	return audit.Event{Action: reveal, Actor: person(id), Resource: account(id), Outcome: audit.Denied, Code: code}
}

// signedIn is a sign-in with what was unusual about it.
func signedIn(id string, kinds ...audit.Term) audit.Event {
	e := audit.Event{Action: open, Actor: person(id), Resource: account(id), Outcome: audit.Success}
	if len(kinds) > 0 {
		e.Notes = []audit.Note{{Key: "kinds", Value: kinds}}
	}
	return e
}

// moved is a session that ended because its token was shown elsewhere.
func moved(id string, how audit.Term) audit.Event {
	return audit.Event{Action: revoke, Actor: strongroom.System("session"), Resource: account(strongroom.NewID("ses")), Outcome: audit.Success,
		Notes: []audit.Note{{Key: "account", Value: id}, {Key: "reason", Value: how}}}
}

func locked(id string, full bool) audit.Event {
	return audit.Event{Action: lock, Actor: strongroom.System("detect"), Resource: account(id), Outcome: audit.Success,
		Notes: []audit.Note{{Key: "full", Value: full}}}
}

func unlocked(id string) audit.Event {
	return audit.Event{Action: unlock, Actor: person(strongroom.NewID("usr")), Resource: account(id), Outcome: audit.Success}
}

func times(n int, e audit.Event) []audit.Event {
	out := make([]audit.Event, n)
	for i := range out {
		out[i] = e
	}
	return out
}

// TestObligation_2_2_9_Signals: what does not fit a person's use has the account
// disabled. Planted beside each row: one fewer, and what comes with ordinary work.
func TestObligation_2_2_9_Signals(t *testing.T) {
	all := []audit.Term{audit.Word("new-network"), audit.Word("new-device"), audit.Word("concurrent")}
	both := audit.Word("network-device")
	for name, c := range map[string]struct {
		most  int
		event func(id string) audit.Event
		word  string
	}{
		"denials":           {detect.Denials, func(id string) audit.Event { return denied(id, "denied") }, "denials"},
		"tokens elsewhere":  {detect.Moved, func(id string) audit.Event { return moved(id, both) }, "network-device"},
		"sign-ins all over": {detect.Elsewhere, func(id string) audit.Event { return signedIn(id, all...) }, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t)
			jane, ben := strongroom.NewID("usr"), strongroom.NewID("usr")
			g.write(times(c.most-1, c.event(jane))...)
			g.look("one fewer")
			g.write(times(c.most-1, c.event(ben))...)
			g.look("somebody else, one fewer")
			g.write(c.event(jane))
			g.look("enough", jane+" "+c.word)
			g.look("once")
			g.follow()
			g.look("after a restart it is known to be done")
			g.pass(detect.Stretch + time.Second)
			g.write(c.event(ben))
			g.look("too slow to be a signal")
		})
	}
	t.Run("ordinary work", func(t *testing.T) {
		g := newGround(t)
		jane := strongroom.NewID("usr")
		guarded := denied(jane, "denied")
		guarded.Policies = []string{"guards/step-up"}
		for _, e := range []audit.Event{
			guarded, denied(jane, "step-up"), denied(jane, "rights-changed"), signedIn(jane), signedIn(jane, all[0]), signedIn(jane, all[:2]...),
			moved(jane, audit.Word("network")), moved(jane, audit.Word("signed-out")),
			{Action: reveal, Actor: person(jane), Resource: account(jane), Outcome: audit.Success},
		} {
			g.write(times(detect.Denials+1, e)...)
		}
		service := denied(jane, "denied")
		service.Actor = strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Door: "http"}
		g.write(times(detect.Denials+1, service)...) // a key is revoked, not locked
		g.look("none of it")
		guarded.Policies = []string{"guards/scope", "guards/step-up"} // planted: factors would not help
		g.write(times(detect.Denials, guarded)...)
		g.look("what another policy denies", jane+" denials")
	})
}

// TestUnlockedStaysUnlocked: what was before an unlock is dealt with, also for a
// detector that begins anew. Planted: what comes after it counts.
func TestUnlockedStaysUnlocked(t *testing.T) {
	g := newGround(t)
	jane := strongroom.NewID("usr")
	g.write(times(detect.Denials, denied(jane, "denied"))...)
	g.look("enough", jane+" denials")
	g.write(unlocked(jane))
	g.follow()
	g.look("unlocked")
	g.write(times(detect.Denials-1, denied(jane, "denied"))...)
	g.look("one fewer since")
	g.write(denied(jane, "denied"), locked(strongroom.NewID("usr"), true))
	g.look("again", jane+" denials")
}

// TestRestartForgetsNothing: a detector that begins anew reads the stretch again.
func TestRestartForgetsNothing(t *testing.T) {
	g := newGround(t)
	jane := strongroom.NewID("usr")
	g.write(times(detect.Denials-1, denied(jane, "denied"))...)
	g.look("one fewer")
	g.follow()
	g.write(denied(jane, "denied"))
	g.look("the last one", jane+" denials")
}

// TestFailureIsTriedAgain: an account that could not be disabled is disabled at the
// next look, and until then each look fails.
func TestFailureIsTriedAgain(t *testing.T) {
	g := newGround(t)
	jane := strongroom.NewID("usr")
	g.fails = errors.New("planted")
	g.write(times(detect.Denials, denied(jane, "denied"))...)
	for range 2 {
		if n, err := g.Look(t.Context()); n != 0 || !errors.Is(err, g.fails) {
			t.Errorf("%d, %v", n, err)
		}
	}
	g.pass(detect.Stretch + time.Second) // it is due however long it takes
	g.fails = nil
	g.look("when it works again", jane+" denials")
}

// TestManyPages: what is spread over many pages of the log is found.
func TestManyPages(t *testing.T) {
	g := newGround(t)
	jane := strongroom.NewID("usr")
	other := make([]audit.Event, audit.MaxEvents/10)
	for i := range other {
		other[i] = denied(fmt.Sprintf("svc_%026d", i), "denied")
		other[i].Actor.Kind = strongroom.ServiceActor
		other[i].Resource = account(strongroom.NewID("svc"))
	}
	for range detect.Denials {
		g.write(append(slices.Clone(other), denied(jane, "denied"))...)
	}
	g.look("over pages", jane+" denials")
}
