package identity_test

import (
	"net/netip"
	"testing"
	"time"

	"strongroom"
)

// What takes a service or a secret of it away ends the calls under way that were let in
// with it; an overlap lets those with the old secret go on.
func TestCallsUnderWayEnd(t *testing.T) {
	f := fresh(t, strongroom.Test)
	for _, c := range []struct {
		what string
		ends bool
		do   func(id string) error
	}{
		{"planted: rotated with an overlap", false, func(id string) error {
			_, _, err := f.RotateKey(t.Context(), actor("owner"), id, time.Hour)
			return err
		}},
		{"rotated", true, func(id string) error { _, _, err := f.RotateKey(t.Context(), actor("owner"), id, 0); return err }},
		{"suspended", true, func(id string) error { _, err := f.Suspend(t.Context(), actor("owner"), id); return err }},
		{"revoked", true, func(id string) error { return f.RevokeKey(t.Context(), actor("owner"), id) }},
	} {
		k, text := f.make(t, nil)
		under, err := f.Authenticate(t.Context(), text, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.do(k.ID); err != nil {
			t.Fatal(err)
		}
		if got := f.guard.Current(under) != nil; got != c.ends {
			t.Errorf("%s: a call under way ends: %v", c.what, got)
		}
	}
}
