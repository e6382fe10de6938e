package guard_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

// TestModel runs groups of random members and compares state, log and answers
// with a model that knows nothing of transactions: a member stands if it was
// allowed, did nothing wrong, and wrote rows that were not there.
func TestModel(t *testing.T) {
	const group = 16
	f := fresh(t, guard.Options{Group: group})
	model := map[int64]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		plans := rapid.SliceOfN(plan(), 1, 24).Draw(rt, "members")
		before := f.last(t)
		var calls []func() error
		for i := range plans {
			calls = append(calls, plans[i].call(f))
		}
		errs := f.together(t, calls...)
		events := f.eventsAfter(t, before)
		for _, i := range order(plans, group) {
			p := plans[i]
			stands, code, outcomes := p.expect(model)
			var fault *strongroom.Fault
			switch {
			case stands != (errs[i] == nil):
				rt.Fatalf("member %d %+v: %v", i, p, errs[i])
			case errs[i] != nil && (!errors.As(errs[i], &fault) || fault.Code != code):
				rt.Fatalf("member %d %+v: %v, want code %s", i, p, errs[i], code)
			}
			if len(events) < len(outcomes) {
				rt.Fatalf("member %d %+v: events are missing", i, p)
			}
			for j, want := range outcomes {
				if events[j].Outcome != want {
					rt.Fatalf("member %d %+v: event %d is %v, want %v", i, p, j, events[j].Outcome, want)
				}
			}
			events = events[len(outcomes):]
		}
		if len(events) != 0 {
			rt.Fatalf("%d events nobody caused", len(events))
		}
		if rows := f.rows(t); !sameRows(rows, model) {
			rt.Fatalf("rows %v, model %v", rows, model)
		}
	})
}

// order returns the members as their turns come: group by group, and in each
// group the quiet ones in a transaction of their own after the others.
func order(plans []planned, group int) []int {
	var out []int
	for start := 0; start < len(plans); start += group {
		for _, quiet := range []bool{false, true} {
			for i := start; i < min(start+group, len(plans)); i++ {
				if plans[i].quiet == quiet {
					out = append(out, i)
				}
			}
		}
	}
	return out
}

func sameRows(a, b map[int64]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return true
}

// step is one thing a member does.
type step struct {
	kind string
	row  int64
}

// planned is what one member does, in order, and how it ends.
type planned struct {
	quiet bool
	steps []step
	end   string
}

func plan() *rapid.Generator[planned] {
	return rapid.Custom(func(t *rapid.T) planned {
		kinds := []string{"allow", "allow", "write", "write", "deny", "swallow-deny", "swallow-write", "remove"}
		p := planned{quiet: rapid.IntRange(0, 9).Draw(t, "quiet") == 0}
		if p.quiet {
			kinds = []string{"write", "remove", "swallow-write"}
		} else if rapid.IntRange(0, 9).Draw(t, "decides") > 0 {
			p.steps = append(p.steps, step{kind: "allow"})
		}
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			p.steps = append(p.steps, step{rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.Int64Range(1, 12).Draw(t, "row")})
		}
		p.end = rapid.SampledFrom([]string{"ok", "ok", "ok", "ok", "error", "panic"}).Draw(t, "end")
		return p
	})
}

func (p planned) call(f *fixture) func() error {
	fn := func(_ context.Context, tx *guard.Tx) error {
		for _, s := range p.steps {
			if err := s.do(f, tx); err != nil {
				return err
			}
		}
		switch p.end {
		case "error":
			return strongroom.Faultf(strongroom.Conflict, "planned", "as planned")
		case "panic":
			panic("as planned")
		}
		return nil
	}
	if p.quiet {
		return func() error { return f.Quiet(context.Background(), guard.Tally, fn) }
	}
	return func() error { return f.Do(context.Background(), f.who, fn) }
}

func (s step) do(f *fixture, tx *guard.Tx) error {
	mine, other := f.record(strongroom.NewID("rec")), strongroom.Resource{Type: "Record", ID: strongroom.NewID("rec"), Store: strongroom.NewID("str")}
	var err error
	switch s.kind {
	case "allow":
		return tx.Allow(ingest(), mine, guard.Context{})
	case "deny":
		return tx.Allow(ingest(), other, guard.Context{})
	case "swallow-deny":
		_ = tx.Allow(ingest(), other, guard.Context{})
	case "write":
		_, err = tx.Exec(insertRow, s.row, "body")
	case "swallow-write":
		_, _ = tx.Exec(insertRow, s.row, "body")
	case "remove":
		_, err = tx.Exec("delete from probe_row where id = $1", s.row)
	}
	return err
}

// expect says what becomes of the member, given the rows there are, and applies
// it to the model if it stands.
func (p planned) expect(model map[int64]bool) (stands bool, code string, outcomes []audit.Outcome) {
	rows := map[int64]bool{}
	for k := range model {
		rows[k] = true
	}
	broken, denied := false, false // a statement failed and was ignored; so was a denial
	fail := func(c string) {
		if code == "" {
			code = c
		}
	}
	for _, s := range p.steps {
		if code != "" {
			break
		}
		switch s.kind {
		case "allow":
			outcomes = append(outcomes, audit.Success)
		case "deny":
			outcomes = append(outcomes, audit.Denied)
			fail("denied")
		case "swallow-deny":
			outcomes = append(outcomes, audit.Denied)
			denied = true
		case "write", "swallow-write":
			switch {
			case broken && s.kind == "write":
				fail("failed")
			case broken:
			case rows[s.row] && s.kind == "write":
				fail("exists")
			case rows[s.row]:
				broken = true
			default:
				rows[s.row] = true
			}
		case "remove":
			if broken {
				fail("failed")
			}
			delete(rows, s.row)
		}
	}
	switch {
	case code != "":
	case p.end == "error":
		fail("planned")
	case p.end == "panic":
		fail("panic")
	case denied:
		fail("denied")
	case len(outcomes) == 0 && !p.quiet:
		fail("undecided")
	case broken:
		fail("failed")
	}
	if code == "" {
		clear(model)
		for k := range rows {
			model[k] = true
		}
		return true, "", outcomes
	}
	if p.quiet {
		return false, code, nil
	}
	if len(outcomes) == 0 {
		outcomes = []audit.Outcome{audit.Failure}
	}
	for i, o := range outcomes {
		if o == audit.Success {
			outcomes[i] = audit.Failure
		}
	}
	return false, code, slices.Clone(outcomes)
}
