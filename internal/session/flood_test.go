package session_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
)

// TestStrangersDoNotStarveWhoIsKnown has 1,500 strangers of as many sources begin
// sign-ins and answer them wrongly, while somebody who is signed in does what is
// decided and recorded, as a reveal is. Nobody who is known is turned away, and the
// middle one of a hundred calls takes no more than a fixed multiple of what it takes
// alone: the queue holds few strangers at a time.
func TestStrangersDoNotStarveWhoIsKnown(t *testing.T) {
	const strangers, calls = 1500, 100
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	o := f.signIn(ana, home)
	measure := func() (median time.Duration) { // the slowest is the machine's affair
		var took []time.Duration
		for range calls {
			start := time.Now()
			who := f.actor(o, home)
			if _, err := f.Sessions.Sessions(t.Context(), who, ana.id); err != nil {
				t.Fatalf("who is known is turned away: %v", err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	alone := measure()

	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var asked, turned atomic.Int64
	for i := range strangers {
		all.Go(func() {
			for ctx.Err() == nil {
				ch, _, err := f.BeginPasskey(ctx, stranger(i))
				if err != nil {
					t.Errorf("to begin: %v", err)
					return
				}
				_, err = f.Passkey(context.Background(), ch.ID, []byte("{}"), stranger(i))
				asked.Add(1)
				switch {
				case strongroom.IsKind(err, strongroom.Unavailable):
					turned.Add(1)
				case err == nil:
					t.Error("a stranger came in")
				}
				select {
				case <-ctx.Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
	}
	for asked.Load() < strangers { // all of them are there
		time.Sleep(time.Millisecond)
	}
	among := measure()
	stop()
	all.Wait()
	t.Logf("alone %v, among %d strangers %v; %d asked, %d were turned away", alone, strangers, among, asked.Load(), turned.Load())
	if turned.Load() == 0 {
		t.Error("nobody was turned away, so nothing was shown")
	}
	if bound := 100*alone + 500*time.Millisecond; among > bound {
		t.Errorf("among %d strangers a call took %v, alone %v", strangers, among, alone)
	}
}
