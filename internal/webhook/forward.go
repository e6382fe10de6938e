package webhook

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/egress"
	"strongroom/internal/guard"
	"strongroom/internal/jobs"
)

// maxWays bounds the connections kept to endpoints.
const maxWays = 256

// way returns how an address is reached: one transport for each origin.
func (w *Webhooks) way(address string) (*egress.Transport, egress.Origin, error) {
	test := w.o.Environment == strongroom.Test
	_, o, err := egress.ParseURL(address, test)
	if err != nil {
		return nil, o, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.out[o.String()]; ok {
		return t, o, nil
	}
	allow := w.o.Allow
	if test {
		allow = append(slices.Clone(allow), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	t := egress.New(egress.Options{
		Origin: o, Allow: allow, Roots: w.o.Roots, Lookup: w.o.Lookup,
		Limits: egress.Limits{FirstByte: 15 * time.Second, Quiet: 5 * time.Second, Total: 30 * time.Second, BodyBytes: 1 << 20},
	})
	if len(w.out) >= maxWays {
		for _, old := range w.out {
			old.CloseIdle()
		}
		clear(w.out)
	}
	w.out[o.String()] = t
	return t, o, nil
}

// runForward sends a message once. That it is sent is an event before it leaves.
func (w *Webhooks) runForward(ctx context.Context, j *jobs.Job) error {
	var f forwardRow
	var c card
	var receipt *guard.Receipt
	gone := false
	err := w.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		f, err = loadForward(r, j.Args.IDs[0])
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil // taken away with its endpoint or its store
	}
	if err != nil || f.state != forwardWaits {
		return err
	}
	err = w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) (err error) {
		gone = false
		if err := tx.Allow(actionForward, storeResource(f.store), guard.Context{}); err != nil {
			return err
		}
		receipt = tx.Receipt()
		tx.Note("ids", []string{f.delivery, f.endpoint})
		tx.Note("attempts", int64(j.Try))
		if err := w.o.Vault.CheckStore(&tx.Reader, f.store); err != nil {
			if !isGone(err) {
				return err
			}
			gone = true // a store that was closed tells nothing any more
			if err := dropForward(tx, f.id); err != nil {
				return err
			}
			return j.Done(tx)
		}
		_, c, err = w.endpoint(&tx.Reader, f.store, f.endpoint)
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil // its endpoint was taken away, and the message with it
	}
	if err != nil || gone {
		return err
	}
	body, err := w.unseal("forward", f.store, f.id, f.endpoint, f.body)
	if err == nil {
		_, err = w.send(ctx, c, f.delivery, body, false)
	}
	return w.sent(ctx, j, f, receipt, err)
}

// sent writes down what became of a try.
func (w *Webhooks) sent(ctx context.Context, j *jobs.Job, f forwardRow, receipt *guard.Receipt, err error) error {
	ctx = context.WithoutCancel(ctx) // the application may have it: it should not get it again
	dead := err != nil && (j.Try >= Tries || isHopeless(err))
	if e := w.o.Guard.Quiet(ctx, guard.Cursor, func(_ context.Context, tx *guard.Tx) error {
		switch {
		case err == nil:
			if err := dropForward(tx, f.id); err != nil {
				return err
			}
			return j.Done(tx)
		case dead:
			if err := triedForward(tx, f.id, j.Try, codeOf(err), forwardDead); err != nil {
				return err
			}
			return j.Done(tx)
		}
		return triedForward(tx, f.id, j.Try, codeOf(err), forwardWaits)
	}); e != nil {
		return e
	}
	if dead {
		w.log.WarnContext(ctx, "a message was given up", "message", f.id, "endpoint", f.endpoint, "code", codeOf(err))
		index, _ := receipt.Index()
		return w.o.Guard.Failed(ctx, system(), actionForward, storeResource(f.store), codeOf(err), index)
	}
	return err
}

// isHopeless reports whether another try cannot help before a person has mended
// something: the address is none that may be reached, or its owner wants no more.
func isHopeless(err error) bool {
	switch codeOf(err) {
	case "egress-address", "egress-plain", "egress-host", "egress-url", "endpoint-gone", "webhook-sealed":
		return true
	}
	return false
}

// send posts a body to an endpoint, signed. Where the answer is wanted, it is
// returned, at most 1 MiB of it. Faults: those of package egress; Unavailable
// endpoint-status for a status that is no success; Denied endpoint-gone for 410.
func (w *Webhooks) send(ctx context.Context, c card, id string, body []byte, wanted bool) (*reply, error) {
	t, _, err := w.way(c.URL)
	if err != nil {
		return nil, err
	}
	u, _, err := egress.ParseURL(c.URL, w.o.Environment == strongroom.Test)
	if err != nil {
		return nil, err
	}
	req := (&http.Request{
		Method: http.MethodPost, URL: u, Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)),
	}).WithContext(ctx)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "strongroom")
	now := w.real.Now()
	Sign(req.Header, id, now, body, c.current(now)...)
	res, err := guard.Transport(t).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusGone:
		return nil, strongroom.Faultf(strongroom.Denied, "endpoint-gone", "the endpoint wants no more messages (410)")
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, strongroom.Faultf(strongroom.Unavailable, "endpoint-status", "the endpoint does not take the message (%d)", res.StatusCode)
	case !wanted:
		_, _ = io.CopyN(io.Discard, res.Body, 4096) // so that the connection can be used again; the rest is not for us
		return nil, nil
	}
	out := &reply{contentType: res.Header.Get("Content-Type")}
	out.body, err = io.ReadAll(res.Body)
	return out, err
}

