package keys

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// rollBatch is how many keys one transaction of the roll moves.
const rollBatch = 2000

// rollPasses is how often a roll looks at all rows before it gives up.
const rollPasses = 4

// Epoch tells about the epochs.
type Epoch struct {
	Current uint32    // what new wraps are made under
	Made    time.Time // when it began, by the data clock
	Old     int       // older epochs whose keys are not destroyed yet
}

// Epoch returns the present state of the epochs.
func (k *Keys) Epoch() Epoch {
	s := k.ring.now.Load()
	e := s.entries[slot{use: epochUse, epoch: s.epoch}]
	return Epoch{Current: s.epoch, Made: time.UnixMicro(e.made).UTC(), Old: len(s.oldEpochs())}
}

// EpochStarted returns when the current epoch began, by the data clock.
func (k *Keys) EpochStarted() time.Time { return k.Epoch().Made }

// RollWaits reports whether a roll was begun and not finished, by this process or
// one before: the key of an older epoch is still there.
func (k *Keys) RollWaits() bool { return k.Epoch().Old > 0 }

func (s *state) oldEpochs() []uint32 {
	var out []uint32
	for at := range s.entries {
		if at.use == epochUse && at.epoch != s.epoch {
			out = append(out, at.epoch)
		}
	}
	return out
}

// newEpoch makes the next epoch key and makes it current.
func (r *Ring) newEpoch() error {
	return r.change(func(s *state) error {
		s.epoch++
		s.entries[slot{use: epochUse, epoch: s.epoch}] = &entry{key: seal.NewKey(), made: r.micros()}
		return nil
	})
}

// dropEpochs destroys the keys of all epochs but the current one: in the file
// first, then in memory once nobody uses them.
func (r *Ring) dropEpochs(ctx context.Context) error {
	before := r.now.Load()
	err := r.destroy(ctx, func(s *state) error {
		for _, e := range s.oldEpochs() {
			delete(s.entries, slot{use: epochUse, epoch: e})
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.epochs.Lock()
	defer r.epochs.Unlock()
	for _, e := range before.oldEpochs() {
		before.entries[slot{use: epochUse, epoch: e}].key.Zero()
	}
	return nil
}

// Roll makes a new epoch key, moves every data key under it, and destroys the
// older epoch keys once no row names them and nobody of Options.MayDestroy
// objects. From then on no copy of the database made before the roll began
// opens, for every record erased before that moment.
//
// A roll that was cut short is finished first, and then one more is made: what
// was erased since the first began is dead only after one that began later, and
// whoever asks for a roll relies on that. progress, which may be nil, is told of
// keys done and keys in all, for each of the two.
//
// A key that does not open is no key of ours: somebody changed its row. It is put
// aside ([Keys.Aside]), counted, and named by an event, and the old epoch keys die
// all the same: who can change a row must not be able to keep them. A roll that can
// open such a row after all takes it back.
//
// Faults: Conflict (code "roll-broken") if rows of an older epoch keep coming
// while it rolls, Unavailable (code "roll-waits") if somebody objects; the old
// keys are kept in both cases.
func (k *Keys) Roll(ctx context.Context, who strongroom.Actor, progress func(done, total int64)) error {
	if !k.rolling.TryLock() {
		return strongroom.Faultf(strongroom.Conflict, "roll", "a roll is under way already")
	}
	defer k.rolling.Unlock()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	for {
		cut := k.RollWaits()
		if err := k.roll(ctx, who, progress); err != nil || !cut {
			return err
		}
	}
}

// roll finishes the roll that was cut short, or makes one.
func (k *Keys) roll(ctx context.Context, who strongroom.Actor, progress func(done, total int64)) error {
	total, err := k.beginRoll(ctx, who)
	if err != nil {
		return err
	}
	if err := k.takeBack(ctx, who); err != nil {
		return err
	}
	// Everything new is of the current epoch, and what a pass cannot move it puts
	// aside. The second pass is for what a resumed first one had skipped, the others
	// for what somebody changes while the roll goes on.
	var left uint64
	for range rollPasses {
		if err := k.pass(ctx, who, total, progress); err != nil {
			return err
		}
		var found bool
		if left, found, err = k.leftBehind(ctx, who); err != nil {
			return err
		}
		if !found {
			return k.endRoll(ctx, who)
		}
	}
	return strongroom.Faultf(strongroom.Conflict, "roll-broken", "the key of record %s does not leave its older epoch, so the old epoch keys are kept", strongroom.RecordID(left)).
		Advise("somebody changes the database while the roll goes on: open an incident, end his access, then roll again")
}

// beginRoll records the decision, counts the keys, and begins an epoch unless an
// older one still waits for its end.
func (k *Keys) beginRoll(ctx context.Context, who strongroom.Actor) (total int64, err error) {
	err = k.guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actEpochRoll, epochResource(k.Epoch().Current), guard.Context{}); err != nil {
			return err
		}
		v.Note("stage", stageBegin())
		return v.QueryRow(sqlCount).Scan(&total)
	})
	if err == nil && k.Epoch().Old == 0 {
		err = k.ring.newEpoch()
	}
	return total, err
}

