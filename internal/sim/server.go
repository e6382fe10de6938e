package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Handler serves the API. Serve it on loopback: it stands for a shop's data.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	s.accountRoutes(mux)
	route := func(pattern string, h func(w http.ResponseWriter, req *http.Request, st *store)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			st := s.authenticate(req)
			if st == nil {
				refuse(w, http.StatusUnauthorized, "Invalid token")
				return
			}
			switch v := req.PathValue("version"); v {
			case "v1", "v2", "v3", "":
			default:
				refuse(w, http.StatusNotFound, "No such version")
				return
			}
			if !s.hinder(w, req) {
				h(w, req, st)
			}
		})
	}
	route("GET /api/{version}/orders", serveOrders)
	route("GET /api/{version}/orders/count", serveCount)
	route("GET /api/{version}/orders/{id}", serveOrder)
	route("GET /api/{version}/orders/{id}/fulfillments", serveFulfillments)
	route("GET /api/{version}/customers", serveCustomers)
	route("GET /api/{version}/customers/count", func(w http.ResponseWriter, _ *http.Request, st *store) {
		answer(w, fmt.Appendf(nil, `{"success":true,"count":"%d"}`, st.customers()))
	})
	route("GET /api/{version}/customers/{id}", serveCustomer)
	route("GET /api/{version}/store", func(w http.ResponseWriter, _ *http.Request, st *store) {
		d := st.doc(nil)
		d.raw("", `{"success":true,"store":`)
		st.writeStore(d)
		d.close()
		answer(w, d.b)
	})
	route("GET /api/{version}/ecommerces", func(w http.ResponseWriter, _ *http.Request, _ *store) {
		names := make([]string, 0, len(dialects))
		for name := range dialects {
			names = append(names, strconv.Quote(name))
		}
		slices.Sort(names)
		answer(w, []byte(`{"success":true,"ecommerces":[`+strings.Join(names, ",")+`]}`))
	})
	s.endpoints(route)
	route("POST /api/{version}/webhooks", s.subscribe)
	route("DELETE /api/{version}/apps/{app}/accesses", func(w http.ResponseWriter, _ *http.Request, st *store) {
		st.mu.Lock()
		st.revoked = true
		st.mu.Unlock()
		answer(w, []byte(`{"success":true}`))
	})
	return mux
}

// authenticate returns the store whose token the request bears, with or without
// the word Bearer.
func (s *Sim) authenticate(req *http.Request) *store {
	st := s.byAuth[strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")]
	if st == nil {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.revoked {
		return nil
	}
	return st
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"success":false,"message":%q}`, message)
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// window is a filter over one date, both ends included.
type window struct {
	set      bool
	from, to time.Time
}

func (w window) holds(t time.Time) bool { return !w.set || !t.Before(w.from) && !t.After(w.to) }

// query is what a list call asks for. after is where the page before ended; the
// server gives it out in page.next and nobody else knows it.
type query struct {
	limit, page, after int
	created, updated   window
}

// parse reads the query of a list call.
func (st *store) parse(v url.Values) (query, string) {
	q := query{limit: 50, page: 1, after: -1}
	for k, p := range map[string]*int{"limit": &q.limit, "page": &q.page, "after": &q.after} {
		if s := v.Get(k); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 && k != "after" {
				return q, k + " is no number"
			}
			*p = n
		}
	}
	q.limit = min(q.limit, st.dialect().limit)
	for k, w := range map[string]*window{"createdAt": &q.created, "updatedAt": &q.updated} {
		from, to := v.Get(k+"[from]"), v.Get(k+"[to]")
		if from == "" && to == "" {
			continue
		}
		var err1, err2 error
		w.from, err1 = instant(from)
		w.to, err2 = instant(to)
		if err1 != nil || err2 != nil {
			return q, k + " needs from and to"
		}
		w.set = true
	}
	return q, ""
}

func instant(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02", s)
}

func serveOrders(w http.ResponseWriter, req *http.Request, st *store) {
	q, bad := st.parse(req.URL.Query())
	if bad != "" {
		refuse(w, http.StatusBadRequest, bad)
		return
	}
	version := req.PathValue("version")
	st.list(w, req, q, "orders", st.orders(q), func(d *doc, n int) { st.writeOrder(d, st.order(n), version) })
}

// orders returns the walk over the numbers of the orders that fit, newest first:
// it gives the first fitting one below n, or -1.
func (st *store) orders(q query) (next func(below int) int) {
	lo, hi := 0, st.spec.Orders
	if q.created.set {
		lo, hi = st.from(q.created.from), st.from(q.created.to.Add(time.Second))
	}
	st.mu.Lock()
	changed := len(st.touched) > 0
	st.mu.Unlock()
	if q.updated.set && !changed {
		// Nothing happens to an order more than maxLife after its creation.
		lo, hi = max(lo, st.from(q.updated.from.Add(-maxLife))), min(hi, st.from(q.updated.to.Add(time.Second)))
	}
	return func(below int) int {
		for n := min(below, hi) - 1; n >= lo; n-- {
			if !q.updated.set {
				return n
			}
			if o, _ := st.life(n); q.updated.holds(o.updated) {
				return n
			}
		}
		return -1
	}
}

// list writes one page of what next walks over.
func (st *store) list(w http.ResponseWriter, req *http.Request, q query, name string, next func(int) int, write func(*doc, int)) {
	at := int(^uint(0) >> 1)
	if q.after >= 0 {
		at = q.after
	} else {
		for range (q.page - 1) * q.limit { // a page asked for by its number
			if at = next(at); at < 0 {
				break
			}
		}
	}
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"`...)
	d.b = append(d.b, name...)
	d.b = append(d.b, `":[`...)
	if q.after >= 0 && st.duplicates(q.after) {
		write(d, q.after)
	}
	for range q.limit {
		n := next(at)
		if n < 0 {
			break
		}
		write(d, n)
		d.quoted, at = true, n
	}
	d.b = append(d.b, `],"page":{"next":`...)
	if at > 0 && next(at) >= 0 {
		d.quote(link(req, q.page+1, at))
	} else {
		d.b = append(d.b, "null"...)
	}
	d.b = append(d.b, `,"previous":null}}`...)
	answer(w, d.b)
}

