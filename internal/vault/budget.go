package vault

import (
	"time"

	"strongroom"
	"strongroom/internal/db"
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
	// An account as the database has it, and the state of its store. One that was
	// never used is all zero.
	sqlAccount = `select s.status, coalesce(b.hour, 0), coalesce(b.hour_records, 0), coalesce(b.hour_fields, 0),
		coalesce(b.day, 0), coalesce(b.day_records, 0), coalesce(b.day_fields, 0)
		from vault_store s left join vault_budget b on b.store = s.num and b.who = $1 and b.purpose = $2 where s.num = $3`
	// A store that was disconnected gets no account any more.
	sqlAccountPut = `insert into vault_budget (who, purpose, store, hour, hour_records, hour_fields, day, day_records, day_fields)
		select $1, $2, num, $4, $5, $6, $7, $8, $9 from vault_store where num = $3 and status = 1
		on conflict (who, purpose, store) do update set hour = excluded.hour, hour_records = excluded.hour_records,
			hour_fields = excluded.hour_fields, day = excluded.day, day_records = excluded.day_records, day_fields = excluded.day_fields`
)

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

// standing is an account as the database has it, and the state of its store.
type standing struct {
	state   storeState
	account account
}

func loadStanding(r *db.Reader, n accountName) (*standing, error) {
	var s standing
	a := &s.account
	err := r.QueryRow(sqlAccount, n.who, purposeNumber(n.purpose), n.store).
		Scan(&s.state, &a.hour, &a.hourRecords, &a.hourFields, &a.day, &a.dayRecords, &a.dayFields)
	return &s, err
}

// accounts are those debited in one transaction, by all who share it. They are
// written once, right before the commit. Nothing else writes them: whoever holds
// the transaction holds the head of the log.
type accounts map[accountName]*account

type accountsKey struct{}

// debit takes records and fields off the budget, or returns Exhausted and leaves
// it as it was; Erased if the store was disconnected since the decision. s is
// what was fetched ahead, nil if nothing was.
func (v *Vault) debit(tx *guard.Tx, n accountName, s *standing, records, fields int64) error {
	if s == nil {
		var err error
		if s, err = loadStanding(&tx.Reader, n); err != nil {
			return err
		}
	}
	if s.state != storeConnected {
		return disconnected()
	}
	all := tx.Shared(accountsKey{}, func() any { return make(accounts) }).(accounts)
	a := all[n]
	if a == nil {
		first := s.account
		a = &first
		all[n] = a
	}
	before := *a
	after, ok := a.debit(v.budgets, tx.Now().Unix()/int64(time.Hour/time.Second), records, fields)
	if !ok {
		return strongroom.Faultf(strongroom.Exhausted, "budget", "the budget for this purpose at this store is used up").
			Advise("wait for the next hour or day, or have the budget raised")
	}
	*a = after
	tx.OnUndo(func() { *a = before })
	tx.BeforeCommitOnce(a, func() error {
		return tx.Queue(sqlAccountPut, n.who, purposeNumber(n.purpose), n.store,
			a.hour, a.hourRecords, a.hourFields, a.day, a.dayRecords, a.dayFields)
	})
	return nil
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