// reply is the answer of an endpoint.
type reply struct {
	contentType string
	body        []byte
}

// Letter is what waits for a person: a message that was given up, or a delivery
// nobody understands.
type Letter struct {
	ID       string
	Delivery string    // for a message, the delivery that it is about
	Endpoint string    // for a message
	Kind     string    // message, unknown, or failed: a delivery that was given up
	Code     string    // why
	Tries    int       // of a message
	At       time.Time // when it was put in
}

// Letters lists up to limit letters of a store in the order of their ids, those
// after cursor. next is empty at the end. No body is shown.
func (w *Webhooks) Letters(ctx context.Context, who strongroom.Actor, store, cursor string, limit int) (out []Letter, next string, err error) {
	if !strongroom.IsID("str", store) {
		return nil, "", noStore()
	}
	limit = min(max(limit, 1), 200)
	err = w.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		out, next = nil, ""
		if err := v.Allow(actionList, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		ds, err := keptDeliveries(&v.Reader, store, cursor, limit+1)
		if err != nil {
			return err
		}
		fs, err := deadForwards(&v.Reader, store, cursor, limit+1)
		if err != nil {
			return err
		}
		for _, d := range ds { // dlv_ stands before fwd_
			kind := "unknown"
			if d.state == deliveryDead {
				kind = "failed"
			}
			out = append(out, Letter{ID: d.id, Kind: kind, Code: d.code, At: db.Time(d.at)})
		}
		for _, f := range fs {
			out = append(out, Letter{ID: f.id, Delivery: f.delivery, Endpoint: f.endpoint, Kind: "message", Code: f.code, Tries: f.tries, At: db.Time(f.at)})
		}
		if len(out) > limit {
			out = out[:limit]
			next = out[limit-1].ID
		}
		return nil
	})
	return out, next, err
}

// Retry gives a letter all its tries again. Faults: NotFound.
func (w *Webhooks) Retry(ctx context.Context, who strongroom.Actor, store, id string) error {
	if !strongroom.IsID("str", store) {
		return noStore()
	}
	return w.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		o, revive := jobs.Order{Args: jobs.Args{IDs: []string{id}}, Once: true}, reviveDelivery
		switch {
		case strongroom.IsID("dlv", id):
			o.Kind = w.o.Kinds.Process
		case strongroom.IsID("fwd", id):
			o.Kind, revive = w.o.Kinds.Forward, reviveForward
		default:
			return noLetter()
		}
		tx.Note("ids", []string{id})
		n, err := revive(tx, id, store)
		if err == nil && n == 0 {
			return noLetter()
		}
		if err != nil {
			return err
		}
		_, err = w.o.Enqueue(tx, o)
		return err
	})
}

func noLetter() error {
	return strongroom.Faultf(strongroom.NotFound, "letter", "the store has no such letter")
}
