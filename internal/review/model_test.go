package review_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"strongroom/internal/authz"
	"strongroom/internal/review"
)

// TestExecutingNeverWidens runs campaigns with random populations, decisions and
// failures: afterwards nobody has a right that they had not before, what was kept is
// as it was, and what is closed is gone.
func TestExecutingNeverWidens(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			o, ctx := enter(t), context.Background()
			for range 4 {
				p := o.hire(authz.Auditor)
				for range rnd.IntN(4) {
					g := o.grant(p.ID, authz.Operator, storeA, storeB)
					o.reg.stuck[g] = rnd.IntN(4) == 0
				}
			}
			before := map[string]review.Item{}
			for id, i := range o.reg.items {
				before[id] = i
			}
			c, err := o.Open(ctx, o.chief, review.People)
			o.must(err)
			_, entries, err := o.Campaign(ctx, o.chief, c.ID)
			o.must(err)
			verdict := map[string]review.Verdict{}
			for _, e := range entries {
				who := o.chief
				if e.Item.Account == who.ID {
					who = o.sec
				}
				d := keep(e.Number)
				switch {
				case e.Item.Account == o.chief.ID || e.Item.Account == o.sec.ID:
				case rnd.IntN(3) == 0:
					d = remove(e.Number)
				case len(e.Item.Stores) > 1 && rnd.IntN(2) == 0:
					d = narrow(e.Number, storeB)
				}
				verdict[e.Item.ID] = d.Verdict
				o.must(o.Decide(ctx, who, c.ID, []review.Decision{d}, 0))
			}
			_, err = o.Execute(ctx, o.sec, c.ID)
			o.must(err)
			o.narrower(before)
			o.reg.stuck = map[string]bool{}
			for id := range o.reg.items { // what was stuck is done by hand
				if it := o.reg.items[id]; verdict[id] == review.Change {
					o.must(o.reg.Narrow(ctx, o.sec, it, review.Scope{Roles: it.Roles, Stores: []string{storeB}}))
				}
			}
			_, err = o.Execute(ctx, o.sec, c.ID)
			o.must(err)
			_, err = o.Close(ctx, o.sec, c.ID)
			o.must(err)
			o.narrower(before)
			for id, v := range verdict {
				it, there := o.reg.items[id]
				if v == review.Remove && there || v == review.Change && there && len(it.Stores) != 1 {
					t.Errorf("closed, and %s is there", id)
				}
			}
		})
	}
}

// narrower fails if somebody has more than before.
func (o *office) narrower(before map[string]review.Item) {
	o.t.Helper()
	scope := func(i review.Item) review.Scope {
		return review.Scope{Roles: i.Roles, Stores: i.Stores, AllStores: i.AllStores, Until: i.Until}
	}
	for id, i := range o.reg.items {
		was, ok := before[id]
		if !ok || !scope(i).Within(scope(was)) {
			o.t.Errorf("%s was widened: %+v", id, i)
		}
	}
}
