package keys

import (
	"sync"

	"strongroom"
)

// Damage counts the records whose rows were changed in the database, each once in
// a process, however often it is met. The zero value is ready. Safe for concurrent
// use.
type Damage struct {
	mu   sync.Mutex
	seen map[uint64]struct{}
}

// damageLimit bounds the records that are told apart.
const damageLimit = 100_000

// Saw notes that a record's row was met and found changed, and reports whether it
// was not known yet.
func (d *Damage) Saw(record uint64) (fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.seen[record]; known || len(d.seen) >= damageLimit {
		return false
	}
	if d.seen == nil {
		d.seen = make(map[uint64]struct{})
	}
	d.seen[record] = struct{}{}
	return true
}

// Count returns how many records were met, at most 100 000. It is not 0 only if
// somebody changed the database.
func (d *Damage) Count() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(len(d.seen))
}

// Damage returns the count of damaged records, which the roll keeps together with
// whoever opens records.
func (k *Keys) Damage() *Damage { return &k.damage }

func recordResource(record uint64, store string) strongroom.Resource {
	return strongroom.Resource{Type: "Record", ID: strongroom.RecordID(record), Store: store}
}
