package app

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
)

// Refusals that cannot be written are not forgotten: a caller who makes the
// database fail must not be able to knock unseen.
func TestRefusalsWaitForTheDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := Init(t.Context(), dir, Config{Environment: strongroom.Test, TLS: "off"}, FirstOwner{}, nil); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.stopParts()
	a.parts.Wait() // nobody else takes them
	a.refuse(t.Context(), netip.MustParseAddr("192.0.2.7"), "key-unknown")
	later := time.Now().Add(2 * time.Second)
	events := func() (n int) {
		list, err := a.audit.Events(t.Context(), -1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if x, err := e.Event(); err == nil && x.Code == "unknown-caller" {
				n++
			}
		}
		return n
	}
	good := a.db
	gone, err := db.Open(t.Context(), db.Options{Path: filepath.Join(t.TempDir(), "other.db"), Clock: a.clock})
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	a.db = gone
	if err := a.writeRefusals(context.Background(), later); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Fatalf("written without a database: %v", err)
	}
	a.db = good
	for range 2 {
		if err := a.writeRefusals(t.Context(), later); err != nil {
			t.Fatal(err)
		}
	}
	if n := events(); n != 1 {
		t.Fatalf("%d events for one refusal", n)
	}
}
