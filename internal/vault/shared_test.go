package vault_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
)

// together has the calls share one transaction, in their order, and returns their
// answers.
func (f *fixture) together(calls ...func() error) []error {
	f.t.Helper()
	entered, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		f.must(f.guard.Quiet(context.Background(), guard.Tally, func(context.Context, *guard.Tx) error {
			close(entered)
			<-release
			return nil
		}))
	})
	<-entered
	errs := make([]error, len(calls))
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
		for late := time.Now().Add(10 * time.Second); f.guard.Stats().Waiting <= i; runtime.Gosched() {
			if time.Now().After(late) {
				f.t.Fatal("a call does not join the queue")
			}
		}
	}
	close(release)
	wg.Wait()
	return errs
}

// TestNeighboursSeeEachOther: what those who share a transaction read once is
// read again after one of them changed it.
func TestNeighboursSeeEachOther(t *testing.T) {
	f := openWith(t, setup{budgets: vault.Budgets{RecordsHour: 3}})
	one := f.ingest("orders", order).Records[0].ID
	other := f.ingest("orders", string(numbered(7))).Records[0].ID
	reveal := func(id string) func() error {
		return func() error { _, err := f.reveal(id); return err }
	}
	ingest := func() error {
		_, err := f.Ingest(context.Background(), f.who, f.in("orders", string(numbered(8))))
		return err
	}
	erase := func() error {
		_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{one}})
		return err
	}
	disconnect := func() error { _, err := f.Disconnect(context.Background(), f.who, f.store, false); return err }

	errs := f.together(reveal(one), reveal(other), erase, reveal(one), reveal(other))
	for i, err := range errs {
		if i == 0 || i == 3 { // whoever erases comes first
			want(t, err, strongroom.Erased, "erased")
		} else if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	// The refused ones cost nothing, the two others all but one.
	f.must(reveal(other)())
	want(t, reveal(other)(), strongroom.Exhausted, "budget")

	f.pass(time.Hour)
	errs = f.together(reveal(other), ingest, reveal(other), disconnect, reveal(other), reveal(other), ingest)
	for i, err := range errs {
		if i == 4 || i == 5 {
			want(t, err, strongroom.Erased, "store")
		} else if err != nil { // whoever brings something in comes first, even the last
			t.Errorf("call %d: %v", i, err)
		}
	}
	want(t, ingest(), strongroom.Erased, "store")
}
