package intake

import (
	"context"
	"encoding/json"
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

// progressMark is what is kept between syncs of a resource.
type progressMark struct {
	Done  time.Time `json:"done"`            // the end of the last window that was finished
	Open  bool      `json:"open,omitempty"`  // a window is begun and not finished
	Since time.Time `json:"since,omitzero"`  // what the open window was asked for with
	From  time.Time `json:"from,omitzero"`   // the open window
	To    time.Time `json:"to,omitzero"`     //
	Next  string    `json:"next,omitempty"`  // the page to go on with
	Count int       `json:"count,omitempty"` // objects in the window when it was begun; -1 unknown
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

// done returns where the next sync goes on: at the window's end, unless the
// window began behind the last one's end. What lies between was not asked for.
func (m progressMark) done() time.Time {
	if !m.Done.IsZero() && m.From.After(m.Done) {
		return m.Done
	}
	return m.To
}

func (m progressMark) window() Window { return Window{"updatedAt", m.From, m.To} }

// open begins a window that ends now.
func (r *run) open(m *progressMark, name string) {
	m.Open, m.Since, m.To, m.Next = true, r.q.Since, r.o.Clock.Now(), ""
	switch {
	case !r.q.Since.IsZero():
		m.From = r.q.Since
	case m.Done.IsZero():
		m.From = m.To.Add(-r.o.Reach)
	default:
		m.From = m.Done.Add(-r.o.Overlap)
	}
	m.Count = r.total(name, m.window())
}

// shrank reports whether the window holds fewer objects than when it was begun:
// then the pages moved up while they were read, and something may have slipped
// through.
func (r *run) shrank(m progressMark, name string) bool {
	if m.Count <= r.client.limit { // one page has nothing behind it
		return false
	}
	now := r.total(name, m.window())
	return now >= 0 && now < m.Count
}

// total asks how many objects a window holds; -1 if that fails, which harms
// nobody.
func (r *run) total(name string, w Window) int {
	body, err := r.client.fetch(r.ctx, name+"/count", r.client.query(w).Encode(), func(b []byte) error {
		_, err := countOf(b)
		return err
	})
	if err != nil {
		return -1
	}
	n, _ := countOf(body)
	return n
}

// countOf reads {"count":"29"} or {"count":29}.
func countOf(body []byte) (int, error) {
	var c struct {
		Count json.RawMessage
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return -1, errShape
	}
	text := c.Count
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	n := 0
	if err := json.Unmarshal(text, &n); err != nil || n < 0 {
		return -1, errShape
	}
	return n, nil
}

// batch is how many objects are gathered for one call of the vault.
const batch = 300

// pages fetches the pages of a window and takes them in, the next ones being
// fetched meanwhile.
func (r *run) pages(mark *progressMark, res resource, name string) error {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	type fetched struct {
		Page
		err error
	}
	ahead := make(chan fetched, 4)
	go func() {
		defer close(ahead)
		for p, err := range r.client.Pages(ctx, name, mark.window(), mark.Next) {
			select {
			case ahead <- fetched{p, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	for f := range ahead {
		pages, records, failed := []Page{f.Page}, f.Records, f.err
		// Take along what has arrived already; never wait for more.
	gather:
		for failed == nil && records < batch {
			select {
			case g, ok := <-ahead:
				if !ok {
					break gather
				}
				if g.err == nil {
					pages, records = append(pages, g.Page), records+g.Records
				}
				failed = g.err
			default:
				break gather
			}
		}
		if f.err == nil {
			if err := r.takePages(pages, name); err != nil {
				return err
			}
			mark.Next = pages[len(pages)-1].Next
			if mark.Next != "" || failed != nil {
				if err := r.save(r.ctx, r.q.Store, res, *mark); err != nil {
					return err
				}
			}
			r.tell(mark.Count)
		}
		if failed != nil {
			return failed
		}
	}
	return r.ctx.Err()
}

// takePages gives pages to the vault, and then the fulfilments of their orders.
func (r *run) takePages(pages []Page, name string) error {
	for _, p := range pages {
		r.sum.Pages++
		r.sum.Fetched += int64(p.Records)
	}
	if name == "customers" || r.has("orders") {
		if err := r.take(r.bodies(pages, name)...); err != nil {
			return err
		}
	}
	if name == "orders" && r.has("fulfillments") && r.card.Version != "v1" {
		return r.fulfillments(pages)
	}
	return nil
}

func (r *run) bodies(pages []Page, name string) []vault.In {
	var ins []vault.In
	for _, p := range pages {
		if p.Records > 0 {
			ins = append(ins, r.in(name, "", p.Body))
		}
	}
	return ins
}

func (r *run) in(name, order string, body []byte) vault.In {
	endpoint := "/api/" + r.card.Version + "/" + name
	if name == "fulfillments" {
		endpoint = "/api/" + r.card.Version + "/orders/:id/fulfillments"
	}
	return vault.In{
		Store: r.q.Store, Resource: name, Version: r.card.Version, Platform: r.card.Platform, Order: order,
		How: "sync", Endpoint: endpoint, Body: body,
	}
}

// take gives bodies to the vault, as the product itself: who asked for the sync
// may not be one who may store records. A list that is refused, or holds an object
// whose record is damaged, is given again object by object.
func (r *run) take(ins ...vault.In) error {
	if len(ins) == 0 {
		return nil
	}
	outs, err := r.o.Vault.IngestMany(r.ctx, strongroom.System("sync"), ins)
	if err != nil {
		return err
	}
	for k, out := range outs {
		switch {
		case out.Err == nil:
			r.sum.add(out.Ingested)
		case vault.IsDamaged(out.Err):
			if err := r.split(ins[k], &r.sum.Damaged); err != nil {
				return err
			}
		case strongroom.IsKind(out.Err, strongroom.Invalid), strongroom.IsKind(out.Err, strongroom.TooLarge):
			if err := r.split(ins[k], &r.sum.Refused); err != nil {
				return err
			}
		default:
			return out.Err
		}
	}
	return nil
}

// split gives the objects of a list that did not come in to the vault one by one.
// One that cannot be split any further is counted.
func (r *run) split(in vault.In, count *int64) error {
	e, err := readEnvelope(in.Body, in.Resource)
	if err != nil || len(e.items) <= 1 {
		*count++
		return nil
	}
	var ins []vault.In
	for _, s := range e.items {
		one := in
		one.Body = slices.Concat([]byte(`{"`+in.Resource+`":[`), in.Body[s.from:s.to], []byte(`]}`))
		ins = append(ins, one)
	}
	return r.take(ins...)
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
