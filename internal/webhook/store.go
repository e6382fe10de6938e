package webhook

import (
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// States of a hook, of a delivery and of a message; the numbers are on disk.
const (
	hookAsked   = 0
	hookMade    = 1
	hookRetired = 2
	hookRefused = 3

	deliveryWaits   = 0
	deliveryDone    = 1
	deliveryUnknown = 2
	deliveryDead    = 3

	forwardWaits = 0
	forwardDead  = 2
)

type hookRow struct {
	id, store, resource, action string
	state                       int
	proof, sealed               []byte
	code                        string
	created, seen               int64
}

type deliveryRow struct {
	id, hook, store string
	digest          []byte
	state           int
	code            string
	at              int64
	body            []byte
}

type endpointRow struct {
	id, store        string
	kind             Kind
	proof, sealed    []byte
	created, changed int64
}

type forwardRow struct {
	id, endpoint, delivery, store string
	state, tries                  int
	code                          string
	at                            int64
	body                          []byte
}

const (
	hookColumns = `id, store, resource, action, state, proof, sealed, code, created_at, seen_at`

	sqlHookAdd  = `insert into webhook_hook (` + hookColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	sqlHook     = `select ` + hookColumns + ` from webhook_hook where id = $1`
	sqlHooks    = `select ` + hookColumns + ` from webhook_hook where store = $1 order by created_at, id`
	sqlHookSet  = `update webhook_hook set state = $2, sealed = $3, code = $4 where id = $1`
	sqlHookSeen = `update webhook_hook set seen_at = $2 where id = $1`
	// What was asked for before and is about the same is over once a new one is made.
	sqlHooksRetire = `update webhook_hook set state = 2 where store = $1 and resource = $2 and action = $3 and id <> $4 and state < 2`

	sqlHooksClose = `update webhook_hook set state = 2 where store = $1 and state < 2`

	deliveryColumns = `id, hook, store, digest, state, code, at, body`

	sqlDeliveryAdd    = `insert into webhook_delivery (` + deliveryColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlDelivery       = `select ` + deliveryColumns + ` from webhook_delivery where id = $1`
	sqlDeliveryKnown  = `select id, state from webhook_delivery where digest = $1 and at > $2 order by at desc, id desc limit 1`
	sqlDeliveryDone   = `update webhook_delivery set state = 1, code = $2, body = null where id = $1`
	sqlDeliveryKeep   = `update webhook_delivery set state = $2, code = $3 where id = $1 and state = 0`
	sqlDeliveryRevive = `update webhook_delivery set state = 0, code = '' where id = $1 and store = $2 and state in (2, 3)`
	sqlDeliveriesKept = `select id, hook, store, digest, state, code, at, null from webhook_delivery
		where store = $1 and state in (2, 3) and id > $2 order by id limit $3`
	sqlDeliveriesLate = `select id from webhook_delivery where state = 0 and at < $1 order by at limit $2`

	endpointColumns = `id, store, kind, proof, sealed, created_at, changed_at`

	sqlEndpointAdd  = `insert into webhook_endpoint (` + endpointColumns + `) values ($1, $2, $3, $4, $5, $6, $7)`
	sqlEndpoint     = `select ` + endpointColumns + ` from webhook_endpoint where id = $1`
	sqlEndpoints    = `select ` + endpointColumns + ` from webhook_endpoint where store = $1 order by created_at, id`
	sqlEndpointSet  = `update webhook_endpoint set sealed = $2, changed_at = $3 where id = $1`
	sqlEndpointDrop = `delete from webhook_endpoint where id = $1 and store = $2`

	forwardColumns = `id, endpoint, delivery, store, state, tries, code, at, body`

	sqlForwardAdd    = `insert into webhook_forward (` + forwardColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlForward       = `select ` + forwardColumns + ` from webhook_forward where id = $1`
	sqlForwardTried  = `update webhook_forward set tries = $2, code = $3, state = $4 where id = $1 and state = 0`
	sqlForwardRevive = `update webhook_forward set state = 0, tries = 0, code = '' where id = $1 and store = $2 and state = 2`
	sqlForwardDrop   = `delete from webhook_forward where id = $1`
	sqlForwardsOf    = `delete from webhook_forward where endpoint = $1`
	sqlForwardsDead  = `select id, endpoint, delivery, store, state, tries, code, at, null from webhook_forward
		where store = $1 and state = 2 and id > $2 order by id limit $3`
	sqlForwardsLate = `select id from webhook_forward where state = 0 and at < $1 order by at limit $2`

	sqlWaiting = `select (select count(*) from webhook_delivery where store = $1 and state = 0)
		+ (select count(*) from webhook_forward where store = $1 and state = 0)`
	// What waits of deliveries is counted no further than it matters.
	sqlPending = `select count(*) from (select 1 as one from webhook_delivery where store = $1 and state = 0 limit $2) as w`
	sqlDead    = `select (select count(*) from webhook_delivery where state > 1) + (select count(*) from webhook_forward where state = 2)`

	sqlOldDeliveries  = `select count(*) from webhook_delivery where state = 1 and at < $1 or at < $2`
	sqlOldForwards    = `select count(*) from webhook_forward where at < $1`
	sqlDropDeliveries = `delete from webhook_delivery where state = 1 and at < $1 or at < $2`
	sqlDropForwards   = `delete from webhook_forward where at < $1`

	sqlForgetHooks      = `delete from webhook_hook where store = $1`
	sqlForgetDeliveries = `delete from webhook_delivery where store = $1`
	sqlForgetEndpoints  = `delete from webhook_endpoint where store = $1`
	sqlForgetForwards   = `delete from webhook_forward where store = $1`
)

func addHook(tx *guard.Tx, h hookRow) error {
	_, err := tx.Exec(sqlHookAdd, h.id, h.store, h.resource, h.action, h.state, h.proof, h.sealed, h.code, h.created, h.seen)
	return err
}

func scanHook(s db.Scanner) (h hookRow, err error) {
	err = s.Scan(&h.id, &h.store, &h.resource, &h.action, &h.state, &h.proof, &h.sealed, &h.code, &h.created, &h.seen)
	return h, err
}

func loadHook(r *db.Reader, id string) (hookRow, error) { return scanHook(r.QueryRow(sqlHook, id)) }

func hooksOf(r *db.Reader, store string) ([]hookRow, error) {
	rows, err := r.Query(sqlHooks, store)
	return db.Collect(rows, err, scanHook)
}

func setHook(tx *guard.Tx, id string, state int, sealed []byte, code string) error {
	_, err := tx.Exec(sqlHookSet, id, state, sealed, code)
	return err
}

func seeHook(tx *guard.Tx, id string, at int64) error {
	_, err := tx.Exec(sqlHookSeen, id, at)
	return err
}

func retireHooks(tx *guard.Tx, h hookRow) error {
	_, err := tx.Exec(sqlHooksRetire, h.store, h.resource, h.action, h.id)
	return err
}

func closeHooks(tx *guard.Tx, store string) error {
	_, err := tx.Exec(sqlHooksClose, store)
	return err
}

func addDelivery(tx *guard.Tx, d deliveryRow) error {
	_, err := tx.Exec(sqlDeliveryAdd, d.id, d.hook, d.store, d.digest, d.state, d.code, d.at, d.body)
	return err
}

func scanDelivery(s db.Scanner) (d deliveryRow, err error) {
	err = s.Scan(&d.id, &d.hook, &d.store, &d.digest, &d.state, &d.code, &d.at, &d.body)
	return d, err
}

func loadDelivery(r *db.Reader, id string) (deliveryRow, error) {
	return scanDelivery(r.QueryRow(sqlDelivery, id))
}

// knownDelivery returns the newest delivery of a digest since an instant, NotFound
// if there is none.
func knownDelivery(r *db.Reader, digest []byte, since int64) (id string, state int, err error) {
	err = r.QueryRow(sqlDeliveryKnown, digest, since).Scan(&id, &state)
	return id, state, err
}

func finishDelivery(tx *guard.Tx, id, code string) error {
	_, err := tx.Exec(sqlDeliveryDone, id, code)
	return err
}

func keepDelivery(tx *guard.Tx, id string, state int, code string) error {
	_, err := tx.Exec(sqlDeliveryKeep, id, state, code)
	return err
}

func reviveDelivery(tx *guard.Tx, id, store string) (int64, error) {
	return tx.Exec(sqlDeliveryRevive, id, store)
}

func keptDeliveries(r *db.Reader, store, after string, limit int) ([]deliveryRow, error) {
	rows, err := r.Query(sqlDeliveriesKept, store, after, limit)
	return db.Collect(rows, err, scanDelivery)
}

func lateDeliveries(r *db.Reader, before int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlDeliveriesLate, before, limit)
	return db.Collect(rows, err, scanText)
}

