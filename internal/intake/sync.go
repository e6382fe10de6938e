package intake

import (
	"context"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/vault"
)

// resource is a list that is fetched; the numbers are on disk.
type resource int64

const (
	orders      resource = 1
	customers   resource = 2
	storeObject resource = 3
)

// SyncRequest says what to fetch.
type SyncRequest struct {
	Store string // id
	// Since fetches what was updated since then; zero goes on where the last sync
	// ended, or as far back as something may still be alive.
	Since time.Time
	// Resources are of "orders", "fulfillments" (of the orders that were shipped
	// and of whose delivery the order does not tell), "customers" and "store".
	// None means orders and fulfillments.
	Resources []string
	// Limit is the number of records a page; 0 means 50, which every platform
	// grants.
	Limit int
}

// Resources are all the words of [SyncRequest.Resources].
func Resources() []string { return []string{"orders", "fulfillments", "customers", "store"} }

// Summary is what a sync has done. Numbers count objects, but for Pages and
// Retries.
type Summary struct {
	Fetched   int64 // objects that came in
	Stored    int64 // new records and new versions
	Unchanged int64
	Dead      int64 // past their date, or erased before
	Refused   int64 // objects that are no valid record
	Damaged   int64 // objects whose stored record somebody changed in the database
	Pages     int64
	Retries   int64 // requests made again
	// Total is how many objects the list that is being read holds; -1 if nobody
	// knows.
	Total int64
	Took  time.Duration
}

// Rate returns how many objects were taken in a second.
func (s Summary) Rate() float64 {
	if s.Took <= 0 {
		return 0
	}
	return float64(s.Fetched) / s.Took.Seconds()
}

func (s *Summary) add(in *vault.Ingested) {
	s.Stored += int64(in.Stored)
	s.Unchanged += int64(in.Unchanged)
	s.Dead += int64(in.Dead)
}

// maxAgain is how often a window is read once more because it shrank.
const maxAgain = 2

// Sync fetches a store's data as who, who must be allowed to; the records are
// taken in by the product itself. progress is called after each step that is
// durable; it may be nil. What the summary counts is durable, also when Sync ends
// with an error; the next sync goes on from there. Faults: Conflict if the store
// has no credential or is being synced already, Denied if EcartAPI refuses the
// token, Unavailable if it cannot be reached.
func (i *Intake) Sync(ctx context.Context, who strongroom.Actor, q SyncRequest, progress func(Summary)) (Summary, error) {
	if len(q.Resources) == 0 {
		q.Resources = []string{"orders", "fulfillments"}
	}
	for _, r := range q.Resources {
		if !slices.Contains(Resources(), r) {
			return Summary{}, strongroom.Faultf(strongroom.Invalid, "resource", "resources are orders, fulfillments, customers and store")
		}
	}
	if !i.busy.take(q.Store) {
		return Summary{}, strongroom.Faultf(strongroom.Conflict, "sync-running", "the store is being synced already")
	}
	defer i.busy.leave(q.Store)
	r := &run{Intake: i, ctx: ctx, q: q, progress: progress, began: time.Now()}
	err := r.all(who)
	i.lost(ctx, q.Store, err)
	r.sum.Took = time.Since(r.began)
	i.log.InfoContext(ctx, "sync ended", "store", q.Store, "fetched", r.sum.Fetched, "stored", r.sum.Stored,
		"unchanged", r.sum.Unchanged, "dead", r.sum.Dead, "refused", r.sum.Refused, "damaged", r.sum.Damaged, "pages", r.sum.Pages,
		"retries", r.sum.Retries, "took", r.sum.Took, "ok", err == nil)
	return r.sum, err
}

// run is one sync at work.
type run struct {
	*Intake
	ctx      context.Context
	q        SyncRequest
	progress func(Summary)
	began    time.Time
	sum      Summary
	client   *Client
	card     card
}

func (r *run) has(name string) bool { return slices.Contains(r.q.Resources, name) }

func (r *run) all(who strongroom.Actor) error {
	if r.has("store") {
		if err := r.one(who); err != nil {
			return err
		}
	}
	if r.has("customers") {
		if err := r.list(who, customers, "customers"); err != nil {
			return err
		}
	}
	if r.has("orders") || r.has("fulfillments") {
		return r.list(who, orders, "orders")
	}
	return nil
}

// one fetches the store object.
func (r *run) one(who strongroom.Actor) (err error) {
	if r.client, r.card, _, err = r.begin(r.ctx, who, r.q.Store, storeObject, r.q.Limit); err != nil {
		return err
	}
	defer r.count()
	body, err := r.client.Get(r.ctx, "store")
	if err != nil {
		return err
	}
	r.sum.Fetched++
	if err := r.take(r.in("store", "", body)); err != nil {
		return err
	}
	r.tell(-1)
	return nil
}

// list fetches a list: the window that an earlier sync left open, or a new one.
func (r *run) list(who strongroom.Actor, res resource, name string) error {
	client, c, mark, err := r.begin(r.ctx, who, r.q.Store, res, r.q.Limit)
	if err != nil {
		return err
	}
	r.client, r.card = client, c
	defer r.count()
	if !mark.Open || !mark.Since.Equal(r.q.Since) {
		r.open(&mark, name)
	}
	for again := 0; ; again++ {
		if err := r.pages(&mark, res, name); err != nil {
			return err
		}
		if again >= maxAgain || !r.shrank(mark, name) {
			break
		}
		mark.Next, mark.Count = "", r.total(name, mark.window())
	}
	return r.save(r.ctx, r.q.Store, res, progressMark{Done: mark.done()})
}

// count adds the client's retries to the summary.
func (r *run) count() {
	_, retries := r.client.Stats()
	r.sum.Retries += retries
}

func (r *run) tell(total int) {
	if r.progress == nil {
		return
	}
	now := r.sum
	_, retries := r.client.Stats()
	now.Retries += retries
	now.Total, now.Took = int64(total), time.Since(r.began)
	r.progress(now)
}

// busy is the set of stores that are being synced.
type busy struct {
	mu     *sync.Mutex
	stores map[string]bool
}

func newBusy() busy { return busy{new(sync.Mutex), map[string]bool{}} }

func (b busy) take(store string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stores[store] {
		return false
	}
	b.stores[store] = true
	return true
}

func (b busy) leave(store string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stores, store)
}
