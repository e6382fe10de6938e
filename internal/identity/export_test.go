package identity

import "strongroom"

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
