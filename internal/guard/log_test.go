package guard_test

import (
	"context"
	"crypto/ed25519"
	"testing"

	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// openLog starts a log over d under a key of its own.
func openLog(t testing.TB, d *db.DB) *audit.Log {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	signer, err := tlog.NewSigner("strongroom.test/log", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.New(d, audit.Options{Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return log
}

// entries returns the log after a position.
func (f *fixture) entries(t testing.TB, after int64) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	for {
		page, err := f.log.Events(context.Background(), after, audit.MaxEvents)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		out = append(out, page...)
		after = out[len(out)-1].Position
	}
}

// eventsAfter returns the log after a position, decoded.
func (f *fixture) eventsAfter(t testing.TB, after int64) []audit.Event {
	t.Helper()
	es := f.entries(t, after)
	out := make([]audit.Event, len(es))
	for i, e := range es {
		if e.Index() != after+1+int64(i) {
			t.Fatalf("event %d has index %d", i, e.Index())
		}
		var err error
		if out[i], err = e.Event(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// events returns the whole log, decoded.
func (f *fixture) events(t testing.TB) []audit.Event { return f.eventsAfter(t, -1) }

// last returns the position of the newest event.
func (f *fixture) last(t testing.TB) int64 {
	t.Helper()
	var size int64
	err := f.db.Read(context.Background(), func(r *db.Reader) error {
		return r.QueryRow("select size from audit_head where id = 1").Scan(&size)
	})
	if err != nil {
		t.Fatal(err)
	}
	return size - 1
}

// indexOf returns the index of the first event about the resource id.
func (f *fixture) indexOf(t testing.TB, id string) uint64 {
	t.Helper()
	for i, e := range f.events(t) {
		if e.Resource.ID == id {
			return uint64(i)
		}
	}
	t.Fatal("no such event")
	return 0
}
