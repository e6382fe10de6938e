package app

import (
	"testing"

	"strongroom/internal/guard/guardtest"
	"strongroom/internal/people"
)

// TestObligation_2_2_12_NoKeyTakesOutItsOwner: a key that ends the person who owns it
// would die with them, and a directory could end nobody from then on.
func TestObligation_2_2_12_NoKeyTakesOutItsOwner(t *testing.T) {
	h := openHouse(t, Config{})
	a := h.App
	person := h.settle(0)
	keys, _, err := a.identity.Keys(t.Context(), everything(), "", 0)
	h.must(err)
	key := everything()
	for _, k := range keys {
		if k.Owner == person {
			key.ID = k.ID
		}
	}
	if err := a.people.End(t.Context(), key, person, people.Cause{Kind: people.ByFeed}); guardtest.Code(err) != "own-key" {
		t.Errorf("the own key: %v", err)
	}
	if err := a.people.End(t.Context(), everything(), person, people.Cause{Kind: people.ByFeed}); err != nil { // planted
		t.Errorf("another key: %v", err)
	}
}
