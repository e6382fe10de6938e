package vault

import (
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

// sqlDebit is the whole budget in one statement: it makes the row or moves its
// windows on, adds, and changes a row only if the store is connected still and
// nothing is overdrawn. A window is a
// clock hour or day in UTC. A clock that went back counts on in the newer window.
const sqlDebit = `insert into vault_budget (who, purpose, store, hour, hour_records, hour_fields, day, day_records, day_fields)
	select $1, $2, num, $4, $6, $7, $5, $6, $7 from vault_store where num = $3 and status = 1
	on conflict (who, purpose, store) do update set
		hour_records = excluded.hour_records + case when vault_budget.hour >= excluded.hour then vault_budget.hour_records else 0 end,
		hour_fields = excluded.hour_fields + case when vault_budget.hour >= excluded.hour then vault_budget.hour_fields else 0 end,
		day_records = excluded.day_records + case when vault_budget.day >= excluded.day then vault_budget.day_records else 0 end,
		day_fields = excluded.day_fields + case when vault_budget.day >= excluded.day then vault_budget.day_fields else 0 end,
		hour = case when vault_budget.hour >= excluded.hour then vault_budget.hour else excluded.hour end,
		day = case when vault_budget.day >= excluded.day then vault_budget.day else excluded.day end
	where excluded.hour_records + case when vault_budget.hour >= excluded.hour then vault_budget.hour_records else 0 end <= $8
		and excluded.hour_fields + case when vault_budget.hour >= excluded.hour then vault_budget.hour_fields else 0 end <= $9
		and excluded.day_records + case when vault_budget.day >= excluded.day then vault_budget.day_records else 0 end <= $10
		and excluded.day_fields + case when vault_budget.day >= excluded.day then vault_budget.day_fields else 0 end <= $11`

// debit takes records and fields off the budget, or returns Exhausted and leaves
// it as it was.
func (v *Vault) debit(tx *guard.Tx, p strongroom.Purpose, store int64, records, fields int64) error {
	b := v.budgets
	fits := records <= b.RecordsHour && records <= b.RecordsDay && fields <= b.FieldsHour && fields <= b.FieldsDay
	if fits {
		hour := tx.Now().Unix() / int64(time.Hour/time.Second)
		n, err := tx.Exec(sqlDebit, tx.Actor().ID, purposeNumber(p), store, hour, hour/24, records, fields,
			b.RecordsHour, b.FieldsHour, b.RecordsDay, b.FieldsDay)
		if err != nil {
			return err
		}
		if fits = n == 1; !fits {
			if err := atWork(tx, store); err != nil {
				return err
			}
		}
	}
	if !fits {
		return strongroom.Faultf(strongroom.Exhausted, "budget", "the budget for this purpose at this store is used up").
			Advise("wait for the next hour or day, or have the budget raised")
	}
	return nil
}

// atWork refuses a store that was disconnected since the decision.
func atWork(tx *guard.Tx, num int64) error {
	var s storeState
	err := tx.QueryRow(sqlStoreState, num).Scan(&s)
	if err == nil && s != storeConnected {
		err = disconnected()
	}
	return err
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
