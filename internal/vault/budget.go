package vault

import (
	"cmp"
	"slices"
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
		select $1, $2, num, $4, $5, $6, $7, $8, $9 from vault_store where num = $3 and status <> 2
		on conflict (who, purpose, store) do update set hour = excluded.hour, hour_records = excluded.hour_records,
			hour_fields = excluded.hour_fields, day = excluded.day, day_records = excluded.day_records, day_fields = excluded.day_fields`

	sqlAccounts = `select b.who, b.purpose, b.store, s.status, b.hour, b.hour_records, b.hour_fields, b.day, b.day_records, b.day_fields
		from vault_budget b join vault_store s on s.num = b.store where
		(b.who = $1 and b.purpose = $2 and b.store = $3) or (b.who = $4 and b.purpose = $5 and b.store = $6) or
		(b.who = $7 and b.purpose = $8 and b.store = $9) or (b.who = $10 and b.purpose = $11 and b.store = $12) or
		(b.who = $13 and b.purpose = $14 and b.store = $15) or (b.who = $16 and b.purpose = $17 and b.store = $18) or
		(b.who = $19 and b.purpose = $20 and b.store = $21) or (b.who = $22 and b.purpose = $23 and b.store = $24) or
		(b.who = $25 and b.purpose = $26 and b.store = $27) or (b.who = $28 and b.purpose = $29 and b.store = $30) or
		(b.who = $31 and b.purpose = $32 and b.store = $33) or (b.who = $34 and b.purpose = $35 and b.store = $36) or
		(b.who = $37 and b.purpose = $38 and b.store = $39) or (b.who = $40 and b.purpose = $41 and b.store = $42) or
		(b.who = $43 and b.purpose = $44 and b.store = $45) or (b.who = $46 and b.purpose = $47 and b.store = $48)`
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

// How many accounts sqlAccounts asks for, and sqlAccountsPut writes.
const (
	accountsAsked = 16
	accountsPut   = 8
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

// loadStandings returns the standings of many accounts. One that was never used is
// asked for by itself.
func loadStandings(r *db.Reader, names []accountName) (map[accountName]*standing, error) {
	out := make(map[accountName]*standing, len(names))
	if len(names) > 1 {
		for chunk := range slices.Chunk(names, accountsAsked) {
			if err := askStandings(r, chunk, out); err != nil {
				return nil, err
			}
		}
	}
	for _, n := range names {
		if out[n] != nil {
			continue
		}
		s, err := loadStanding(r, n)
		if err != nil {
			return nil, err
		}
		out[n] = s
	}
	return out, nil
}

// askStandings adds the standings of up to accountsAsked accounts to out.
func askStandings(r *db.Reader, names []accountName, out map[accountName]*standing) error {
	args := make([]any, 0, 3*accountsAsked)
	for i := range accountsAsked {
		n := names[min(i, len(names)-1)] // a short chunk repeats its last
		args = append(args, n.who, int64(purposeNumber(n.purpose)), n.store)
	}
	rows, err := r.Query(sqlAccounts, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var n accountName
		var s standing
		var purpose, state int64
		a := &s.account
		err := rows.Scan(&n.who, &purpose, &n.store, &state,
			&a.hour, &a.hourRecords, &a.hourFields, &a.day, &a.dayRecords, &a.dayFields)
		if err != nil {
			rows.Close()
			return err
		}
		s.state = storeState(state)
		if all := strongroom.Purposes(); purpose > 0 && int(purpose) <= len(all) {
			n.purpose = all[purpose-1]
			out[n] = &s
		}
	}
	return rows.Close()
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
// it as it was; Erased or Denied if the store was disconnected or closed since the decision. s is
// what was fetched ahead, nil if nothing was.
func (v *Vault) debit(tx *guard.Tx, n accountName, s *standing, records, fields int64) error {
	if s == nil {
		var err error
		if s, err = loadStanding(&tx.Reader, n); err != nil {
			return err
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
	tx.BeforeCommitOnce(h, func() error { return tx.Queue(sqlAccountPut, h.args(nil, n)...) })
	return nil
}

func (h *held) args(dst []any, n accountName) []any {
	a := &h.now
	return append(dst, n.who, int64(purposeNumber(n.purpose)), n.store, a.hour, a.hourRecords, a.hourFields, a.day, a.dayRecords, a.dayFields)
}

// putAccounts writes the accounts that changed since they were written last.
func putAccounts(tx *guard.Tx) error {
	var names []accountName
	all := accountsOf(tx)
	for n, h := range all {
		if h.now != h.stored {
			names = append(names, n)
			h.stored = h.now
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
