package vault

import (
	"sync"

	"strongroom/internal/guard"
)

// Turn tells two states of a store apart: while it is the same, taking in a body that
// was taken in since it began would store nothing, and be answered with the same
// tokens, but for records that died. It is comparable and good in one process.
type Turn struct {
	stored  uint64 // grows when something is stored, lifted or treated anew
	decided int64  // the field decisions in force
}

// Turn returns the turn of a store. Who keeps an answer asks before the body is
// brought in: what is stored meanwhile belongs to the next turn.
func (v *Vault) Turn(store string) Turn {
	return Turn{v.turns.of(store), v.maps.generation(store)}
}

// turns counts the turns of stores.
type turns struct {
	mu sync.Mutex
	by map[string]uint64
}

func (t *turns) of(store string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.by[store]
}

// end ends a store's turn when tx is committed.
func (t *turns) end(tx *guard.Tx, store string) {
	tx.AfterCommit(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.by == nil {
			t.by = make(map[string]uint64)
		}
		t.by[store]++
	})
}
