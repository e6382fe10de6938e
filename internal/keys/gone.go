package keys

import (
	"sync"
	"time"

	"strongroom"
)

// gone remembers the records that were erased while an epoch lasted whose key is
// still there. Whoever puts the row of such a record back into the database,
// copied before the erasure, would open it again, and the next roll would carry
// it on under a new epoch key. So neither a load nor a roll touches it. Records
// that died on their date need no place here: the date is bound into the wrap.
// Safe for concurrent use.
type gone struct {
	mu      sync.RWMutex
	records map[uint64]int64 // when, in Unix microseconds
}

func (g *gone) has(record uint64) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, ok := g.records[record]
	return ok
}

func (g *gone) add(records []uint64, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.records == nil {
		g.records = make(map[uint64]int64)
	}
	for _, r := range records {
		g.records[r] = at.UnixMicro()
	}
}

// keep forgets what was erased before since.
func (g *gone) keep(since time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r, at := range g.records {
		if at < since.UnixMicro() {
			delete(g.records, r)
		}
	}
}

// Gone reports whether the record was erased while an epoch lasted whose key is
// still there: a row of it that says otherwise was put back from a copy.
func (k *Keys) Gone(record uint64) bool { return k.gone.has(record) }

// oldestEpoch returns when the oldest epoch began that still has a key.
func (k *Keys) oldestEpoch() time.Time {
	s := k.ring.now.Load()
	least := s.entries[slot{use: epochUse, epoch: s.epoch}].made
	for _, e := range s.oldEpochs() {
		least = min(least, s.entries[slot{use: epochUse, epoch: e}].made)
	}
	return time.UnixMicro(least).UTC()
}

// recall reads back from the ledger who is gone. It reads from the ledger's end
// to the beginning of the oldest epoch.
func (k *Keys) recall() error {
	since := k.oldestEpoch()
	return k.ledger.backward(func(e Entry) bool {
		if e.At.Before(since) {
			return false
		}
		if e.Reason != Expired {
			k.gone.add([]uint64{e.Record}, e.At)
		}
		return true
	})
}

// backward calls fn with each entry, the newest first, until it returns false.
func (l *ledger) backward(fn func(Entry) bool) error {
	const most = ledgerHold / ledgerLine
	buf := make([]byte, most*ledgerLine)
	for left := l.count(); left > 0; {
		n := min(left, most)
		if _, err := l.f.ReadAt(buf[:n*ledgerLine], l.head()+(left-n)*ledgerLine); err != nil {
			return unavailable("cannot read the erasure ledger", err)
		}
		for i := n - 1; i >= 0; i-- {
			e, ok := parseEntry(buf[i*ledgerLine : (i+1)*ledgerLine])
			if !ok {
				return strongroom.Faultf(strongroom.Internal, "ledger", "entry %d of the erasure ledger is damaged", left-n+i).
					Advise("bring back the ledger's newest copy")
			}
			if !fn(e) {
				return nil
			}
		}
		left -= n
	}
	return nil
}

func erased() error {
	return strongroom.Faultf(strongroom.Erased, "erased", "the key of the record is destroyed")
}
