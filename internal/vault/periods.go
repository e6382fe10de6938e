package vault

import (
	"context"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

const (
	// sqlPeriodLives looks for a live record of a month. A record keeps the month of
	// its version, so it came in no later than the month's end: ids after that need
	// not be looked at.
	sqlPeriodLives = `select id from vault_record where store = $1 and kind = $2 and id < $3 and period = $4 and status = 1 limit 1`
	// sqlOutlived lists the live records that stand in the index of a month or an
	// older one.
	sqlOutlived = `select id from vault_record
		where store = $1 and kind = $2 and id > $3 and id < $4 and period <= $5 and status = 1 order by id limit $6`
)

const (
	// monthsEvery is how often months that have passed are looked at.
	monthsEvery = 6 * time.Hour
	// monthsGrace lies between the last record that leaves a month and the death of
	// its key: a search that began before still looks for the old entries.
	monthsGrace = time.Minute
	// indexStep bounds the records of one step: it opens each of them.
	indexStep = 200
)

// indexing is one look through the months of all stores, in steps. It lives in
// memory: a process that begins anew walks again over what is done and finds
// nothing there.
type indexing struct {
	mu    sync.Mutex
	next  time.Time // when the next look is due, by the data clock
	store int64     // where this look goes on
	kind  kind
	after recordID
	moved int // records that this look has indexed anew
}

// month is a store's index key of one calendar month.
type month struct{ store, name string }

// outlived are records of one store that have outlived the index of their month.
type outlived struct {
	store string
	upTo  period // their months are this one or older
	ids   []recordID
}

// IndexStep takes up to limit records, 200 at most, out of the index of a month
// that lies further back than the profile's number and indexes them anew under
// the current month. After the last one, and for months without a live record at
// once, it destroys the month's key: an older copy of the database then allows no
// test for who was in it. more says that others wait. It looks every six hours;
// between two looks it does nothing and makes no event. What it did is done
// whatever happens after.
func (v *Vault) IndexStep(ctx context.Context, who strongroom.Actor, limit int) (n int, more bool, err error) {
	x := &v.indexing
	x.mu.Lock()
	defer x.mu.Unlock()
	now := v.clock.Now()
	if now.Before(x.next) && x.next.Sub(now) <= monthsEvery { // a test's clock may have gone back
		return 0, false, nil
	}
	found, spent, err := v.lookAtMonths(ctx, who, min(limit, indexStep))
	if err != nil {
		return 0, false, err
	}
	if len(found.ids) > 0 {
		n, err = v.indexAnew(ctx, who, found)
		if strongroom.IsKind(err, strongroom.Unavailable) {
			return 0, false, err // the same ones again
		}
		// What is the matter with these must not keep the others where they are.
		x.after = found.ids[len(found.ids)-1]
		if err != nil {
			return 0, false, err
		}
		x.moved += n
		return n, true, nil
	}
	wait := monthsEvery
	if x.moved > 0 {
		wait = monthsGrace
	} else if err := v.dropMonths(ctx, who, spent); err != nil {
		return 0, false, err
	}
	x.next, x.store, x.kind, x.after, x.moved = now.Add(wait), 0, 0, 0, 0
	return 0, false, nil
}

// lookAtMonths returns the next records to index anew; where there are none, the
// index keys that no live record needs. It reads on a snapshot, where a walk over
// many rows holds nobody up: no record ever comes into a month that old.
func (v *Vault) lookAtMonths(ctx context.Context, who strongroom.Actor, limit int) (found outlived, spent []month, err error) {
	err = v.guard.Read(ctx, who, func(_ context.Context, view *guard.View) error {
		found, spent = outlived{}, nil
		if err := view.Allow(actionSweep, instance(), guard.Context{}); err != nil {
			return err
		}
		list, err := visibleStores(&view.Reader, who, 0, maxFindStores)
		if err != nil {
			return err
		}
		for _, st := range list {
			if st.state == storeDisconnected || st.num < v.indexing.store {
				continue
			}
			if found, err = v.outlivedOf(&view.Reader, st, view.Now(), limit); err != nil || len(found.ids) > 0 {
				return err
			}
		}
		spent, err = v.spentMonths(&view.Reader, list, view.Now())
		return err
	})
	return found, spent, err
}

// outlivedOf returns the store's next records to index anew.
func (v *Vault) outlivedOf(r *db.Reader, st *store, now time.Time, limit int) (outlived, error) {
	out := outlived{store: st.id}
	var bound time.Time
	for _, name := range v.keys.LivePeriods(st.id) {
		p, end, err := parseMonth(name)
		if err != nil {
			return out, err
		}
		if passed(p, now) && !now.Before(end.Add(v.profile.Index)) && p > out.upTo {
			out.upTo, bound = p, end
		}
	}
	if bound.IsZero() {
		return out, nil
	}
	x := &v.indexing
	if x.store != st.num {
		x.store, x.kind, x.after = st.num, kindOrder, 0
	}
	for ; x.kind < kindStore; x.kind, x.after = x.kind+1, 0 { // nothing of a store object is indexed
		ids, err := scanIDs(r.Query(sqlOutlived, st.num, x.kind, uint64(x.after), pastEnd(bound), out.upTo, limit))
		if err != nil || len(ids) > 0 {
			out.ids = ids
			return out, err
		}
	}
	return out, nil
}

// passed reports whether nothing comes into a month any more. The current month
// and the one before always have a key: records may be on their way in.
func passed(p period, now time.Time) bool { return p < periodOf(now)-1 }

// spentMonths returns the index keys that no live record needs.
func (v *Vault) spentMonths(r *db.Reader, list []*store, now time.Time) ([]month, error) {
	var out []month
	for _, st := range list {
		for _, name := range v.keys.LivePeriods(st.id) {
			p, end, err := parseMonth(name)
			if err != nil {
				return nil, err
			}
			if !passed(p, now) {
				continue
			}
			lives, err := monthLives(r, st.num, p, end)
			if err != nil {
				return nil, err
			}
			if !lives {
				out = append(out, month{st.id, name})
			}
		}
	}
	return out, nil
}

func parseMonth(name string) (p period, end time.Time, err error) {
	t, err := time.Parse("2006-01", name)
	if err != nil {
		return 0, t, badRow("period")
	}
	return periodOf(t), t.AddDate(0, 1, 0), nil
}

// pastEnd is above the id of every record that came in before a month's end.
func pastEnd(end time.Time) uint64 { return uint64(end.Add(day).UnixMilli()) << recordRandom }

// monthLives reports whether a live record stands in the index of a month.
func monthLives(r *db.Reader, store int64, p period, end time.Time) (bool, error) {
	for k := kindOrder; k < kindStore; k++ {
		ids, err := scanIDs(r.Query(sqlPeriodLives, store, k, pastEnd(end), p))
		if err != nil || len(ids) > 0 {
			return len(ids) > 0, err
		}
	}
	return false, nil
}

// dropMonths destroys spent index keys. Until then an older copy of the database
// allows, with the keyring, to test whether a known value was in it.
func (v *Vault) dropMonths(ctx context.Context, who strongroom.Actor, spent []month) error {
	for _, m := range spent {
		if err := v.keys.DropPeriod(ctx, who, m.store, m.name); err != nil {
			return err
		}
	}
	return nil
}
