package apptest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"strongroom/internal/apptest"
)

// told is what callers were told of one order: which versions may stand
// in the vault now.
type told struct {
	n      int
	may    []int  // versions that may be there: the acknowledged one and what was in doubt since
	absent bool   // may be missing: nothing was acknowledged yet, or an erasure is in doubt
	erased bool   // an erasure was acknowledged: must be missing
	record string // id, once known
}

// load drives a mixed load on an instance and remembers what it was told. An
// order is only ever worked on by the goroutine that made it.
type load struct {
	*apptest.Instance
	store                           string
	next                            atomic.Int64
	ingests, reveals, erases, wrong atomic.Int64 // acknowledged

	mu     sync.Mutex
	orders []*told
	first  string // the first wrong answer
}

// version is the text of order n after v updates.
func version(n, v int) []byte {
	o := apptest.NewOrder(n, start.AddDate(0, 0, -3))
	o.Updated = o.Created.Add(time.Duration(v) * time.Second)
	o.Note = fmt.Sprintf("Version %d for Hortensius Ypsilanti", v)
	return o.JSON()
}

func (l *load) in() apptest.In {
	return apptest.In{Store: l.store, Resource: "orders", Version: "v2", Platform: "shopify"}
}

// run works with some callers until the instance dies or the time is up, and
// returns the orders of this run.
func (l *load) run(callers int, stop <-chan struct{}) []*told {
	var all sync.WaitGroup
	l.orders = nil
	for range callers {
		all.Go(func() {
			var mine []*told
			for ok := true; ok; {
				select {
				case <-stop:
					ok = false
				default:
					mine, ok = l.step(mine)
				}
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.orders = append(l.orders, mine...)
		})
	}
	all.Wait()
	return l.orders
}

// step does one random thing; false says that the instance did not answer.
func (l *load) step(mine []*told) ([]*told, bool) {
	live := slices.DeleteFunc(slices.Clone(mine), func(o *told) bool { return o.erased || o.absent })
	switch dice := rand.IntN(10); {
	case dice < 3 || len(live) == 0:
		o := &told{n: int(l.next.Add(1)), absent: true}
		return append(mine, o), l.send(o, 0)
	case dice == 3:
		many := make([]*told, 20)
		for k := range many {
			many[k] = &told{n: int(l.next.Add(1)), absent: true, may: []int{0}}
		}
		return append(mine, many...), l.bulk(many)
	case dice < 6:
		o := live[rand.IntN(len(live))]
		return mine, l.send(o, 1+rand.IntN(1000))
	case dice < 9:
		return mine, l.open(live[rand.IntN(len(live))])
	default:
		return mine, l.erase(live[rand.IntN(len(live))])
	}
}

// call sends a request; ok is false if the instance did not answer it.
func (l *load) call(r apptest.Request) (a apptest.Answer, ok bool) {
	a, err := l.Do(r)
	return a, err == nil && a.Status != http.StatusServiceUnavailable
}

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrong.Add(1) == 1 {
		l.first = fmt.Sprintf(format, args...)
	}
}

// send takes a version in. An older version than the stored one changes nothing,
// so after the acknowledgement no version below it may stand.
func (l *load) send(o *told, v int) bool {
	o.may = append(o.may, v)
	a, ok := l.call(l.in().Request(version(o.n, v)))
	if !ok {
		return false
	}
	if a.Status != http.StatusOK {
		l.fail("ingest answers %d: %s", a.Status, a.Body)
		return false
	}
	o.absent = false
	o.may = slices.DeleteFunc(o.may, func(other int) bool { return other < v })
	l.ingests.Add(1)
	return true
}

