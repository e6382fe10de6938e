package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
	"strongroom/internal/lifecycle"
)

// TestMarks: the same words are known again, for people until the last date and for
// shops for good.
func TestMarks(t *testing.T) {
	in := requests(t)
	ctx := context.Background()
	s := in.person()
	first := in.open(s)
	seen := func(mark [32]byte) (ids []string) {
		in.must(in.opts.Guard.Do(ctx, strongroom.System("signals"), func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(strongroom.Action{Name: "signal.receive", Class: 3004, Activity: 1}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
				return err
			}
			list, err := in.SeenTx(tx, mark)
			for _, q := range list {
				ids = append(ids, q.ID)
			}
			return err
		}))
		return ids
	}
	if got := seen(s.Mark); !slices.Equal(got, []string{first.ID}) || seen([32]byte{8}) != nil || seen([32]byte{}) != nil {
		t.Errorf("seen %v", got)
	}
	shop := in.open(lifecycle.RequestSpec{Kind: lifecycle.Erasure, Scope: lifecycle.ScopeStore, Source: lifecycle.FromShopify, Stores: []string{in.known}, Mark: [32]byte{9}})
	in.must(errors.Join(in.Run(ctx, first.ID), in.Run(ctx, shop.ID)))
	in.epoch++
	in.must(in.Tend(ctx))
	in.set("2027-02-18T11:00:00Z")
	in.must(in.Tend(ctx))
	if seen(s.Mark) == nil {
		t.Error("forgotten before its last date")
	}
	in.set("2027-02-19T12:00:00Z")
	in.must(in.Tend(ctx))
	if seen(s.Mark) != nil || seen([32]byte{9}) == nil {
		t.Errorf("people %v, shop %v", seen(s.Mark), seen([32]byte{9}))
	}
	if q := in.get(first.ID); q.State != lifecycle.RequestErased || q.Records != 3 {
		t.Errorf("%+v", q)
	}
}

func TestRequestLists(t *testing.T) {
	in := requests(t)
	ctx, owner := context.Background(), as(authz.Owner)
	s := lifecycle.RequestSpec{Kind: lifecycle.Erasure, Scope: lifecycle.ScopePerson, Stores: []string{in.known}, Orders: []string{"1"}}
	q, err := in.Requests.Open(ctx, owner, s)
	if err != nil || q.Source != lifecycle.FromHand {
		t.Fatalf("%+v, %v", q, err)
	}
	in.must(in.Run(ctx, q.ID))
	if got := in.vault.took(); len(got) != 1 || !strings.Contains(got[0], " subject ") {
		t.Errorf("asked %q", got)
	}
	other := in.person()
	other.Stores = []string{strongroom.NewID("str")}
	in.open(other)
	list, next, err := in.Requests.List(ctx, owner, lifecycle.RequestQuery{Limit: 1})
	if err != nil || len(list) != 1 || next == "" {
		t.Fatalf("%v %q, %v", list, next, err)
	}
	list, next, err = in.Requests.List(ctx, owner, lifecycle.RequestQuery{Limit: 1, Cursor: next})
	if err != nil || len(list) != 1 || next != "" {
		t.Errorf("%v %q, %v", list, next, err)
	}
	list, _, err = in.Requests.List(ctx, as(authz.Privacy, in.known), lifecycle.RequestQuery{})
	if err != nil || len(list) != 1 || list[0].ID != q.ID {
		t.Errorf("who has one store sees %v, %v", list, err)
	}
	for _, bad := range []lifecycle.RequestSpec{
		{}, {Kind: lifecycle.Erasure, Scope: lifecycle.ScopePerson, Stores: []string{in.known}},
		{Kind: lifecycle.Access, Scope: lifecycle.ScopeStore, Stores: []string{in.known}},
		{Kind: lifecycle.Erasure, Scope: lifecycle.ScopeStore, Stores: []string{in.known}, Orders: []string{"1"}},
		{Kind: lifecycle.Erasure, Scope: lifecycle.ScopeStore},
	} {
		if _, err := in.Requests.Open(ctx, owner, bad); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, role := range []string{authz.Operator, authz.Application, authz.Auditor, authz.Security} {
		if _, err := in.Requests.Open(ctx, as(role), s); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s opens a request: %v", role, err)
		}
	}
	if _, _, err := in.Requests.List(ctx, as(authz.Application), lifecycle.RequestQuery{}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an application lists requests: %v", err)
	}
	_, _, err = in.Requests.List(ctx, owner, lifecycle.RequestQuery{Cursor: "x"})
	want(t, err, strongroom.Invalid, "cursor")
}
