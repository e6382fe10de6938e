package vault

import (
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// What must be true in the transaction that records a reveal: its clock, its budget
// and its key.

// clockSlack is how far the clock may be behind the newest event while records
// are opened. Further back, what has reached its date would open again.
const clockSlack = 5 * time.Minute

// confirm loads the key in the recording transaction. Whatever ended or replaced
// the record in between shows here. It writes nothing; what the record holds stays
// closed until the event is durable.
func (r *reveal) confirm(tx *guard.Tx) error {
	if tx.Behind() > clockSlack {
		return strongroom.Faultf(strongroom.Unavailable, "clock-behind", "the clock is behind the newest event of the log, so nothing is opened").
			Advise("set the host's time and try again")
	}
	w, err := r.wrap(tx)
	if err != nil {
		return err
	}
	// The date stands in the row for lists and sweeps; the wrap is what is bound
	// to it. A row that says another one was read before it changed, or forged.
	if w.Version != r.row.version || !w.EraseBy.Equal(r.row.expires) {
		return errMoved()
	}
	r.wrapped, r.key = w, seal.Key{}
	return nil
}

// wrap returns the wrapped key as the recording transaction has it.
func (r *reveal) wrap(tx *guard.Tx) (keys.Wrapped, error) {
	if r.ahead.wrapped != nil {
		return *r.ahead.wrapped, nil
	}
	return r.v.keys.LoadTx(tx, uint64(r.id))
}

// errMoved says that a new version took the record's place between the decision
// and its commit.
func errMoved() error {
	return strongroom.Faultf(strongroom.Conflict, "version", "the record changed meanwhile").Advise("try again")
}

func isMoved(err error) bool {
	return err != nil && strongroom.IsKind(err, strongroom.Conflict)
}

// found is what was fetched ahead of a confirmation. What is missing is asked for
// in the turn.
type found struct {
	wrapped  *keys.Wrapped
	standing *standing
}

// fetchAhead finds keys and budgets of all who are about to be confirmed in one
// transaction. One alone is as well served without.
func (v *Vault) fetchAhead(view *guard.View, items []any) error {
	records := make([]uint64, len(items))
	for i, item := range items {
		r := item.(*reveal)
		r.ahead, records[i] = found{}, uint64(r.id)
	}
	if len(items) == 1 {
		return nil // its standing is kept, or asked for, in its turn
	}
	wraps, err := v.keys.LoadMany(view, records)
	if err != nil {
		return err
	}
	known := keptStandings(view)
	var names []accountName
	for _, item := range items {
		if n := item.(*reveal).account; known[n] == nil && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if err := known.load(&view.Reader, names); err != nil {
		return err
	}
	for _, item := range items {
		r := item.(*reveal)
		if w, ok := wraps[uint64(r.id)]; ok {
			r.ahead.wrapped = &w
		}
		r.ahead.standing = known[r.account] // nil if too many were kept: asked for in its turn
	}
	return nil
}
