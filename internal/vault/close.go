package vault

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// closed is why nothing is done for a store whose grant is gone.
func closed() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Denied, "store-closed", "the store is closed: its owner's grant is gone").
		Advise("connect it again with a new grant, or wait for its records to die on their dates")
}

func isClosed(err error) bool {
	return strongroom.IsKind(err, strongroom.Denied) && faultCode(err) == "store-closed"
}

// CloseTx ends access to a store because the Customer's grant is gone: once the
// transaction has committed nothing of it is taken in, found, listed, shown or
// opened, while its records stay sealed, can be erased, and die on their dates.
// first is false if it was closed or disconnected before; then nothing changes. The
// caller has been allowed to. Faults: NotFound.
func (v *Vault) CloseTx(tx *guard.Tx, id string) (first bool, err error) {
	st, err := v.loadStore(&tx.Reader, id)
	if err != nil || st.state != storeConnected {
		return false, err
	}
	forgetStores(tx)
	_, err = tx.Exec(sqlStoreClose, st.num, db.Micros(tx.Now()))
	return err == nil, err
}

// ReopenTx opens a closed store again, on a new grant; one that is open stays so.
// The caller has been allowed to. Faults: NotFound, Erased for a store that was
// disconnected.
func (v *Vault) ReopenTx(tx *guard.Tx, id string) (first bool, err error) {
	st, err := v.keptStore(&tx.Reader, id)
	if err != nil || st.state != storeClosed {
		return false, err
	}
	forgetStores(tx)
	_, err = tx.Exec(sqlStoreReopen, st.num)
	return err == nil, err
}
