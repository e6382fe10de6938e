package identity

import (
	"encoding/json"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// NewSecret returns a key that nobody knows.
func NewSecret(env strongroom.Environment) Secret { return newSecret(env) }

// Strangers returns how many keys that are not known are remembered.
func (i *Identity) Strangers() int {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return len(i.strangers.young) + len(i.strangers.old)
}

// MaxStrangers bounds [Identity.Strangers].
const MaxStrangers = maxStrangers

// SealedByFirstRelease returns what release 0.1.0 sealed of an account.
func (i *Identity) SealedByFirstRelease(k Key) ([]byte, error) {
	text, err := json.Marshal(struct {
		Label  string   `json:"l"`
		Roles  []string `json:"r"`
		Stores []string `json:"s,omitempty"`
		All    bool     `json:"a,omitempty"`
	}{k.Label, k.Roles, k.Stores, k.AllStores})
	return i.seal.Seal(nil, i.bind(k.ID, db.Micros(k.Created), db.Micros(k.Expires)), text), err
}

// AddUnowned makes a key that nobody owns, as releases did that knew no requests.
func (i *Identity) AddUnowned(tx *guard.Tx, spec KeySpec) (Key, Secret, error) {
	k := Key{ID: strongroom.NewID("svc"), Label: spec.Label, Roles: spec.Roles, Stores: spec.Stores, AllStores: spec.AllStores}
	secret := newSecret(i.o.Environment)
	if err := i.insert(tx, &k, spec.Expires); err != nil {
		return k, secret, err
	}
	return k, secret, i.addSecret(tx, k.ID, secret)
}