// pass moves keys from where the last pass stopped, or from the start.
func (k *Keys) pass(ctx context.Context, who strongroom.Actor, total int64, progress func(done, total int64)) error {
	next := lowest
	if err := k.guard.Quiet(ctx, guard.Cursor, func(_ context.Context, tx *guard.Tx) (err error) {
		next, err = rollMark(tx, k.Epoch().Current)
		return err
	}); err != nil {
		return err
	}
	var done int64
	for {
		after, n, err := k.RollStep(ctx, who, next, rollBatch)
		if err != nil {
			return err
		}
		done += int64(n)
		progress(done, max(total, done))
		if after == math.MaxInt64 {
			return nil
		}
		next = after
	}
}

// RollStep moves up to limit data keys of older epochs, from the record from on,
// under the current epoch key, in one transaction with one event. It returns
// where to go on, math.MaxInt64 at the end, and how many keys it moved. Records
// are ordered as signed numbers, which is the engines' order; math.MinInt64
// starts. A wrap that does not open is put aside and stays as it is.
func (k *Keys) RollStep(ctx context.Context, who strongroom.Actor, from int64, limit int) (next int64, n int, err error) {
	epoch := k.Epoch().Current
	var shut []Wrapped
	var receipt *guard.Receipt
	err = k.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actEpochRoll, epochResource(epoch), guard.Context{}); err != nil {
			return err
		}
		receipt = tx.Receipt()
		old, err := listRows(tx.Query(sqlOld, from, epoch, limit))
		if err != nil {
			return err
		}
		next = math.MaxInt64
		if len(old) == limit {
			next = int64(old[limit-1].Record) + 1
		}
		old, back := k.putBack(old)
		fresh, err := k.ring.rewrapAll(old)
		if err != nil {
			return err
		}
		if n, err = putRewrapped(tx, old, fresh, epoch); err != nil {
			return err
		}
		tx.Note("keys", int64(n))
		if shut = unopened(old, fresh); len(shut) > 0 {
			tx.Note("failed", int64(len(shut)))
		}
		if len(back) > 0 { // an event of its own, with the reason
			k.o.Log.Warn("rows of erased records were put back and are destroyed again", "records", len(back))
			if _, err := k.DestroyTx(tx, back, Replayed); err != nil {
				return err
			}
		}
		return setRollMark(tx, epoch, next)
	})
	if err == nil {
		err = k.putAside(ctx, who, shut, receipt)
	}
	if err != nil {
		return from, 0, err
	}
	return next, n, nil
}

// putBack takes the rows of erased records out of rows: somebody brought them
// back from a copy.
func (k *Keys) putBack(rows []Wrapped) (rest []Wrapped, back []uint64) {
	rest = slices.DeleteFunc(rows, func(w Wrapped) bool {
		gone := k.gone.has(w.Record)
		if gone {
			back = append(back, w.Record)
		}
		return gone
	})
	return rest, back
}

