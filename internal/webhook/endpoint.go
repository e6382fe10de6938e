package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/egress"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Kind says what goes to an endpoint; the numbers are on disk.
type Kind int64

// The kinds of endpoints.
const (
	Events Kind = 1 // a message for each delivery
	Rates  Kind = 2 // requests for live rates, which it answers
)

// ParseKind returns the kind that a word names.
func ParseKind(word string) (Kind, error) {
	switch word {
	case "", "events":
		return Events, nil
	case "rates":
		return Rates, nil
	}
	return 0, strongroom.Faultf(strongroom.Invalid, "kind", "an endpoint takes events or rates")
}

// String returns the kind's word.
func (k Kind) String() string {
	if k == Rates {
		return "rates"
	}
	return "events"
}

// Endpoint is an address of the application, as people see it.
type Endpoint struct {
	ID      string
	Kind    Kind
	Origin  string // scheme, host and port: the rest of the address may hold a secret
	Created time.Time
	Changed time.Time // of its secrets
	Secrets int       // that sign now: two while one takes the other's place
	Damaged bool      // its row was changed in the database
}

// Added is a new endpoint with what is shown once.
type Added struct {
	Endpoint
	Secret Secret // signs the messages
	// Path is where EcartAPI posts requests for live rates, on the instance's own
	// host: it holds a secret. Empty for events.
	Path Path
}

// Path is an address that holds a secret. It does not print.
type Path struct{ seal.Secret }

// card is what is sealed of an endpoint.
type card struct {
	URL     string   `json:"u"`
	Secrets []signer `json:"s"` // the newest first
}

type signer struct {
	Raw   string `json:"k"`           // Base64
	Until int64  `json:"t,omitempty"` // real Unix seconds; 0 is without end
}

// current returns the secrets that sign at a real time.
func (c card) current(now time.Time) (out []Secret) {
	for _, s := range c.Secrets {
		raw, err := base64.StdEncoding.DecodeString(s.Raw)
		if err == nil && (s.Until == 0 || s.Until > now.Unix()) {
			out = append(out, secretOf(raw))
		}
	}
	return out
}

// with returns the card with a new secret, beside which those before it sign a
// while longer.
func (c card) with(s Secret, now time.Time) card {
	out := card{URL: c.URL, Secrets: []signer{{Raw: base64.StdEncoding.EncodeToString(s.raw())}}}
	for i, old := range c.Secrets {
		if i == 0 { // of three, the oldest is over
			old.Until = now.Add(Overlap).Unix()
			out.Secrets = append(out.Secrets, old)
		}
	}
	return out
}

// Add names an address of the application at a store. It must be HTTPS to a public
// host, but for the networks that the configuration names and, in a test instance,
// loopback. Faults: Invalid egress-url, Denied egress-address, Unavailable
// egress-name; Conflict when the store has too many; those of the store.
func (w *Webhooks) Add(ctx context.Context, who strongroom.Actor, store, address string, kind Kind) (Added, error) {
	if !strongroom.IsID("str", store) {
		return Added{}, noStore()
	}
	c := card{URL: address}.with(newSecret(), w.real.Now())
	path := seal.NewSecret("srr_")
	e := endpointRow{id: strongroom.NewID("wep"), store: store, kind: kind, proof: []byte{}}
	t, origin, err := w.way(address)
	if err == nil {
		err = t.Check(ctx)
	}
	if err == nil {
		e.sealed, err = w.sealCard(e, c)
	}
	if err == nil && kind == Rates {
		e.proof, err = w.rateProof(e, path.Reveal())
	}
	doing := func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(actionEdit, storeResource(store), guard.Context{}); denied != nil {
			return denied
		}
		if err != nil {
			return err // what is wrong with the address, of somebody who may name one
		}
		if err := w.o.Vault.CheckStore(&tx.Reader, store); err != nil {
			return err
		}
		have, err := endpointsOf(&tx.Reader, store)
		if err != nil {
			return err
		}
		if len(have) >= maxEndpoints {
			return strongroom.Faultf(strongroom.Conflict, "endpoints", "the store has %d endpoints, which is all it may have", maxEndpoints)
		}
		tx.Note("stage", audit.Word("add"))
		tx.Note("ids", []string{e.id})
		e.created, e.changed = db.Micros(tx.Now()), db.Micros(tx.Now())
		return addEndpoint(tx, e)
	}
	if err := w.o.Guard.Do(ctx, who, doing); err != nil {
		return Added{}, err
	}
	out := Added{
		Endpoint: Endpoint{ID: e.id, Kind: kind, Origin: origin.String(), Created: db.Time(e.created), Changed: db.Time(e.changed), Secrets: 1},
		Secret:   c.current(w.real.Now())[0],
	}
	if kind == Rates {
		out.Path = Path{seal.SecretFrom("/v1/live-rates/" + e.id + "/" + path.Reveal())}
	}
	return out, nil
}

