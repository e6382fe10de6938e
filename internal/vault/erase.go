package vault

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// EraseRequest names records of one store that are to die now.
type EraseRequest struct {
	Store   string
	Records []string // up to MaxErase
	All     bool     // every record of the store, in steps
	// Reason is "subject" (the default), "notice", "disconnect" or "operator".
	// Another word that obeys the grammar of names counts as operator.
	Reason    string
	Reference string // order or case; may be empty
}

// MaxErase is how many records one request may name.
const MaxErase = 1000

// Erased tells what was erased. Records that were dead already are not counted.
type Erased struct {
	Count int
	// Failed are the ids of damaged records that could not be erased, because
	// nothing proves whose they are. They open for nobody.
	Failed []string
}

// parseReason returns why something is erased. Only the number goes to disk.
func parseReason(s string) (keys.Reason, error) {
	switch s {
	case "", "subject", "subject_request", "request":
		return keys.Subject, nil
	case "notice":
		return keys.Notice, nil
	case "disconnect":
		return keys.Disconnected, nil
	case "operator":
		return keys.Operator, nil
	}
	return keys.Operator, checkLabel("reason", s)
}

// Erase destroys the keys of records: once it has returned nothing in the
// database opens them, whatever a later sync brings. A tombstone keeps each
// object away, and the customer object of whoever was erased with it.
//
// Faults: Invalid, Denied, NotFound if a record is not of this store, Internal
// (code "row") if all of them are damaged and could not be erased.
func (v *Vault) Erase(ctx context.Context, who strongroom.Actor, q EraseRequest) (Erased, error) {
	if q.All {
		return v.eraseAll(ctx, who, q)
	}
	ids, why, err := checkErase(q)
	var c guard.Context
	if err == nil && q.Reference != "" {
		c.Reference, _, err = v.logged("reference", q.Reference)
	}
	if err != nil {
		return Erased{}, v.refuse(ctx, who, actionErase, v.storeOr(q.Store), err)
	}
	var out Erased
	with := guard.Joint{Key: erasuresKey{v}, Item: ids, Begin: v.beginErasures, End: v.endErasures}
	err = v.guard.DoJointly(ctx, who, with, func(_ context.Context, tx *guard.Tx) error {
		e := v.newErasing(tx, why)
		res := storeResource(q.Store)
		if len(ids) == 1 {
			res = strongroom.Resource{Type: "Record", ID: ids[0].String(), Store: q.Store}
		}
		if err := tx.Allow(actionErase, res, c); err != nil {
			return err
		}
		if e.st, err = v.sharedStore(tx, q.Store); err != nil {
			return err
		}
		// The store's own decisions say which values mark a shopper.
		if _, err := v.layMaps(&tx.Reader, e.st); err != nil {
			return err
		}
		if err := e.records(ids); err != nil {
			return err
		}
		out.Failed = nil
		for _, id := range e.failed {
			out.Failed = append(out.Failed, id.String())
		}
		out.Count, err = e.finish()
		return err
	})
	return out, err
}

func checkErase(q EraseRequest) (ids []recordID, why keys.Reason, err error) {
	if !checkStoreID(q.Store) {
		return nil, 0, noStore()
	}
	if len(q.Records) == 0 || len(q.Records) > MaxErase {
		return nil, 0, strongroom.Faultf(strongroom.Invalid, "records", "a request erases 1 to %d records", MaxErase)
	}
	if why, err = parseReason(q.Reason); err != nil {
		return nil, 0, err
	}
	if q.Reference != "" {
		if err := checkLabel("reference", q.Reference); err != nil {
			return nil, 0, err
		}
	}
	for _, s := range q.Records {
		id, err := parseRecordID(s)
		if err != nil {
			return nil, 0, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, why, nil
}

func reasonWord(r keys.Reason) audit.Term {
	switch r {
	case keys.Subject:
		return audit.Word("subject")
	case keys.Notice:
		return audit.Word("notice")
	case keys.Disconnected:
		return audit.Word("disconnect")
	default:
		return audit.Word("operator")
	}
}

// eraseStep is how many records one transaction of a store's erasure takes.
const eraseStep = 500

func (v *Vault) eraseAll(ctx context.Context, who strongroom.Actor, q EraseRequest) (Erased, error) {
	why, err := parseReason(q.Reason)
	if err == nil && !checkStoreID(q.Store) {
		err = noStore()
	}
	if err != nil {
		return Erased{}, v.refuse(ctx, who, actionErase, v.storeOr(q.Store), err)
	}
	var out Erased
	for {
		n, more, err := v.eraseStoreStep(ctx, who, actionErase, q.Store, why, eraseStep)
		out.Count += n
		if err != nil || !more {
			return out, err
		}
	}
}

// EraseStoreStep erases up to limit records of a store that was disconnected,
// and after the last one destroys the store's keys. It can be called until more
// is false, by any process, after any crash.
func (v *Vault) EraseStoreStep(ctx context.Context, who strongroom.Actor, store string, limit int) (n int, more bool, err error) {
	if !checkStoreID(store) {
		return 0, false, v.refuse(ctx, who, actionStoreDisconnect, instance(), noStore())
	}
	n, more, err = v.eraseStoreStep(ctx, who, actionStoreDisconnect, store, keys.Disconnected, limit)
	if err != nil || more {
		return n, more, err
	}
	// The store's lasting hashes of what it held go with its keys.
	return n, false, v.keys.DestroyStore(ctx, who, store)
}

func (v *Vault) eraseStoreStep(ctx context.Context, who strongroom.Actor, a strongroom.Action, store string, why keys.Reason, limit int) (n int, more bool, err error) {
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n, more = 0, false
		if err := tx.Allow(a, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		st, err := v.loadStore(&tx.Reader, store)
		if err != nil {
			return err
		}
		e := v.newErasing(tx, why)
		e.st = st
		for k := kindOrder; k <= kindStore && !more; k++ {
			ids, err := storeLive(&tx.Reader, st.num, k, 0, limit-len(e.dead)+1)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if more = len(e.dead) == limit; more {
					break
				}
				e.one(id)
			}
		}
		n, err = e.finish()
		return err
	})
	return n, more, err
}