func scanText(s db.Scanner) (x string, err error) {
	err = s.Scan(&x)
	return x, err
}

func addEndpoint(tx *guard.Tx, e endpointRow) error {
	_, err := tx.Exec(sqlEndpointAdd, e.id, e.store, int64(e.kind), e.proof, e.sealed, e.created, e.changed)
	return err
}

func scanEndpoint(s db.Scanner) (e endpointRow, err error) {
	err = s.Scan(&e.id, &e.store, &e.kind, &e.proof, &e.sealed, &e.created, &e.changed)
	return e, err
}

func loadEndpoint(r *db.Reader, id string) (endpointRow, error) {
	return scanEndpoint(r.QueryRow(sqlEndpoint, id))
}

func endpointsOf(r *db.Reader, store string) ([]endpointRow, error) {
	rows, err := r.Query(sqlEndpoints, store)
	return db.Collect(rows, err, scanEndpoint)
}

func setEndpoint(tx *guard.Tx, e endpointRow) error {
	_, err := tx.Exec(sqlEndpointSet, e.id, e.sealed, e.changed)
	return err
}

// dropEndpoint deletes an endpoint and what was under way to it.
func dropEndpoint(tx *guard.Tx, id, store string) (int64, error) {
	n, err := tx.Exec(sqlEndpointDrop, id, store)
	if err != nil || n == 0 {
		return n, err
	}
	_, err = tx.Exec(sqlForwardsOf, id)
	return n, err
}

