package vault

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// sqlPeriodLives looks for a live record of a month. A record keeps the month of
// its version, so it came in no later than the month's end: ids after that need
// not be looked at.
const sqlPeriodLives = `select id from vault_record where store = $1 and kind = $2 and id < $3 and period = $4 and status = 1 limit 1`

// month is a store's index key of one calendar month.
type month struct{ store, name string }

// spentMonths returns the index keys that no live record needs. The current
// month and the one before are always needed: records may be on their way in.
func (v *Vault) spentMonths(tx *guard.Tx) ([]month, error) {
	list, err := visibleStores(&tx.Reader, tx.Actor(), 0, maxFindStores)
	if err != nil {
		return nil, err
	}
	var out []month
	for _, st := range list {
		for _, name := range v.keys.LivePeriods(st.id) {
			p, end, err := parseMonth(name)
			if err != nil {
				return nil, err
			}
			if p >= periodOf(tx.Now())-1 {
				continue
			}
			lives, err := monthLives(&tx.Reader, st.num, p, end)
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

func monthLives(r *db.Reader, store int64, p period, end time.Time) (bool, error) {
	last := uint64(end.Add(day).UnixMilli()) << recordRandom
	for k := kindOrder; k <= kindStore; k++ {
		ids, err := scanIDs(r.Query(sqlPeriodLives, store, k, last, p))
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