func (st *store) duplicates(n int) bool {
	return st.random(kindBody, uint64(n)).Float64() < st.sim.o.Quirks.Duplicates
}

// link returns the address of a page.
func link(req *http.Request, page, after int) string {
	v := req.URL.Query()
	v.Set("page", strconv.Itoa(page))
	v.Set("after", strconv.Itoa(after))
	u := url.URL{Scheme: "http", Host: req.Host, Path: req.URL.Path, RawQuery: v.Encode()}
	if req.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

func serveCount(w http.ResponseWriter, req *http.Request, st *store) {
	q, bad := st.parse(req.URL.Query())
	if bad != "" {
		refuse(w, http.StatusBadRequest, bad)
		return
	}
	count := 0
	if next := st.orders(q); !q.updated.set && !q.created.set {
		count = st.spec.Orders
	} else {
		for n := next(st.spec.Orders); n >= 0; n = next(n) {
			count++
		}
	}
	answer(w, fmt.Appendf(nil, `{"success":true,"count":"%d"}`, count))
}

// lookup returns the number of the order that the path names, or -1.
func (st *store) lookup(req *http.Request) int {
	d := st.dialect()
	n := d.parse(req.PathValue("id")) - d.first
	if n < 0 || n >= st.spec.Orders {
		return -1
	}
	return n
}

func serveOrder(w http.ResponseWriter, req *http.Request, st *store) {
	n := st.lookup(req)
	if n < 0 {
		refuse(w, http.StatusNotFound, "Order not found")
		return
	}
	version, d := req.PathValue("version"), st.doc(nil)
	native := version == "v1" && (st.spec.Platform == "woocommerce" || st.spec.Platform == "shopify")
	if !native {
		d.b = append(d.b, `{"success":true,"order":`...)
	}
	st.writeOrder(d, st.order(n), version)
	if !native {
		d.close()
	}
	answer(w, d.b)
}

func serveFulfillments(w http.ResponseWriter, req *http.Request, st *store) {
	n := st.lookup(req)
	if n < 0 {
		refuse(w, http.StatusNotFound, "Order not found")
		return
	}
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"fulfillments":[`...)
	st.writeFulfillments(d, st.order(n))
	d.b = append(d.b, `],"page":{"next":null,"previous":null}}`...)
	answer(w, d.b)
}

func serveCustomers(w http.ResponseWriter, req *http.Request, st *store) {
	q, bad := st.parse(req.URL.Query())
	if bad != "" {
		refuse(w, http.StatusBadRequest, bad)
		return
	}
	next := func(below int) int {
		for n := min(below, st.customers()) - 1; n >= 0; n-- {
			if created, updated := st.customerTimes(n); q.created.holds(created) && q.updated.holds(updated) {
				return n
			}
		}
		return -1
	}
	st.list(w, req, q, "customers", next, func(d *doc, n int) { st.writeCustomer(d, n) })
}

func serveCustomer(w http.ResponseWriter, req *http.Request, st *store) {
	n := decimal(req.PathValue("id")) - decimal(customerID(0))
	if n < 0 || n >= st.customers() {
		refuse(w, http.StatusNotFound, "Customer not found")
		return
	}
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"customer":`...)
	st.writeCustomer(d, n)
	d.close()
	answer(w, d.b)
}
