package review

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Tally is how the reviews stand, in numbers for gauges and the doctor. It names
// nobody.
type Tally struct {
	Deadlines []Deadline
	Undecided int          // entries of campaigns that go on without a verdict
	Waiting   int          // samples that nobody has judged
	Stale     int          // months that were not drawn, or not judged, within the next one
	Findings  map[Flaw]int // what departs from the baseline; rights unused are not among them
	// Lost counts approved baselines that are damaged, gone, or not the last that the log
	// shows. What is new since them is not among the findings: nobody can tell.
	Lost int
}

// Tally counts how the reviews stand. It reads every account and right, and of the log
// what came since the last time.
func (v *Review) Tally(ctx context.Context) (t Tally, err error) {
	shown, err := v.approvals(ctx)
	if err != nil {
		return t, err
	}
	err = v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		t = Tally{Findings: map[Flaw]int{}}
		for _, k := range Kinds() {
			d, err := v.deadline(r, k, r.Now())
			if err != nil {
				return err
			}
			t.Deadlines = append(t.Deadlines, d)
			if err := v.findings(r, k, shown, &t); err != nil {
				return err
			}
		}
		if err := r.QueryRow(sqlUndecided).Scan(&t.Undecided); err != nil {
			return err
		}
		return t.samples(r)
	})
	return t, err
}

// findings counts what departs from the baseline of a kind.
func (v *Review) findings(r *db.Reader, kind Kind, shown map[Kind]Approved, t *Tally) error {
	items, err := v.population(r, kind, r.Now())
	if err != nil {
		return err
	}
	base, _, err := v.baseline(r, kind, shown)
	gone := lost(err)
	if err != nil && !gone {
		return err
	}
	if gone {
		t.Lost++
	}
	list, _, err := v.departs(r, items, &base, r.Now(), past{})
	for _, f := range list {
		if !gone || f.Flaw != FlawUnapproved && f.Flaw != FlawNew {
			t.Findings[f.Flaw]++
		}
	}
	return err
}

// samples counts those that wait and the months that are late.
func (t *Tally) samples(r *db.Reader) error {
	rows, err := r.Query(sqlUnjudged)
	open, err := db.Collect(rows, err, func(s db.Scanner) (m monthRow, err error) { return m, s.Scan(&m.month, &m.reveals) })
	if err != nil {
		return err
	}
	for _, m := range open {
		t.Waiting += int(m.reveals)
		if late(m.month, r.Now()) {
			t.Stale++
		}
	}
	missing, err := undrawn(r)
	for _, m := range missing {
		if late(m, r.Now()) {
			t.Stale++
		}
	}
	return err
}

// late reports whether the month after a month is over.
func late(month string, now time.Time) bool {
	_, to, err := parseMonth(month)
	return err != nil || now.After(to.AddDate(0, 1, 0))
}

// maxMonths is how many months are drawn that were missed.
const maxMonths = 24

// undrawn returns the months that are over and were not drawn, oldest first: those
// since the last that was, or the last month alone if none ever was.
func undrawn(r *db.Reader) (out []string, err error) {
	last := ""
	if err := r.QueryRow(sqlLastMonth).Scan(&last); err != nil {
		return nil, err
	}
	now := r.Now().UTC()
	this := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range maxMonths {
		m := this.AddDate(0, -1-i, 0).Format("2006-01")
		if m <= last || last == "" && i > 0 {
			break
		}
		out = append([]string{m}, out...)
	}
	return out, nil
}

// DrawDue draws the samples of every month that is over and was not drawn, as
// [Review.Draw] does. The sweeper calls it; what fails is tried the next time. It
// returns how many months it drew.
func (v *Review) DrawDue(ctx context.Context, who strongroom.Actor) (n int, err error) {
	var due []string
	if err := v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		due, err = undrawn(r)
		return err
	}); err != nil {
		return 0, err
	}
	for _, m := range due {
		drew, err := v.draw(ctx, who, m)
		if err != nil {
			return n, err
		}
		if drew {
			n++
		}
	}
	return n, nil
}
