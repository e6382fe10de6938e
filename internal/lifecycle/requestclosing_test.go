package lifecycle_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
	"strongroom/internal/lifecycle"
)

// TestClosing: the end of a grant has the store erased in time; a new grant before that
// takes it back, and nothing else.
func TestClosing(t *testing.T) {
	in, privacy := requests(t), as(authz.Privacy)
	turn := func(verb func(*guard.Tx, string) error) {
		t.Helper()
		in.must(in.opts.Guard.Do(context.Background(), privacy, func(_ context.Context, tx *guard.Tx) error {
			a := strongroom.Action{Name: "store.close", Class: 3004, Activity: 9}
			if err := tx.Allow(a, strongroom.Resource{Type: "Store", ID: in.known, Store: in.known}, guard.Context{}); err != nil {
				return err
			}
			return verb(tx, in.known)
		}))
	}
	asked := in.open(lifecycle.RequestSpec{Kind: lifecycle.Erasure, Scope: lifecycle.ScopeStore, Source: lifecycle.FromEcartAPI,
		Stores: []string{in.known}, EraseAt: date("2026-12-01T12:00:00Z")})
	turn(in.CloseTx)
	list, _, err := in.List(context.Background(), privacy, lifecycle.RequestQuery{Open: true})
	in.must(err)
	if len(list) != 2 || list[1].Source != lifecycle.FromClosing || list[1].State != lifecycle.RequestScheduled ||
		!list[1].EraseAt.Equal(list[1].Received.AddDate(0, 0, lifecycle.ClosingDays)) || !list[1].EraseAt.Before(list[1].DeleteBy) {
		t.Fatalf("%+v", list)
	}
	turn(in.ReopenTx)
	closed := in.get(list[1].ID)
	if closed.State != lifecycle.RequestDismissed || closed.ClosedFor != lifecycle.DismissGranted {
		t.Errorf("after a new grant: %+v", closed)
	}
	if q := in.get(asked.ID); q.State != lifecycle.RequestScheduled {
		t.Errorf("what EcartAPI asked for ended with it: %+v", q)
	}
	turn(in.CloseTx)
	in.set("2026-12-30T12:00:00Z")
	turn(in.ReopenTx) // too late: it has begun
	list, _, err = in.List(context.Background(), privacy, lifecycle.RequestQuery{Open: true})
	in.must(err)
	if len(list) != 2 || list[1].State != lifecycle.RequestErasing {
		t.Errorf("a grant after the day: %+v", list)
	}
}
