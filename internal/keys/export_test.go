package keys

import (
	"strongroom"
	"strongroom/internal/seal"
)

// AtStep has fn called at each step of writing the keyring; an error from it
// ends the write there, as a kill would.
func AtStep(r *Ring, fn func(step string) error) { r.folder.at = fn }

// NewEpoch begins an epoch without the roll.
func NewEpoch(r *Ring) error { return r.newEpoch() }

// OpenAs opens w as the keyring of another environment with the same keys would.
func OpenAs(r *Ring, env strongroom.Environment, w Wrapped) (seal.Key, error) {
	s := r.now.Load().clone()
	s.env = env
	other := &Ring{}
	other.now.Store(s)
	return other.unwrap(&w)
}
