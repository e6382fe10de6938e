package review

import (
	"bytes"
	"context"
	"encoding/hex"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Approved is what the log shows of the last approval of a baseline.
type Approved struct {
	Version int    `json:"v"`
	Digest  string `json:"d"` // SHA-256 over the items, in hex
}

// SecondWithin is how long the first of two approvals of a baseline holds; ours.
const SecondWithin = 7 * 24 * time.Hour

// approvals reads the log, outside of every transaction.
func (v *Review) approvals(ctx context.Context) (map[Kind]Approved, error) {
	if v.o.Events == nil {
		return nil, nil
	}
	return v.o.Events.Approvals(ctx)
}

func notShown() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Conflict, "baseline-lost", "the approved baseline is gone, or is not the last one that the log shows").
		Advise("somebody changed the database, or put back an older row: open an incident; two people approve it anew")
}

// lost reports whether err says that the approved baseline is damaged, gone, or not the
// one that the log shows. Anything else leaves open what is new in the next one.
func lost(err error) bool {
	code := codeOf(err)
	return code == "review-sealed" || code == "digest" || code == "baseline-lost"
}

func (v *Review) firstAD(f firstRow) []byte {
	return v.ad("first", f.kind, f.person, f.at, f.digest)
}

// second reports whether somebody else has approved the same lately. Else it keeps that
// who did, and b waits.
func (v *Review) second(tx *guard.Tx, who string, b *Baseline) (bool, error) {
	sum, err := hex.DecodeString(b.Digest)
	if err != nil {
		return false, err
	}
	kind := db.Place(Kinds(), b.Kind)
	first, err := loadFirst(&tx.Reader, kind)
	there, err := found(err)
	if err != nil {
		return false, err
	}
	if there && bytes.Equal(first.digest, sum) && v.unpack("baseline", v.firstAD(first), first.sealed, new(struct{})) == nil {
		if counts, err := v.another(tx, who, &first); counts || err != nil {
			return counts, err
		}
	}
	b.Waits = true
	tx.Note("stage", audit.Word("baseline-first"))
	tx.Note("digest", b.Digest)
	tx.Note("count", len(b.Items))
	first = firstRow{kind: kind, person: who, at: db.Micros(tx.Now()), digest: sum}
	if first.sealed, err = v.pack(v.firstAD(first), struct{}{}); err != nil {
		return false, err
	}
	_, err = tx.Exec(sqlPutFirst, first.kind, first.person, first.at, first.digest, first.sealed)
	return false, err
}

// another reports whether the first approval is of another hand than who, who is still
// there, and not too old.
func (v *Review) another(tx *guard.Tx, who string, first *firstRow) (bool, error) {
	age := tx.Now().Sub(db.TimeOrZero(first.at))
	if first.person == who || age < 0 || age > SecondWithin {
		return false, nil
	}
	if isAccount(first.person) {
		if alive, err := found(v.o.Registers.Exists(&tx.Reader, first.person)); !alive || err != nil {
			return false, err
		}
	}
	same, err := v.own(&tx.Reader, who, &Item{Account: first.person})
	return !same, err
}
