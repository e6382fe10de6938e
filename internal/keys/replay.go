package keys

import (
	"context"

	"strongroom"
	"strongroom/internal/guard"
)

// Replay destroys every key that the ledger names and the database still holds,
// and returns how many there were. An instance calls it before it serves: after
// an ordinary stop little stands behind the mark, after a restore everything
// since the copy was made. Without entries behind the mark it makes no event.
func (k *Keys) Replay(ctx context.Context, who strongroom.Actor) (n int, err error) {
	from, err := k.applied(ctx)
	if err != nil {
		return 0, err
	}
	chunk := make([]Entry, 0, rollBatch)
	flush := func() error {
		m, err := k.replay(ctx, who, chunk)
		n += m
		chunk = chunk[:0]
		return err
	}
	_, err = ReadLedger(k.ledger.path, from, func(e Entry) error {
		if chunk = append(chunk, e); len(chunk) == cap(chunk) {
			return flush()
		}
		return nil
	})
	if err == nil && len(chunk) > 0 {
		err = flush()
	}
	return n, err
}

// applied returns how many entries of the ledger this database is known to have
// seen. A mark beyond the ledger's end is of another ledger and counts for
// nothing.
func (k *Keys) applied(ctx context.Context) (n int64, err error) {
	err = k.guard.Quiet(ctx, guard.Cursor, func(_ context.Context, tx *guard.Tx) error {
		n, err = mark(tx, markLedger)
		return err
	})
	if have := k.ledger.count(); n > have {
		k.o.Log.WarnContext(ctx, "the erasure ledger is shorter than the database knows; bring back the one that was kept with it",
			"entries", have, "known", n)
		n = 0
	}
	return n, err
}

// replay destroys the keys of one chunk that are still there. It writes no
// ledger: that is where the records come from.
func (k *Keys) replay(ctx context.Context, who strongroom.Actor, chunk []Entry) (n int, err error) {
	reasons := make(map[uint64]Reason, len(chunk))
	records := make([]uint64, 0, len(chunk))
	for _, e := range chunk {
		if _, twice := reasons[e.Record]; !twice {
			records = append(records, e.Record)
		}
		reasons[e.Record] = e.Reason
	}
	err = k.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actSweep, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		alive, _, err := owners(tx, records)
		if err != nil {
			return err
		}
		n = len(alive)
		tx.Note("destroyed", int64(n))
		tx.Note("reason", Replayed.word())
		if n == 0 {
			return nil
		}
		doomed := make([]Doomed, n)
		for i, r := range alive {
			doomed[i] = Doomed{r, reasons[r]}
		}
		return k.BuryTx(tx, doomed)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