// bulk takes many in by one call and believes the lines that were answered.
func (l *load) bulk(many []*told) bool {
	var body bytes.Buffer
	for _, o := range many {
		body.Write(version(o.n, 0))
		body.WriteByte('\n')
	}
	r := l.in().Request(body.Bytes())
	r.Type = "application/x-ndjson"
	a, err := l.Do(r)
	lines := bytes.SplitAfter(a.Body, []byte("\n"))
	for k, line := range lines {
		if !bytes.HasSuffix(line, []byte("\n")) || k >= len(many) {
			break
		}
		if bytes.Contains(line, []byte(`"status":503`)) {
			return false
		}
		many[k].absent = false
		l.ingests.Add(1)
	}
	return err == nil && a.Status == http.StatusOK
}

// find learns the id of an order's record.
func (l *load) find(o *told) (found, ok bool) {
	a, ok := l.call(apptest.Request{Path: "/v1/find", Body: map[string]string{"store": l.store, "external_id": fmt.Sprint(7_000_000_000 + o.n)}})
	var page struct {
		Records []apptest.Record `json:"records"`
	}
	if !ok || a.Status != http.StatusOK || json.Unmarshal(a.Body, &page) != nil {
		return false, false
	}
	if len(page.Records) > 1 {
		l.fail("order %d is there %d times", o.n, len(page.Records))
	}
	if len(page.Records) == 1 {
		o.record = page.Records[0].ID
	}
	return len(page.Records) == 1, true
}

func (l *load) open(o *told) bool {
	if o.record == "" {
		found, ok := l.find(o)
		if ok && !found {
			l.fail("order %d is acknowledged and not found", o.n)
		}
		return ok && found
	}
	a, ok := l.call(apptest.Revealing(l.store, o.record))
	if !ok {
		return false
	}
	if a.Status != http.StatusOK || !o.allows(a.Body) {
		l.fail("order %d opens with %d: %.300s", o.n, a.Status, a.Body)
		return false
	}
	l.reveals.Add(1)
	return true
}

// allows reports whether a reveal's answer is one of the versions that may stand.
func (o *told) allows(answer []byte) bool {
	var out struct {
		Record json.RawMessage `json:"record"`
	}
	if json.Unmarshal(answer, &out) != nil {
		return false
	}
	return slices.ContainsFunc(o.may, func(v int) bool { return bytes.Equal(version(o.n, v), out.Record) })
}

func (l *load) erase(o *told) bool {
	if o.record == "" {
		return l.open(o)
	}
	o.absent = true // in doubt from here on
	a, ok := l.call(apptest.Request{Method: "POST", Path: "/v1/stores/" + l.store + "/records/" + o.record + "/erase"})
	if !ok {
		return false
	}
	if a.Status != http.StatusOK {
		l.fail("erase answers %d: %s", a.Status, a.Body)
		return false
	}
	o.erased = true
	l.erases.Add(1)
	return true
}

// check compares the instance with what callers were told, some orders at a time.
func (l *load) check(orders []*told) {
	var all sync.WaitGroup
	work := make(chan *told)
	for range 8 {
		all.Go(func() {
			for o := range work {
				l.checkOne(o)
			}
		})
	}
	for _, o := range orders {
		work <- o
	}
	close(work)
	all.Wait()
}

func (l *load) checkOne(o *told) {
	found, ok := l.find(o)
	switch {
	case !ok:
		l.fail("order %d cannot be looked up", o.n)
	case found && o.erased:
		l.fail("order %d was erased and is there", o.n)
	case !found && !o.erased && !o.absent:
		l.fail("order %d was acknowledged and is lost", o.n)
	case found:
		a, ok := l.call(apptest.Revealing(l.store, o.record))
		if !ok || a.Status != http.StatusOK || !o.allows(a.Body) {
			l.fail("order %d is half there: %d %.300s", o.n, a.Status, a.Body)
		} else {
			l.reveals.Add(1)
		}
	}
	if o.erased && o.record != "" {
		if a, ok := l.call(apptest.Revealing(l.store, o.record)); !ok || a.Status != http.StatusGone {
			l.fail("order %d was erased and answers %d", o.n, a.Status)
		}
	}
}