func addForward(tx *guard.Tx, f forwardRow) error {
	_, err := tx.Exec(sqlForwardAdd, f.id, f.endpoint, f.delivery, f.store, f.state, f.tries, f.code, f.at, f.body)
	return err
}

func scanForward(s db.Scanner) (f forwardRow, err error) {
	err = s.Scan(&f.id, &f.endpoint, &f.delivery, &f.store, &f.state, &f.tries, &f.code, &f.at, &f.body)
	return f, err
}

func loadForward(r *db.Reader, id string) (forwardRow, error) {
	return scanForward(r.QueryRow(sqlForward, id))
}

func triedForward(tx *guard.Tx, id string, tries int, code string, state int) error {
	_, err := tx.Exec(sqlForwardTried, id, tries, code, state)
	return err
}

func reviveForward(tx *guard.Tx, id, store string) (int64, error) {
	return tx.Exec(sqlForwardRevive, id, store)
}

func dropForward(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlForwardDrop, id)
	return err
}

func deadForwards(r *db.Reader, store, after string, limit int) ([]forwardRow, error) {
	rows, err := r.Query(sqlForwardsDead, store, after, limit)
	return db.Collect(rows, err, scanForward)
}

func lateForwards(r *db.Reader, before int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlForwardsLate, before, limit)
	return db.Collect(rows, err, scanText)
}

// countWaiting returns how many deliveries and messages of a store are under way.
func countWaiting(r *db.Reader, store string) (n int64, err error) {
	err = r.QueryRow(sqlWaiting, store).Scan(&n)
	return n, err
}

// countPending returns how many deliveries of a store wait, limit at most.
func countPending(r *db.Reader, store string, limit int64) (n int64, err error) {
	err = r.QueryRow(sqlPending, store, limit).Scan(&n)
	return n, err
}

// countDead returns how many letters wait for a person, of all stores.
func countDead(r *db.Reader) (n int64, err error) {
	err = r.QueryRow(sqlDead).Scan(&n)
	return n, err
}

// countOld returns how many rows are past their time: what is done since known,
// and all since kept.
func countOld(r *db.Reader, known, kept int64) (n int64, err error) {
	var a, b int64
	if err = r.QueryRow(sqlOldDeliveries, known, kept).Scan(&a); err != nil {
		return 0, err
	}
	err = r.QueryRow(sqlOldForwards, kept).Scan(&b)
	return a + b, err
}

func dropOld(tx *guard.Tx, known, kept int64) (int64, error) {
	n, err := tx.Exec(sqlDropDeliveries, known, kept)
	if err != nil {
		return 0, err
	}
	m, err := tx.Exec(sqlDropForwards, kept)
	return n + m, err
}

func dropStore(tx *guard.Tx, store string) error {
	for _, q := range [...]func() (int64, error){
		func() (int64, error) { return tx.Exec(sqlForgetHooks, store) },
		func() (int64, error) { return tx.Exec(sqlForgetDeliveries, store) },
		func() (int64, error) { return tx.Exec(sqlForgetEndpoints, store) },
		func() (int64, error) { return tx.Exec(sqlForgetForwards, store) },
	} {
		if _, err := q(); err != nil {
			return err
		}
	}
	return nil
}