// rewrapAll wraps the keys of old under the current epoch, on all processors. What
// does not open stays nil. A ring that was closed meanwhile is a fault: its keys
// are wiped, and what does not open says nothing then.
func (r *Ring) rewrapAll(old []Wrapped) (fresh [][]byte, err error) {
	r.epochs.RLock()
	defer r.epochs.RUnlock()
	s := r.now.Load()
	if s == nil {
		return nil, ringClosed()
	}
	fresh = make([][]byte, len(old))
	var wg sync.WaitGroup
	part := (len(old) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for from := 0; from < len(old); from += part {
		wg.Go(func() {
			to := min(from+part, len(old))
			s.rewrapPart(old[from:to], fresh[from:to])
		})
	}
	wg.Wait()
	if r.now.Load() == nil {
		return nil, ringClosed()
	}
	return fresh, nil
}

func ringClosed() error {
	return strongroom.Faultf(strongroom.Unavailable, "keyring", "the keyring was closed")
}

func (s *state) rewrapPart(old []Wrapped, fresh [][]byte) {
	to := s.entries[slot{use: epochUse, epoch: s.epoch}].key
	out := make([]byte, 0, len(old)*seal.WrapSize) // one piece for all, cut up below
	ad, raw := make([]byte, 0, 160), make([]byte, 0, seal.KeySize)
	defer func() { clear(raw[:cap(raw)]) }()
	for i := range old {
		w := old[i]
		from := s.entries[slot{use: epochUse, epoch: w.Epoch}]
		if from == nil {
			continue
		}
		store := s.byNumber[w.Store]
		key, err := from.key.Open(raw[:0], wrapAD(ad[:0], s, store, &w), w.Wrap)
		if err != nil {
			continue
		}
		w.Epoch = s.epoch
		n := len(out)
		out = to.Seal(out, wrapAD(ad[:0], s, store, &w), key)
		fresh[i] = out[n:len(out):len(out)]
	}
}

// unopened returns those of old that have no fresh wrap.
func unopened(old []Wrapped, fresh [][]byte) (shut []Wrapped) {
	for i := range old {
		if fresh[i] == nil {
			shut = append(shut, old[i])
		}
	}
	return shut
}

// leftBehind finds a row that names an older epoch and is not put aside. It looks
// at every row, on a reading connection, where it holds nobody up.
func (k *Keys) leftBehind(ctx context.Context, who strongroom.Actor) (record uint64, left bool, err error) {
	epoch := k.Epoch().Current
	err = k.guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actEpochRoll, epochResource(epoch), guard.Context{}); err != nil {
			return err
		}
		v.Note("stage", stageCheck())
		left, err = found(v.QueryRow(sqlAnyOld, epoch).Scan(&record))
		return err
	})
	return record, left, err
}

// endRoll destroys the old epoch keys: when nobody objects, after the grace for
// readers, and after the event is durable.
func (k *Keys) endRoll(ctx context.Context, who strongroom.Actor) error {
	old := k.ring.now.Load().oldEpochs()
	for _, may := range k.o.MayDestroy {
		for _, epoch := range old {
			if err := may(ctx, epoch); err != nil {
				return strongroom.Faultf(strongroom.Unavailable, "roll-waits", "the key of epoch %d is still needed elsewhere and is kept", epoch).Because(err)
			}
		}
	}
	if k.o.ReaderGrace > 0 && len(old) > 0 {
		select {
		case <-time.After(k.o.ReaderGrace):
		case <-ctx.Done():
			return strongroom.Faultf(strongroom.Unavailable, "cancelled", "the roll was stopped before its end").Because(ctx.Err())
		}
	}
	r := epochResource(k.Epoch().Current)
	note := func(tx *guard.Tx) { tx.Note("destroyed", int64(len(old))) }
	return k.decided(ctx, who, actEpochRoll, r, note, func() error {
		if err := k.ring.dropEpochs(ctx); err != nil {
			return err
		}
		k.gone.keep(k.oldestEpoch())
		return nil
	})
}

// listRows lists the rows of a question.
func listRows(rows *db.Rows, err error) ([]Wrapped, error) {
	if err != nil {
		return nil, err
	}
	out := make([]Wrapped, 0, rollBatch)
	for rows.Next() {
		w, err := scanRow(rows)
		if err != nil {
			return nil, closing(rows, err)
		}
		out = append(out, w)
	}
	return out, rows.Close()
}

// putRewrapped swaps each wrap, if it is still the one that was read.
func putRewrapped(tx *guard.Tx, old []Wrapped, fresh [][]byte, epoch uint32) (int, error) {
	at := make([]int, 0, len(old))
	for i := range old {
		if fresh[i] != nil {
			at = append(at, i)
		}
	}
	args := make([]any, 4)
	args[0] = int64(epoch)
	n, err := tx.Batch(sqlRewrap, len(at), func(i int) []any {
		w := &old[at[i]]
		args[1], args[2], args[3] = fresh[at[i]], int64(w.Record), w.Wrap
		return args
	})
	return int(n), err
}

// rollMark returns where the roll to this epoch goes on.
func rollMark(tx *guard.Tx, epoch uint32) (int64, error) {
	of, err := mark(tx, markRollEpoch)
	if err != nil || of != int64(epoch) {
		return lowest, err
	}
	next, err := mark(tx, markRollNext)
	if next == math.MaxInt64 { // the pass came to its end: begin anew
		next = lowest
	}
	return next, err
}

func setRollMark(tx *guard.Tx, epoch uint32, next int64) error {
	if err := setMark(tx, markRollEpoch, int64(epoch)); err != nil {
		return err
	}
	return setMark(tx, markRollNext, next)
}
