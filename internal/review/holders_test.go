package review_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/review"
)

// Who reaches keys is a list of names, each of them in the campaign: roles that
// permit it, rights for hours, and administrators of what holds the keys outside.
func TestObligation_2_4_9(t *testing.T) {
	o, ctx := enter(t, func(x *review.Options) { x.Verbs = verbs }), context.Background()
	clerk := o.hire(authz.Auditor)
	_, err := o.Import(ctx, o.chief, review.System{Name: "kms", Sort: review.KMS}, []review.Listed{{"root", "admin", ""}}, false)
	o.must(err)
	hours := o.put(review.Item{
		ID: strongroom.NewID("grt"), Sort: review.Right, Account: clerk.ID, Elevated: true, Stores: []string{storeA},
		Case: strongroom.NewID("req"), Until: o.clock.Now().Add(time.Hour),
	})
	count := func(action string) (n int, who map[string]bool) {
		list, err := o.Holders(ctx, o.sec, action)
		o.must(err)
		who = map[string]bool{}
		for _, i := range list {
			who[i.Account] = true
		}
		return len(list), who
	}
	if n, who := count("key.add"); n != 2 || !who[o.chief.ID] || who[clerk.ID] || !who[""] {
		t.Errorf("%d, %v", n, who)
	}
	if n, who := count("record.reveal"); n != 2 || !who[clerk.ID] {
		t.Errorf("an elevation does not count: %d, %v", n, who)
	}
	c, err := o.Open(ctx, o.sec, review.People)
	o.must(err)
	o.numberOf(c.ID, hours) // fails unless the campaign has it
	unbound := 0
	list, _, err := o.Drift(ctx, o.sec, review.People)
	o.must(err)
	for _, f := range list {
		if f.Flaw == review.FlawUnbound {
			unbound++
			o.numberOf(c.ID, f.Item.ID)
		}
	}
	if unbound != 1 {
		t.Errorf("the administrator of the KMS is nobody's: %d", unbound)
	}
	o.ahead(2 * time.Hour)
	if n, who := count("record.reveal"); n != 1 || who[clerk.ID] {
		t.Errorf("an elevation that is over: %d, %v", n, who)
	}
	o.must(o.reg.SuspendPerson(nil, o.chief.ID, review.WhyLapse))
	if n, _ := count("key.add"); n != 1 {
		t.Errorf("a suspended owner holds %d", n)
	}
	if _, err := o.Holders(ctx, clerk, "key.add"); err != nil {
		t.Errorf("an auditor sees the list: %v", err)
	}
	operator := o.hire(authz.Operator)
	_, err = o.Holders(ctx, operator, "key.add")
	want(t, "without the right", err, strongroom.Denied, "")
}