// Preview says what a disconnection will take, and which job does it.
type Preview struct {
	Records int64
	Job     string
}

// Disconnect ends a store at once: nothing of it is taken in, shown or opened
// any more. Its records and keys die by EraseStoreStep. A dry one only counts.
func (v *Vault) Disconnect(ctx context.Context, who strongroom.Actor, id string, dry bool) (Preview, error) {
	if !checkStoreID(id) {
		return Preview{}, v.refuse(ctx, who, actionStoreDisconnect, instance(), noStore())
	}
	var p Preview
	err := v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionStoreDisconnect, storeResource(id), guard.Context{}); err != nil {
			return err
		}
		st, err := v.loadStore(&tx.Reader, id)
		if err != nil {
			return err
		}
		if p.Records, err = countRecords(&tx.Reader, st.num); err != nil {
			return err
		}
		tx.Note("dry", dry)
		tx.Note("records", p.Records)
		if dry {
			return nil
		}
		forgetStores(tx)
		if err := tx.Queue(sqlStoreDisconnect, st.num, db.Micros(tx.Now())); err != nil || v.chores == nil {
			return err
		}
		p.Job, err = v.chores.Disconnect(tx, id)
		return err
	})
	return p, err
}

// LiftTombstone lets an erased or expired object in again, for a reason that a
// person gives. kind is a resource name; or "email", "phone" or "national" with
// the value itself, for a customer that is kept away by an identifier.
func (v *Vault) LiftTombstone(ctx context.Context, who strongroom.Actor, store, kindName, value, reason string) error {
	lift, err := v.checkLift(store, kindName, value)
	if err == nil {
		err = checkLabel("reason", reason)
	}
	var c guard.Context
	if err == nil {
		c.Reference, _, err = v.logged("reason", reason)
	}
	if err != nil {
		return v.refuse(ctx, who, actionLift, v.storeOr(store), err)
	}
	return v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionLift, storeResource(store), c); err != nil {
			return err
		}
		if _, err := v.connectedStore(&tx.Reader, store); err != nil {
			return err
		}
		v.turns.end(tx, store)
		return lift(tx)
	})
}

func (v *Vault) checkLift(store, kindName, value string) (func(*guard.Tx) error, error) {
	if !checkStoreID(store) {
		return nil, noStore()
	}
	ident, err := v.keys.StoreKey(store, keys.Ident)
	if err != nil {
		return nil, err
	}
	var q FindQuery
	switch kindName {
	case "email":
		q.Email = value
	case "phone":
		q.Phone = value
	case "national":
		q.NationalID = value
	default:
		return v.liftRecord(ident, kindName, value)
	}
	return func(tx *guard.Tx) error {
		var lifted int64
		for _, t := range questionTerms(q) {
			h := graveHash(ident, t)
			n, err := tx.Exec(sqlGraveLift, h[:])
			if err != nil {
				return err
			}
			lifted += n
		}
		return liftedOr(tx, lifted)
	}, nil
}

func liftedOr(tx *guard.Tx, n int64) error {
	if n == 0 {
		return strongroom.Faultf(strongroom.NotFound, "tombstone", "there is no tombstone of such an object")
	}
	tx.Note("lifted", true)
	return nil
}
