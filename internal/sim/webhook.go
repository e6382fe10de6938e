package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// hook is a subscription.
type hook struct {
	store                *store
	id, resource, action string
	url, auth            string
}

// subscribe takes {"webhook":{"resource","action","url","auth"}}.
func (s *Sim) subscribe(w http.ResponseWriter, req *http.Request, st *store) {
	var body struct {
		Webhook struct{ Resource, Action, URL, Auth string }
	}
	if err := json.NewDecoder(io.LimitReader(req.Body, 1<<16)).Decode(&body); err != nil || body.Webhook.URL == "" {
		refuse(w, http.StatusBadRequest, "webhook needs resource, action and url")
		return
	}
	b := body.Webhook
	s.hooks.Lock()
	h := hook{st, fmt.Sprintf("wh_%04d", len(s.hooks.list)+1), b.Resource, b.Action, b.URL, b.Auth}
	s.hooks.list = append(s.hooks.list, h)
	s.hooks.Unlock()
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"webhook":`...)
	d.open("")
	d.str("id", h.id)
	d.str("resource", h.resource)
	d.str("action", h.action)
	d.str("url", h.url)
	d.str("name", h.resource+" "+h.action)
	d.bool("active", true)
	d.date("createdAt", s.o.Now, isoMillis)
	d.close()
	d.close()
	answer(w, d.b)
}

// Form is how a webhook delivery carries its order.
type Form int

// The three forms; what EcartAPI sends is not documented.
const (
	Root    Form = iota // the order itself
	Wrapped             // {"resource","action","order":{…}}
	IDOnly              // {"resource","action","id"}
)

// Delivery returns the body of a webhook delivery about an order.
func (s *Sim) Delivery(name string, order int, form Form) []byte {
	st := s.find(name)
	o := st.order(order)
	d := st.doc(nil)
	if form == Root {
		st.writeOrder(d, o, "v2")
		return d.b
	}
	d.open("")
	d.str("resource", "orders")
	d.str("action", "update")
	if form == IDOnly {
		d.str("id", o.id)
	} else {
		d.key("order")
		st.writeOrder(d, o, "v2")
	}
	d.date("occurredAt", o.updated, isoMillis)
	d.close()
	return d.b
}

// Deliver posts an order to everybody who subscribed to the orders of the store,
// twice where that quirk strikes, and returns how many posts were accepted.
func (s *Sim) Deliver(ctx context.Context, client *http.Client, name string, order int, form Form) (int, error) {
	st, accepted := s.find(name), 0
	body := s.Delivery(name, order, form)
	s.hooks.Lock()
	hooks := append([]hook(nil), s.hooks.list...)
	s.hooks.Unlock()
	for _, h := range hooks {
		if h.store != st || !strings.HasPrefix(h.resource, "order") {
			continue
		}
		times := 1
		if st.duplicates(order) {
			times = 2
		}
		for range times {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
			if err != nil {
				return accepted, err
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", h.auth)
			res, err := client.Do(req)
			if err != nil {
				return accepted, err
			}
			res.Body.Close()
			if res.StatusCode < 300 {
				accepted++
			}
		}
	}
	return accepted, nil
}
