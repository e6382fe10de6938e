package webhook

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Quote is a request for live rates, as EcartAPI posts it at each checkout.
type Quote struct {
	Endpoint, Key string // of the address
	Source        netip.Addr
	// Body reads what was posted, once the key has been shown, within bounds of size
	// and time.
	Body func() ([]byte, error)
}

// Rates passes a request for live rates on to the endpoint that answers it, and
// returns its answer, which is JSON. Nothing of either is stored: whoever asks for
// rates may never order (DPP 3.1.1). The endpoint sees what a price depends on and
// tokens in place of the rest, which nothing opens. Faults: Unauthenticated for an
// address that is none; those of the body, of the store and of [Webhooks.send].
func (w *Webhooks) Rates(ctx context.Context, q Quote) ([]byte, error) {
	e, c, err := w.quoted(ctx, q)
	if err != nil {
		return nil, err
	}
	body, err := q.Body()
	if err == nil {
		body, err = w.tokenise(body)
	}
	if err != nil {
		return nil, w.refuse(ctx, e.store, actionRates, http.StatusBadRequest, err)
	}
	err = w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionRates, storeResource(e.store), guard.Context{}); err != nil {
			return err
		}
		tx.Note("ids", []string{e.id})
		return w.o.Vault.CheckStore(&tx.Reader, e.store)
	})
	if err != nil {
		return nil, err
	}
	answer, err := w.send(ctx, c, strongroom.NewID("msg"), body, true)
	if err != nil {
		return nil, err
	}
	if !json.Valid(answer.body) {
		return nil, strongroom.Faultf(strongroom.Unavailable, "endpoint-answer", "the endpoint's answer is no JSON")
	}
	return answer.body, nil
}

// quoted returns the endpoint whose address a request came to.
func (w *Webhooks) quoted(ctx context.Context, q Quote) (e endpointRow, c card, err error) {
	err = unproven()
	if strongroom.IsID("wep", q.Endpoint) {
		e2 := w.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
			e, err = loadEndpoint(r, q.Endpoint)
			return err
		})
		if e2 != nil && !strongroom.IsKind(e2, strongroom.NotFound) {
			return e, c, e2
		}
		if e2 == nil && e.kind == Rates {
			err = nil
		}
	}
	known := err == nil
	if known {
		sum, e2 := w.rateProof(e, q.Key)
		if e2 == nil && subtle.ConstantTimeCompare(sum, e.proof) == 1 {
			c, err = w.openCard(e)
			return e, c, err
		}
	}
	if err := w.o.Limit(q.Source); err != nil {
		return e, c, err
	}
	if !known {
		w.o.Refused(ctx, q.Source, unproven().Code)
		return e, c, unproven()
	}
	return e, c, w.refuse(ctx, e.store, actionRates, http.StatusUnauthorized, unproven())
}

// rateProof is the keyed hash of the key in the address of an endpoint for rates.
func (w *Webhooks) rateProof(e endpointRow, key string) ([]byte, error) {
	k, err := w.key(e.store)
	if err != nil {
		return nil, err
	}
	sum := k.MAC([]byte("rates"), []byte(e.id), []byte(e.store), []byte(key))
	return sum[:], nil
}

// tokenise returns a request for rates with tokens in place of personal values.
// They are made under a key that is forgotten at once.
func (w *Webhooks) tokenise(body []byte) ([]byte, error) {
	m, err := w.rates()
	if err != nil {
		return nil, err
	}
	if err := checkDepth(body); err != nil {
		return nil, err
	}
	if !json.Valid(body) {
		return nil, strongroom.Faultf(strongroom.Invalid, "webhook-body", "the request for rates is no JSON object")
	}
	const head, tail = `{"order":`, `}` // the map is that of an order, which a request for rates is on its way to
	env, err := m.Parse(slices.Concat([]byte(head), body, []byte(tail)), fieldmap.Limits{Bytes: 1 << 20, Nodes: 20_000})
	if err != nil {
		return nil, err
	}
	letter := seal.EnvProduction
	if w.o.Environment == strongroom.Test {
		letter = seal.EnvTest
	}
	nobody := seal.NewTokenKey(seal.NewKey(), letter, [5]byte{})
	token := func(dst []byte, n uint32, class fieldmap.Class) []byte {
		dst = nobody.AppendToken(dst, 0, n)
		if class == fieldmap.Email {
			dst = append(dst, "@pii.invalid"...)
		}
		return dst
	}
	texts := make([][]byte, len(env.Objects))
	for i := range env.Objects {
		template := fieldmap.AppendTemplate(nil, &env.Objects[i], func(n int) uint32 { return uint32(n) })
		texts[i], err = fieldmap.Render(nil, template, fieldmap.Fill{Token: func(dst []byte, h fieldmap.Hole) []byte {
			return token(dst, h.Number, h.Class)
		}})
		if err != nil {
			return nil, err
		}
	}
	out := env.Render(nil, texts, func(dst []byte, i int) []byte { return token(dst, uint32(i), fieldmap.FreeText) })
	return out[len(head) : len(out)-len(tail)], nil
}

// rates returns the map of a request for rates: what a price depends on is clear.
func (w *Webhooks) rates() (*fieldmap.Map, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rateMap != nil {
		return w.rateMap, nil
	}
	var over []fieldmap.Override
	for path, spec := range rateFields() {
		over = append(over, fieldmap.Override{Resource: "order", Version: "v2", Platform: ratePlatform, Path: path, Spec: spec})
	}
	set, err := w.o.Maps.With(over...)
	if err != nil {
		return nil, err
	}
	w.rateMap, err = set.Find("order", "v2", ratePlatform)
	return w.rateMap, err
}

// ratePlatform is the name under which the map is laid; no store has it.
const ratePlatform = "live_rate"

// rateFields say what is personal in a request for rates. A postal code keeps what
// a zone is found by.
func rateFields() map[string]string {
	out := map[string]string{
		"currency": "clear code", "locale": "clear code",
		"package.content": "token text", "package.type": "clear word",
		"package.lengthUnit": "clear word", "package.weightUnit": "clear word",
	}
	for _, f := range [...]string{"amount", "weight", "insurance", "declaredValue", "dimensions.length", "dimensions.width", "dimensions.height"} {
		out["package."+f] = "clear number"
	}
	for _, f := range [...]string{"quantity", "price", "weight", "width", "height", "depth", "length"} {
		out["items[]."+f] = "clear number"
	}
	out["items[].name"], out["items[].sku"] = "token text", "clear text"
	out["items[].productId"], out["items[].variantId"] = "clear id", "clear id"
	for side, own := range map[string]bool{"origin": true, "destination": false} {
		for field, class := range map[string]string{
			"name": "name", "company": "company", "email": "email", "phone": "phone",
			"street": "address", "number": "address", "district": "city", "city": "city", "references": "address",
		} {
			if own {
				class = "merchant"
			}
			out[side+"."+field] = "token " + class
		}
		out[side+".state"], out[side+".country"] = "clear code", "clear code"
		out[side+".postalCode"] = "coarse postal"
		if own {
			out[side+".postalCode"] = "coarse merchant"
		}
	}
	return out
}
