package identity_test

import (
	"net/netip"
	"strings"
	"testing"

	"strongroom"
)

// FuzzAuthenticate: whatever is sent in place of a key is refused, in words that
// do not repeat it.
func FuzzAuthenticate(f *testing.F) {
	x := fresh(f, strongroom.Test)
	_, good := x.make(f, nil)
	f.Add(good[:len(good)-1])
	f.Add("sr_live_" + good[8:])
	f.Add("Bearer jane.doe@example.com")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if text == good {
			return
		}
		_, err := x.Authenticate(t.Context(), text, netip.Addr{})
		if !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("taken: %v", err)
		}
		if len(text) > 12 && err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("the fault repeats it: %v", err)
		}
	})
}
