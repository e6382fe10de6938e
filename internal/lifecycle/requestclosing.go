package lifecycle

import (
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// ClosingDays is how many days after the Customer's grant is gone the product erases
// the store by itself; ours, two before the policy's 30. Until then a new grant takes
// the store as it is.
const ClosingDays = 28

// CloseTx starts the clocks of a store whose grant is gone, as a part of closing it: a
// request for all of the store, which waits for its day.
func (rs *Requests) CloseTx(tx *guard.Tx, store string) error {
	_, err := rs.OpenTx(tx, RequestSpec{
		Kind: Erasure, Scope: ScopeStore, Source: FromClosing, Stores: []string{store},
		EraseAt: tx.Now().Add(ClosingDays * 24 * time.Hour),
	})
	return err
}

// ReopenTx ends what [Requests.CloseTx] opened for a store, as a part of taking in a
// new grant. What was asked for otherwise stands, and so does an erasure that has
// begun.
func (rs *Requests) ReopenTx(tx *guard.Tx, store string) error {
	return rs.eachOf(&tx.Reader, func(_ *db.Reader, q *held) error {
		if q.Source != FromClosing || q.State != RequestScheduled || q.store() != store {
			return nil
		}
		q.Closed, q.ClosedFor = db.Time(db.Micros(tx.Now())), DismissGranted
		q.body.forget()
		return rs.write(tx, q)
	})
}
