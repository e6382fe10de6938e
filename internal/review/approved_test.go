package review_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/review"
)

// logged is an office whose reviews read the real log.
func logged(t *testing.T) *office {
	t.Helper()
	o := enter(t, func(x *review.Options) { x.Profile = review.Profile{Unapproved: review.Suspend} })
	o.opts.Events = review.FromLog(o.log, nil)
	o.Review = review.New(o.opts)
	return o
}

// approve approves what is there.
func (o *office) approve(who strongroom.Actor) (review.Baseline, error) {
	o.t.Helper()
	seen, err := o.Present(o.t.Context(), who, review.People)
	o.must(err)
	return o.Approve(o.t.Context(), who, review.People, seen.Digest)
}

// isLost fails unless everything says that the baseline is not the approved one.
func (o *office) isLost(what string, kind strongroom.Kind, code string) {
	o.t.Helper()
	_, err := o.Baseline(o.t.Context(), o.sec, review.People)
	want(o.t, what, err, kind, code)
	_, _, err = o.Drift(o.t.Context(), o.sec, review.People)
	want(o.t, what, err, kind, code)
	if n, err := o.Tend(o.t.Context()); err == nil || n != (review.Tended{}) || len(o.reg.suspended) != 0 {
		o.t.Errorf("%s: the profile acts on it: %+v, %v", what, n, err)
	}
	x, err := o.Tally(o.t.Context())
	if err != nil || x.Lost != 1 || x.Findings[review.FlawStanding] == 0 || x.Findings[review.FlawNew]+x.Findings[review.FlawUnapproved] != 0 {
		o.t.Errorf("%s: %+v, %v", what, x, err)
	}
}

// A baseline that is not the one the log shows is a finding, and one person does not
// approve the next one alone.
func TestBaselineIsTheOneTheLogShows(t *testing.T) {
	var old []any
	for name, x := range map[string]struct {
		harm func(tx *db.Tx) error
		kind strongroom.Kind
		code string
	}{
		"deleted": {func(tx *db.Tx) error { return run(tx.Exec(`delete from review_baseline`)) }, strongroom.Conflict, "baseline-lost"},
		"put back": {func(tx *db.Tx) error {
			return run(tx.Exec(`update review_baseline set version = $1, made_at = $2, maker = $3, digest = $4, sealed = $5`, old...))
		}, strongroom.Conflict, "baseline-lost"},
		"edited": {func(tx *db.Tx) error { return run(tx.Exec(`update review_baseline set maker = 'usr_x'`)) }, strongroom.Internal, "review-sealed"},
	} {
		t.Run(name, func(t *testing.T) {
			o, ctx := logged(t), t.Context()
			first, err := o.approve(o.chief)
			if err != nil || first.Version != 1 || first.Waits {
				t.Fatalf("%+v, %v", first, err)
			}
			old = o.baselineRow()
			o.grant(o.hire(authz.Auditor).ID, authz.Operator, storeA)
			second, err := o.approve(o.chief)
			if err != nil || second.Version != 2 {
				t.Fatalf("%+v, %v", second, err)
			}
			if x, err := o.Tally(ctx); err != nil || x.Lost != 0 { // planted
				t.Fatalf("%+v, %v", x, err)
			}

			o.exec(x.harm)
			o.isLost(name, x.kind, x.code)
			o.grant(o.sec.ID, authz.Auditor) // what one person would have approved alone
			for range 2 {
				if b, err := o.approve(o.sec); err != nil || !b.Waits || b.Version != 0 {
					t.Fatalf("alone: %+v, %v", b, err)
				}
			}
			o.isLost(name, x.kind, x.code)
			b, err := o.approve(o.chief)
			if err != nil || b.Waits || b.Version != 3 || b.Maker != o.chief.ID {
				t.Fatalf("by two: %+v, %v", b, err)
			}
			if x, err := o.Tally(ctx); err != nil || x.Lost != 0 {
				t.Errorf("%+v, %v", x, err)
			}
			list := o.events("review.close")
			if got := note(list[len(list)-1], "stage"); got != any(audit.Word("baseline")) {
				t.Errorf("the last event is %v", got)
			}
			if got := note(list[len(list)-2], "stage"); got != any(audit.Word("baseline-first")) || note(list[len(list)-2], "digest") != b.Digest {
				t.Errorf("the event before is %v", got)
			}
		})
	}
}

