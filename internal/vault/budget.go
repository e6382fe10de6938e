package vault

import (
	"cmp"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/guard"
)

// Budgets bound how much one principal may reveal for one purpose at one store.
// They are debited in the commit that records the reveal, so concurrent callers
// cannot overdraw. A zero field means its default.
type Budgets struct {
	RecordsHour, RecordsDay int64
	FieldsHour, FieldsDay   int64
}

// DefaultBudgets returns what a mid-sized shop's shipping needs.
func DefaultBudgets() Budgets {
	return Budgets{RecordsHour: 5_000, RecordsDay: 20_000, FieldsHour: 200_000, FieldsDay: 800_000}
}

func (b Budgets) filled() Budgets {
	d := DefaultBudgets()
	fill := func(v *int64, def int64) {
		if *v <= 0 {
			*v = def
		}
	}
	fill(&b.RecordsHour, d.RecordsHour)
	fill(&b.RecordsDay, d.RecordsDay)
	fill(&b.FieldsHour, d.FieldsHour)
	fill(&b.FieldsDay, d.FieldsDay)
	return b
}

const (
	// A store that was disconnected gets no account any more.
	sqlAccountPut = `insert into vault_budget (who, purpose, store, hour, hour_records, hour_fields, day, day_records, day_fields)
		select $1, $2, num, $4, $5, $6, $7, $8, $9 from vault_store where num = $3 and status <> 2
		on conflict (who, purpose, store) do update set hour = excluded.hour, hour_records = excluded.hour_records,
			hour_fields = excluded.hour_fields, day = excluded.day, day_records = excluded.day_records, day_fields = excluded.day_fields`

	sqlAccountsPut = `insert into vault_budget (who, purpose, store, hour, hour_records, hour_fields, day, day_records, day_fields) values
		($1, $2, $3, $4, $5, $6, $7, $8, $9),
		($10, $11, $12, $13, $14, $15, $16, $17, $18),
		($19, $20, $21, $22, $23, $24, $25, $26, $27),
		($28, $29, $30, $31, $32, $33, $34, $35, $36),
		($37, $38, $39, $40, $41, $42, $43, $44, $45),
		($46, $47, $48, $49, $50, $51, $52, $53, $54),
		($55, $56, $57, $58, $59, $60, $61, $62, $63),
		($64, $65, $66, $67, $68, $69, $70, $71, $72)
		on conflict (who, purpose, store) do update set hour = excluded.hour, hour_records = excluded.hour_records,
			hour_fields = excluded.hour_fields, day = excluded.day, day_records = excluded.day_records, day_fields = excluded.day_fields`
)

// accountsPut is how many accounts sqlAccountsPut writes.
const accountsPut = 8

// accountName says whose budget it is, for what and where.
type accountName struct {
	who     string
	purpose strongroom.Purpose
	store   int64
}

// account is what was revealed in the newest hour and day. A window is a clock
// hour or day in UTC.
type account struct {
	hour, hourRecords, hourFields int64
	day, dayRecords, dayFields    int64
}

// debit returns the account after a reveal in the given hour; ok is false if
// that overdraws it. A clock that went back counts on in the newer window.
func (a account) debit(b Budgets, hour, records, fields int64) (_ account, ok bool) {
	if a.hour < hour {
		a.hour, a.hourRecords, a.hourFields = hour, 0, 0
	}
	if day := hour / 24; a.day < day {
		a.day, a.dayRecords, a.dayFields = day, 0, 0
	}
	a.hourRecords, a.hourFields = a.hourRecords+records, a.hourFields+fields
	a.dayRecords, a.dayFields = a.dayRecords+records, a.dayFields+fields
	return a, a.hourRecords <= b.RecordsHour && a.hourFields <= b.FieldsHour && a.dayRecords <= b.RecordsDay && a.dayFields <= b.FieldsDay
}

// accounts are those debited in one transaction, by all who share it. They are
// written once: by the last of the reveals that stand together, or right before the
// commit. Nothing else writes them: whoever holds the transaction holds the head of
// the log.
type accounts map[accountName]*held

// held is an account as it is now, and as it was read or written last.
type held struct{ now, stored account }

type accountsKey struct{}

func accountsOf(tx *guard.Tx) accounts {
	return tx.Shared(accountsKey{}, func() any { return make(accounts) }).(accounts)
}

// debit takes records and fields off the budget, or returns Exhausted and leaves
// it as it was; Erased or Denied if the store was disconnected or closed since the
// decision. s is what was fetched ahead, nil if nothing was.
func (v *Vault) debit(tx *guard.Tx, n accountName, s *standing, records, fields int64) error {
	if s == nil {
		known := keptStandings(tx)
		if s = known[n]; s == nil {
			var err error
			if s, err = loadStanding(&tx.Reader, n); err != nil {
				return err
			}
			known.keep(n, s)
		}
	}
	if err := s.state.refusal(); err != nil {
		return err
	}
	all := accountsOf(tx)
	h := all[n]
	if h == nil {
		h = &held{s.account, s.account}
		all[n] = h
	}
	before := h.now
	after, ok := h.now.debit(v.budgets, tx.Now().Unix()/int64(time.Hour/time.Second), records, fields)
	if !ok {
		return strongroom.Faultf(strongroom.Exhausted, "budget", "the budget for this purpose at this store is used up").
			Advise("wait for the next hour or day, or have the budget raised")
	}
	h.now = after
	tx.OnUndo(func() { h.now = before })
	if tx.Joint() {
		return nil // putAccounts comes, before anybody can disconnect the store
	}
	tx.BeforeCommitOnce(h, func() error {
		keptStandings(tx).keep(n, &standing{storeConnected, h.now})
		return tx.Queue(sqlAccountPut, h.args(nil, n)...)
	})
	return nil
}

func (h *held) args(dst []any, n accountName) []any {
	a := &h.now
	return append(dst, n.who, int64(purposeNumber(n.purpose)), n.store, a.hour, a.hourRecords, a.hourFields, a.day, a.dayRecords, a.dayFields)
}

// putAccounts writes the accounts that changed since they were written last.
func putAccounts(tx *guard.Tx) error {
	var names []accountName
	all, known := accountsOf(tx), keptStandings(tx)
	for n, h := range all {
		if h.now != h.stored {
			names = append(names, n)
			h.stored = h.now
			known.keep(n, &standing{storeConnected, h.now})
		}
	}
	slices.SortFunc(names, compareAccounts)
	for len(names) >= accountsPut {
		args := make([]any, 0, 9*accountsPut)
		for _, n := range names[:accountsPut] {
			args = all[n].args(args, n)
		}
		if err := tx.Queue(sqlAccountsPut, args...); err != nil {
			return err
		}
		names = names[accountsPut:]
	}
	for _, n := range names {
		if err := tx.Queue(sqlAccountPut, all[n].args(nil, n)...); err != nil {
			return err
		}
	}
	return nil
}

func compareAccounts(a, b accountName) int {
	return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.purpose, b.purpose), cmp.Compare(a.store, b.store))
}

// purposeNumber is a purpose on disk: its place in the closed list, from 1.
func purposeNumber(p strongroom.Purpose) int {
	for i, q := range strongroom.Purposes() {
		if p == q {
			return i + 1
		}
	}
	return 0
}