// Rotate gives an endpoint a new secret, which is shown once. For [Overlap] the old
// one signs beside it. Faults: NotFound.
func (w *Webhooks) Rotate(ctx context.Context, who strongroom.Actor, store, id string) (Secret, error) {
	if !strongroom.IsID("str", store) {
		return Secret{}, noStore()
	}
	fresh := newSecret()
	err := w.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		e, c, err := w.endpoint(&tx.Reader, store, id)
		if err != nil {
			return err
		}
		tx.Note("stage", audit.Word("rotate"))
		tx.Note("ids", []string{id})
		if e.sealed, err = w.sealCard(e, c.with(fresh, w.real.Now())); err != nil {
			return err
		}
		e.changed = db.Micros(tx.Now())
		return setEndpoint(tx, e)
	})
	if err != nil {
		return Secret{}, err
	}
	return fresh, nil
}

// Remove takes an endpoint away, with what is under way to it. Faults: NotFound.
func (w *Webhooks) Remove(ctx context.Context, who strongroom.Actor, store, id string) error {
	if !strongroom.IsID("str", store) {
		return noStore()
	}
	return w.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", audit.Word("remove"))
		if !strongroom.IsID("wep", id) {
			return noEndpoint()
		}
		tx.Note("ids", []string{id})
		n, err := dropEndpoint(tx, id, store)
		if err == nil && n == 0 {
			return noEndpoint()
		}
		return err
	})
}

// Listing is what a store's webhooks are.
type Listing struct {
	Hooks     []Hook
	Endpoints []Endpoint
	Waiting   int64 // deliveries and messages under way
}

// List returns what a store's webhooks are. No secret and no path is shown.
func (w *Webhooks) List(ctx context.Context, who strongroom.Actor, store string) (out Listing, err error) {
	if !strongroom.IsID("str", store) {
		return Listing{}, noStore()
	}
	err = w.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		out = Listing{}
		if err := v.Allow(actionList, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		hooks, err := hooksOf(&v.Reader, store)
		if err != nil {
			return err
		}
		for _, h := range hooks {
			out.Hooks = append(out.Hooks, h.view())
		}
		list, err := endpointsOf(&v.Reader, store)
		if err != nil {
			return err
		}
		for _, e := range list {
			out.Endpoints = append(out.Endpoints, w.viewOf(e))
		}
		out.Waiting, err = countWaiting(&v.Reader, store)
		return err
	})
	return out, err
}

func (w *Webhooks) viewOf(e endpointRow) Endpoint {
	out := Endpoint{ID: e.id, Kind: e.kind, Created: db.Time(e.created), Changed: db.Time(e.changed)}
	c, err := w.openCard(e)
	if err == nil {
		var origin egress.Origin
		_, origin, err = egress.ParseURL(c.URL, true)
		out.Origin, out.Secrets = origin.String(), len(c.current(w.real.Now()))
	}
	out.Damaged = err != nil
	return out
}

// endpoint loads an endpoint of a store with its card.
func (w *Webhooks) endpoint(r *db.Reader, store, id string) (endpointRow, card, error) {
	if !strongroom.IsID("wep", id) {
		return endpointRow{}, card{}, noEndpoint()
	}
	e, err := loadEndpoint(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) || err == nil && e.store != store {
		return e, card{}, noEndpoint()
	}
	if err != nil {
		return e, card{}, err
	}
	c, err := w.openCard(e)
	return e, c, err
}

func noEndpoint() error {
	return strongroom.Faultf(strongroom.NotFound, "endpoint", "the store has no such endpoint")
}

func (w *Webhooks) sealCard(e endpointRow, c card) ([]byte, error) {
	k, err := w.key(e.store)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return k.Seal(nil, w.ad("endpoint", e.store, e.id, e.kind.String()), text), nil
}

func (w *Webhooks) openCard(e endpointRow) (c card, err error) {
	text, err := w.unseal("endpoint", e.store, e.id, e.kind.String(), e.sealed)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	return c, err
}