// baselineRow returns the columns of the row, to be put back.
func (o *office) baselineRow() []any {
	o.t.Helper()
	var version, made int64
	var maker string
	var sum, sealed []byte
	o.must(o.db.Read(context.Background(), func(r *db.Reader) error {
		return r.QueryRow(`select version, made_at, maker, digest, sealed from review_baseline`).Scan(&version, &made, &maker, &sum, &sealed)
	}))
	return []any{version, made, maker, sum, sealed}
}

// What counts as the first of two approvals.
func TestFirstOfTwoApprovals(t *testing.T) {
	robotOf := func(o *office, who string) string {
		id := o.service(strongroom.NewID("usr"))
		o.reg.hands[id] = who
		return id
	}
	for name, harm := range map[string]func(o *office){
		"too old":        func(o *office) { o.ahead(review.SecondWithin + time.Minute) },
		"who has left":   func(o *office) { delete(o.reg.items, o.sec.ID) },
		"something else": func(o *office) { o.grant(o.hire(authz.Auditor).ID, authz.Operator) },
		"one hand":       func(o *office) { o.reg.hands[o.sec.ID] = o.chief.ID },
		"edited": func(o *office) {
			o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_first set at = at + 1`)) })
		},
		"made by hand": func(o *office) {
			id := robotOf(o, "")
			o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_first set person = $1`, id)) })
		},
		"deleted": func(o *office) { o.exec(func(tx *db.Tx) error { return run(tx.Exec(`delete from review_first`)) }) },
		"":        func(*office) {}, // planted
	} {
		o := logged(t)
		_, err := o.approve(o.chief)
		o.must(err)
		o.exec(func(tx *db.Tx) error { return run(tx.Exec(`delete from review_baseline`)) })
		if b, err := o.approve(o.sec); err != nil || !b.Waits {
			t.Fatalf("%s: %+v, %v", name, b, err)
		}
		harm(o)
		if b, err := o.approve(o.chief); err != nil || b.Waits != (name != "") {
			t.Errorf("%q: %+v, %v", name, b, err)
		}
	}
}

// Where the log cannot be read nothing is approved, and who may not is denied.
func TestApprovalNeedsTheLog(t *testing.T) {
	h := &history{}
	o := enter(t, func(x *review.Options) { x.Events = h })
	clerk := o.hire(authz.Operator)
	_, err := o.approve(o.chief)
	o.must(err) // planted: nothing was approved before
	h.shown = map[review.Kind]review.Approved{review.People: {Version: 1, Digest: "00"}}
	o.isLost2("another digest")
	h.shown = map[review.Kind]review.Approved{review.People: {Version: 2}}
	o.isLost2("a newer version")
	_, err = o.Approve(t.Context(), clerk, review.People, "")
	want(t, "who may not", err, strongroom.Denied, "")
	h.err = strongroom.Faultf(strongroom.Unavailable, "log", "no")
	_, err = o.Approve(t.Context(), o.chief, review.People, "")
	want(t, "without the log", err, strongroom.Unavailable, "log")
	if _, err = o.Tally(t.Context()); err == nil {
		t.Error("counted without the log")
	}
	if _, err = o.Baseline(t.Context(), o.chief, review.People); err == nil {
		t.Error("shown without the log")
	}
}

func (o *office) isLost2(what string) {
	o.t.Helper()
	_, err := o.Baseline(o.t.Context(), o.sec, review.People)
	want(o.t, what, err, strongroom.Conflict, "baseline-lost")
}

// memoryShelf keeps in memory.
type memoryShelf struct {
	state []byte
	err   error
	keeps int
}

func (s *memoryShelf) Load(context.Context) ([]byte, error) { return s.state, s.err }

func (s *memoryShelf) Keep(_ context.Context, state []byte) error {
	s.state, s.keeps = bytes.Clone(state), s.keeps+1
	return s.err
}

// uses writes n events of an account.
func (o *office) uses(who string, n int) {
	o.t.Helper()
	for ; n > 0; n -= 250 {
		list := make([]audit.Event, min(n, 250))
		for i := range list {
			list[i] = audit.Event{
				Action: strongroom.Action{Name: "store.list", Class: 3004, Activity: 2}, Outcome: audit.Success,
				Actor: strongroom.Actor{Kind: strongroom.PersonActor, ID: who, Door: "http"}, Resource: strongroom.Resource{Type: "Store", ID: storeA},
			}
		}
		o.must(o.log.Record(context.Background(), list...))
	}
}

