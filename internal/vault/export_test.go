package vault

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// FaultCode returns the code of an error.
func FaultCode(err error) string { return faultCode(err) }

// As returns a vault over the same database and keys that takes itself for an
// instance of another environment.
func As(v *Vault, env strongroom.Environment) *Vault {
	return &Vault{
		guard: v.guard, keys: v.keys, env: env, tokenEnv: v.tokenEnv, profile: v.profile, budgets: v.budgets,
		clock: v.clock, log: v.log, platforms: v.platforms,
		maps: maps{base: v.maps.base, byStore: map[string]laid{}}, stores: stores{byID: map[string]*store{}},
	}
}

// RowOf returns the number of a record id as its table holds it.
func RowOf(id string) int64 {
	n, err := parseRecordID(id)
	if err != nil {
		panic(err)
	}
	return int64(n)
}

// AfterDecision has fn called when a reveal has decided and before its commit.
func AfterDecision(v *Vault, fn func()) {
	if fn == nil {
		v.decided.Store(nil)
		return
	}
	v.decided.Store(&fn)
}

// ClearNow is the transaction of ClearStep without the question before it.
func ClearNow(v *Vault, who strongroom.Actor) error {
	_, _, _, err := v.clearStep(context.Background(), who, 100, false)
	return err
}

// References opens the references that lie beside a record.
func References(v *Vault, g *guard.Guard, who strongroom.Actor, store, id string) (out []string, err error) {
	err = g.Read(context.Background(), who, func(_ context.Context, view *guard.View) error {
		if err := view.Allow(actionRead, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		rid, err := parseRecordID(id)
		if err != nil {
			return err
		}
		r, err := loadOutline(&view.Reader, rid)
		if err != nil {
			return err
		}
		w, err := v.keys.Load(view, uint64(rid))
		if err != nil {
			return err
		}
		key, err := v.keys.Open(store, w)
		if err != nil {
			return err
		}
		rows, err := view.Query(sqlReferences, uint64(rid))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var h, b []byte
			var at int64
			if err := rows.Scan(&h, &at, &b); err != nil {
				return err
			}
			text, err := key.Open(nil, v.referenceAD(store, rid, r.version, hash(h)), b)
			if err != nil {
				return err
			}
			out = append(out, string(text))
		}
		return nil
	})
	return out, err
}

// Numbered returns an id of its own for each number.
func Numbered(prefix string, n int) string {
	return prefix + recordID(n).String()[len(recordPrefix)-1:]
}

// Sealed returns how many of the records are found when they are asked for together.
func Sealed(r *db.Reader, ids []string) (found int, err error) {
	rows := make([]recordID, len(ids))
	for i := range ids {
		if rows[i], err = parseRecordID(ids[i]); err != nil {
			return 0, err
		}
	}
	return found, loadSealed(r, rows, func(*row) { found++ })
}
