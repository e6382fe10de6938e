package identity_test

import (
	"net/netip"
	"testing"

	"strongroom"
	"strongroom/internal/db"
)

// An account whose row was changed answers as if it were not known, and counts once.
func TestChangedAccountCounts(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(laterKey, k.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if n := f.guard.Damage().Count(); n != 0 {
		t.Fatalf("planted: %d before it was met", n)
	}
	for range 2 {
		if _, err := f.another(strongroom.Test).Authenticate(t.Context(), text, netip.Addr{}); !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("the changed account: %v", err)
		}
	}
	if n := f.guard.Damage().Count(); n != 1 {
		t.Errorf("counted %d times", n)
	}
}
