package review_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/people"
	"strongroom/internal/review"
)

// employ makes n persons with a role each, by requests that somebody else approved.
func (o *office) employ(d review.Directory, owner strongroom.Actor, n int) {
	o.t.Helper()
	ctx := context.Background()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 { // a person has 20 requests waiting at most
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				q, err := d.Access.Ask(ctx, owner, access.Spec{
					Kind: access.Account, Reason: "joins the desk", Roles: []string{authz.Operator}, Stores: []string{storeA},
					Person: people.Spec{Name: fmt.Sprintf("Ada %s", letters(i)), Email: fmt.Sprintf("ada.%s@example.com", letters(i)), Employment: people.Employee},
				})
				if err == nil {
					_, err = d.Access.Approve(ctx, o.chief, q.ID, "")
				}
				if err != nil {
					o.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// letters spells a number as a name.
func letters(n int64) string {
	out := "Quill"
	for ; n > 0; n /= 20 {
		out += string("bcdfghjklmnpqrstvwxz"[n%20])
	}
	return out
}

// BenchmarkCampaign10000 leads a review of 10,000 persons with a right each through
// its steps: opened, decided 50 at a time, a hundred rights removed and read back,
// closed. Each step is a number of its own.
func BenchmarkCampaign10000(b *testing.B) {
	const persons = 10000
	o, d := house(b, review.Profile{})
	owner, _ := o.settle(d)
	o.employ(d, owner, persons)
	ctx := context.Background()
	took := map[string]time.Duration{}
	timed := func(what string, fn func()) {
		start := time.Now()
		fn()
		took[what] += time.Since(start)
	}
	for b.Loop() {
		var c review.Campaign
		var err error
		timed("open", func() { c, err = o.Open(ctx, owner, review.People); o.must(err) })
		timed("decide", func() { o.decideAll(owner, c.ID, 100) })
		timed("execute", func() {
			for {
				x, err := o.Execute(ctx, owner, c.ID)
				o.must(err)
				if x.Left == 0 {
					break
				}
			}
		})
		timed("close", func() { _, err = o.Close(ctx, owner, c.ID); o.must(err) })
		timed("tally", func() { _, err = o.Tally(ctx); o.must(err) })
		timed("drift", func() { _, _, err = o.Drift(ctx, owner, review.People); o.must(err) })
		timed("page", func() {
			_, _, err = o.Entries(ctx, owner, c.ID, review.EntryQuery{After: persons, Limit: 50})
			o.must(err)
		})
		b.ReportMetric(float64(c.Entries), "entries")
	}
	for what, t := range took {
		b.ReportMetric(float64(t.Milliseconds())/float64(b.N), what+"-ms")
	}
}

// decideAll keeps the entries of others 50 at a time and removes the rights among the
// first few; somebody else decides about the own ones.
func (o *office) decideAll(owner strongroom.Actor, id string, removed int) {
	o.t.Helper()
	ctx := context.Background()
	for q := (review.EntryQuery{Limit: review.MaxPage}); ; {
		list, more, err := o.Entries(ctx, owner, id, q)
		o.must(err)
		var own, others []review.Decision
		for _, e := range list {
			q.After = e.Number
			switch {
			case e.Item.Account == owner.ID:
				own = append(own, keep(e.Number))
			case e.Item.Sort == review.Right && removed > 0:
				removed--
				others = append(others, remove(e.Number))
			default:
				others = append(others, keep(e.Number))
			}
		}
		for len(others) > 0 {
			n := min(len(others), review.MaxBulk)
			o.must(o.Decide(ctx, owner, id, others[:n], n))
			others = others[n:]
		}
		if len(own) > 0 {
			o.must(o.Decide(ctx, o.sec, id, own, len(own)))
		}
		if !more {
			return
		}
	}
}

// BenchmarkFirstDrift reads 200,000 events of use for the first time, and again with
// what was kept, as after a restart.
func BenchmarkFirstDrift(b *testing.B) {
	o, ctx := enter(b), context.Background()
	o.uses(o.sec.ID, 200_000)
	since := time.Now().Add(-time.Hour)
	took := map[string]time.Duration{}
	for b.Loop() {
		s := review.NewShelf(o.guard, strongroom.Production, o.opts.Key)
		for _, what := range []string{"first", "resumed"} {
			start, e := time.Now(), review.FromLog(o.log, s)
			_, err := e.Use(ctx, since)
			o.must(err)
			_, err = e.Approvals(ctx)
			o.must(err)
			took[what] += time.Since(start)
		}
		o.exec(func(tx *db.Tx) error { return run(tx.Exec(`delete from review_memory`)) })
	}
	for what, t := range took {
		b.ReportMetric(float64(t.Microseconds())/1000/float64(b.N), what+"-ms")
	}
}
