package keys

import (
	"io"

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

// BreakLedger takes the ledger's file away under it, once.
func BreakLedger(k *Keys) { k.ledger.f.Close() }

// LedgerUnsynced returns how many bytes were written and not synced.
func LedgerUnsynced(k *Keys) int64 { return k.ledger.size - k.ledger.good }

// AppendEntry and ReadEntries write and read the lines of a ledger.
func AppendEntry(dst []byte, e Entry) []byte { return appendEntry(dst, e) }

// ReadEntries is ReadLedger on bytes in memory.
func ReadEntries(r io.ReadSeeker, skip int64, fn func(Entry) error) (int64, error) {
	return readEntries(r, skip, fn)
}

// RewrapAll rewraps rows in memory.
func RewrapAll(r *Ring, rows []Wrapped) ([][]byte, error) { return r.rewrapAll(rows) }

// Unpacked returns the records of a batch of the queue.
func Unpacked(b []byte) []uint64 { return unpacked(b) }
