package guard

import "sync"

// Damage counts the rows that were found changed behind the product's back: of
// records, stores, accounts, whatever names itself by an id. Each counts once in a
// process, however often it is met. The zero value is ready. Safe for concurrent
// use.
type Damage struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

// damageLimit bounds the rows that are told apart.
const damageLimit = 100_000

// Saw notes that the row with an id was met and does not open.
func (d *Damage) Saw(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.seen) >= damageLimit {
		return
	}
	if d.seen == nil {
		d.seen = make(map[string]struct{})
	}
	d.seen[id] = struct{}{}
}

// Count returns how many rows were met since the process began, at most 100 000. It
// is not 0 only if somebody changed the database.
func (d *Damage) Count() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(len(d.seen))
}

// Damage returns the count of damaged rows, which all who open rows share.
func (g *Guard) Damage() *Damage { return &g.damage }
