package identity_test

import (
	"net/netip"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/identity"
)

// Keys that nobody knows cost no turn of the writer and bounded memory, however
// many come.
func TestStrangersWriteNothing(t *testing.T) {
	f := fresh(t, strongroom.Test)
	_, good := f.make(t, nil)
	before := f.guard.Stats()
	from := netip.MustParseAddr("192.0.2.7")
	same := identity.NewSecret(strongroom.Test).Reveal()
	for i := range 10_000 {
		text := same
		if i%2 == 0 {
			text = identity.NewSecret(strongroom.Test).Reveal()
		}
		if _, err := f.Authenticate(t.Context(), text, from); !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Fatal(err)
		}
	}
	after := f.guard.Stats()
	if n := after.Calls - before.Calls; n != 0 {
		t.Errorf("10,000 unknown keys took %d turns of the writer", n)
	}
	if n := f.Strangers(); n > identity.MaxStrangers || n == 0 {
		t.Errorf("%d keys are remembered", n)
	}
	if len(f.refused) != 10_000 {
		t.Errorf("%d of 10,000 refusals were told", len(f.refused))
	}
	if _, err := f.Authenticate(t.Context(), good, from); err != nil {
		t.Error(err)
	}
	// Planted: what the check counts is counted.
	f.make(t, nil)
	if f.guard.Stats().Calls == after.Calls {
		t.Error("the check finds nothing")
	}
}

const (
	hideSecret = "update identity_secret set account = 'none' where account = $1"
	showSecret = "update identity_secret set account = $1 where account = 'none'"
)

// A key that was not known and then is made is good at once: here its row is
// hidden, asked for, and shown again.
func TestAKeyMadeLaterWorksAtOnce(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	other := f.another(strongroom.Test) // has never seen it
	run := func(fn func(tx *db.Tx) error) {
		t.Helper()
		if err := f.db.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	hide := func(tx *db.Tx) error { _, err := tx.Exec(hideSecret, k.ID); return err }
	show := func(tx *db.Tx) error { _, err := tx.Exec(showSecret, k.ID); return err }
	known := func() bool {
		t.Helper()
		_, err := other.Authenticate(t.Context(), text, netip.Addr{})
		return err == nil
	}
	run(hide)
	if known() {
		t.Fatal("a hidden key was taken")
	}
	run(show)
	if _, _, err := other.CreateKey(t.Context(), actor("owner"), identity.KeySpec{Label: "another", Roles: []string{"application"}, AllStores: true}); err != nil {
		t.Fatal(err)
	}
	if !known() {
		t.Error("a key is not good at once after keys were made here")
	}
	third := f.another(strongroom.Test)
	run(hide)
	if _, err := third.Authenticate(t.Context(), text, netip.Addr{}); err == nil {
		t.Fatal("a hidden key was taken")
	}
	run(show)
	if _, err := third.Authenticate(t.Context(), text, netip.Addr{}); err == nil {
		t.Error("what is not known is not remembered at all: the check finds nothing")
	}
	time.Sleep(250 * time.Millisecond) // Recheck
	if _, err := third.Authenticate(t.Context(), text, netip.Addr{}); err != nil {
		t.Errorf("a key made elsewhere is not known after Recheck: %v", err)
	}
}
