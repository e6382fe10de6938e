package vault

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/fieldmap"
)

// kind is what a record is; its numbers are fieldmap's and are on disk.
type kind = fieldmap.Kind

const (
	kindOrder       = fieldmap.Order
	kindCustomer    = fieldmap.Customer
	kindFulfillment = fieldmap.Fulfillment
	kindStore       = fieldmap.Store
)

// recordID names a record for ever: 41 bits of milliseconds since 1970 and 22
// more, random where it matters. New records therefore land at the right edge of
// every b-tree, and an id says no more than when its record came in.
type recordID uint64

const recordRandom = 22

// recordIDs makes ids. Within one process they only rise, so none comes twice,
// however many come in one millisecond. Two processes meet on one id once in
// millions of simultaneous records; the second insert then fails and is tried
// again with another.
type recordIDs struct{ last atomic.Uint64 }

// longestCall is how far back the instant of a call may lie when its last record gets
// an id. To begin anew from there would give ids a second time.
const longestCall = time.Hour

func (g *recordIDs) next(now time.Time) recordID {
	var b [4]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	low := uint64(binary.BigEndian.Uint32(b[:]))
	fresh := uint64(now.UnixMilli())<<recordRandom | low>>(32-recordRandom)
	for {
		last := g.last.Load()
		// A step of random width keeps the number of records of a millisecond
		// from showing.
		id := max(fresh, last+1+low&0xff)
		if now.Add(longestCall).UnixMilli() < int64(last>>recordRandom) {
			id = fresh // the clock of a test instance was set back
		}
		if g.last.CompareAndSwap(last, id) {
			return recordID(id)
		}
	}
}

// time returns when the record came in.
func (id recordID) time() time.Time { return time.UnixMilli(int64(id >> recordRandom)).UTC() }

var recordEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

const (
	recordPrefix = "rec_"
	recordChars  = 26
)

// String returns the id as callers see it.
func (id recordID) String() string { return strongroom.RecordID(uint64(id)) }

// parseRecordID reads what String wrote. The error never repeats s.
func parseRecordID(s string) (recordID, error) {
	text, ok := strings.CutPrefix(s, recordPrefix)
	if ok && len(text) == recordChars {
		var b [16]byte
		n, err := recordEncoding.Decode(b[:], []byte(text))
		id := recordID(binary.BigEndian.Uint64(b[8:]))
		if err == nil && n == 16 && id.String() == s { // one spelling only
			return id, nil
		}
	}
	return 0, strongroom.Faultf(strongroom.NotFound, "record", "no such record")
}

// cursor is a place in a list: the last record seen. It is spelt like a record
// id without the prefix and carries nothing else.
func (id recordID) cursor() string {
	if id == 0 {
		return ""
	}
	return id.String()[len(recordPrefix):]
}

func parseCursor(s string) (recordID, error) {
	if s == "" {
		return 0, nil
	}
	id, err := parseRecordID(recordPrefix + s)
	if err != nil {
		return 0, strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor is not one of ours").
			Advise("start again without a cursor")
	}
	return id, nil
}

// hash is 128 bits of a keyed hash.
type hash [16]byte

func short(mac [32]byte) hash { return hash(mac[:16]) }

// checkStoreID reports whether s is spelt like a store id. Anything else cannot
// exist, and must not reach the log either.
func checkStoreID(s string) bool { return strongroom.IsID(storePrefix, s) }

const storePrefix = "str"
