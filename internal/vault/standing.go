package vault

import (
	"slices"

	"strongroom"
	"strongroom/internal/db"
)

const (
	// An account as the database has it, and the state of its store. One that was
	// never used is all zero.
	sqlAccount = `select s.status, coalesce(b.hour, 0), coalesce(b.hour_records, 0), coalesce(b.hour_fields, 0),
		coalesce(b.day, 0), coalesce(b.day_records, 0), coalesce(b.day_fields, 0)
		from vault_store s left join vault_budget b on b.store = s.num and b.who = $1 and b.purpose = $2 where s.num = $3`
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
)

// accountsAsked is how many accounts sqlAccounts asks for.
const accountsAsked = 16

// standing is an account as the database has it, and the state of its store.
type standing struct {
	state   storeState
	account account
}

// standings are those that reveals of one transaction leave to the next. Nothing else
// writes them while only reveals are confirmed; see [guard.Tx.Kept].
type standings map[accountName]*standing

type standingsKey struct{}

// keeper is a [guard.Tx] or what is fetched ahead with.
type keeper interface {
	Kept(key any, create func() any) any
}

func keptStandings(k keeper) standings {
	return k.Kept(standingsKey{}, func() any { return make(standings) }).(standings)
}

// standingsKept is how many standings are remembered; with more all are forgotten.
const standingsKept = 4096

func (s standings) keep(n accountName, one *standing) {
	if len(s) >= standingsKept {
		clear(s)
	}
	s[n] = one
}

func loadStanding(r *db.Reader, n accountName) (*standing, error) {
	var s standing
	a := &s.account
	err := r.QueryRow(sqlAccount, n.who, purposeNumber(n.purpose), n.store).
		Scan(&s.state, &a.hour, &a.hourRecords, &a.hourFields, &a.day, &a.dayRecords, &a.dayFields)
	return &s, err
}

// load adds the standings of many accounts. One that was never used is asked for by
// itself.
func (s standings) load(r *db.Reader, names []accountName) error {
	if len(names) > 1 {
		for chunk := range slices.Chunk(names, accountsAsked) {
			if err := s.ask(r, chunk); err != nil {
				return err
			}
		}
	}
	for _, n := range names {
		if s[n] != nil {
			continue
		}
		one, err := loadStanding(r, n)
		if err != nil {
			return err
		}
		s.keep(n, one)
	}
	return nil
}

// ask adds the standings of up to accountsAsked accounts.
func (s standings) ask(r *db.Reader, names []accountName) error {
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
		var one standing
		var purpose, state int64
		a := &one.account
		err := rows.Scan(&n.who, &purpose, &n.store, &state,
			&a.hour, &a.hourRecords, &a.hourFields, &a.day, &a.dayRecords, &a.dayFields)
		if err != nil {
			rows.Close()
			return err
		}
		one.state = storeState(state)
		if all := strongroom.Purposes(); purpose > 0 && int(purpose) <= len(all) {
			n.purpose = all[purpose-1]
			s.keep(n, &one)
		}
	}
	return rows.Close()
}