// After a restart reading goes on from what was kept; an older state comes to the same.
func TestLogIsReadOn(t *testing.T) {
	o, ctx, s := logged(t), t.Context(), &memoryShelf{}
	since := time.Now().Add(-time.Hour)
	b, err := o.approve(o.chief)
	o.must(err)
	look := func(s review.Shelf) (map[string]review.Use, map[review.Kind]review.Approved) {
		t.Helper()
		e := review.FromLog(o.log, s)
		use, err := e.Use(ctx, since)
		o.must(err)
		shown, err := e.Approvals(ctx)
		o.must(err)
		return use, shown
	}
	if look(s); s.keeps != 0 {
		t.Error("a short log is kept")
	}
	o.uses(o.sec.ID, 10_000)
	if look(s); s.keeps == 0 {
		t.Fatal("a long log is not kept")
	}
	old := bytes.Clone(s.state)
	// Planted: what was kept is believed, so it was not read again.
	s.state = bytes.Replace(s.state, []byte(o.sec.ID), []byte(storeB), 1)
	s.state = bytes.Replace(s.state, []byte(`"v":1`), []byte(`"v":7`), 1)
	use, shown := look(s)
	if len(use[o.sec.ID].Actions) != 0 || len(use[storeB].Actions) == 0 || shown[review.People].Version != 7 {
		t.Errorf("it is read from the beginning: %v, %v", use, shown)
	}
	// An older state and what came since.
	o.grant(o.hire(authz.Auditor).ID, authz.Operator, storeA)
	b, err = o.approve(o.chief)
	o.must(err)
	o.uses(o.chief.ID, 1)
	use, shown = look(&memoryShelf{state: old})
	if len(use) != 2 || use[o.chief.ID].Actions["store.list"].IsZero() || use[o.sec.ID].Actions["store.list"].IsZero() || use[o.chief.ID].Actions["review.close"].IsZero() {
		t.Errorf("%v", use)
	}
	if shown[review.People] != (review.Approved{Version: 2, Digest: b.Digest}) {
		t.Errorf("%v", shown)
	}
	// What does not read is none.
	if use, shown = look(&memoryShelf{state: []byte("{")}); len(use) != 2 || shown[review.People].Version != 2 {
		t.Errorf("%v, %v", use, shown)
	}
	if _, err := review.FromLog(o.log, &memoryShelf{err: context.Canceled}).Approvals(ctx); err == nil {
		t.Error("a shelf that cannot be read is empty")
	}
}

// The shelf in the database is sealed; a row that was edited counts as none.
func TestShelf(t *testing.T) {
	o, ctx := enter(t), t.Context()
	s := review.NewShelf(o.guard, strongroom.Production, o.opts.Key)
	load := func(s review.Shelf) string {
		t.Helper()
		text, err := s.Load(ctx)
		o.must(err)
		return string(text)
	}
	if got := load(s); got != "" {
		t.Errorf("%q", got)
	}
	for _, x := range []string{"one", "two"} {
		o.must(s.Keep(ctx, []byte(x)))
		if got := load(s); got != x {
			t.Errorf("%q", got)
		}
	}
	if got := load(review.NewShelf(o.guard, strongroom.Test, o.opts.Key)); got != "" {
		t.Errorf("another environment reads %q", got)
	}
	o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_memory set sealed = $1`, []byte("two"))) })
	if got := load(s); got != "" {
		t.Errorf("edited: %q", got)
	}
}

// A verdict whose older row was put back does not close a review.
func TestVerdictIsTheOneTheLogShows(t *testing.T) {
	o, ctx := logged(t), t.Context()
	clerk := o.hire(authz.Operator)
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	n := o.numberOf(c.ID, clerk.ID)
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(n)}, 0))
	var decided int64
	var sealed []byte
	o.must(o.db.Read(ctx, func(r *db.Reader) error {
		return r.QueryRow(`select decided_at, sealed from review_entry where number = $1`, n).Scan(&decided, &sealed)
	}))
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{remove(n)}, 0)) // the last word
	o.keepAll(c.ID)
	o.exec(func(tx *db.Tx) error {
		return run(tx.Exec(`update review_entry set verdict = 1, decided_at = $2, sealed = $3 where number = $1`, n, decided, sealed))
	})
	_, list, err := o.Campaign(ctx, o.chief, c.ID)
	if err != nil || list[n-1].Verdict != review.Keep {
		t.Fatalf("the planted row does not open: %v", err)
	}
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "an older verdict", err, strongroom.Conflict, "verdict")
	_, err = o.Execute(ctx, o.chief, c.ID)
	want(t, "an older verdict to execute", err, strongroom.Conflict, "verdict")
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(n)}, 0)) // planted: decided so after all
	_, err = o.Close(ctx, o.chief, c.ID)
	o.must(err)
}
