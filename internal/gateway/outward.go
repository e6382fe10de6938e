package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"strongroom"
	"strongroom/internal/vault"
)

// Places says where in the body of a request tokens may stand: at these paths and
// below them. A body may carry its object at the root or under one key.
type Places struct {
	Under []string
	// Own says that addresses in the body must be this instance's own: the platform
	// would send personal data there.
	Own bool
}

func orderPlaces() *Places {
	return &Places{Under: []string{
		"email", "phone", "note", "name", "customer", "billingAddress", "shippingAddress", "cancelReason",
	}}
}

func customerPlaces() *Places {
	return &Places{Under: []string{
		"email", "firstName", "lastName", "name", "phone", "note", "identificationNumber", "dni", "vatNumber", "company", "birthdate",
		"addresses", "defaultAddress",
	}}
}

func fulfillmentPlaces() *Places {
	return &Places{Under: []string{"phone", "tracking.number", "tracking.url"}}
}

// allows reports whether a token may stand at path.
func (p *Places) allows(path string) bool {
	return slices.ContainsFunc(p.Under, func(u string) bool {
		return path == u || strings.HasPrefix(path, u+".")
	})
}

// wrappers are the keys that a body may carry its object under.
func wrappers() []string { return []string{"order", "customer", "fulfillment", "carrier"} }

// slot is a token in a body and where it stands.
type slot struct {
	token    string
	from, to int
}

// slots reads a request's body and returns the tokens in it. Faults: Invalid for
// what is no JSON object, TooLarge, Denied for a token or an address that has no
// place where it stands.
func (p *Places) slots(body []byte, home string) ([]slot, error) {
	w := &bodyWalk{d: json.NewDecoder(bytes.NewReader(body)), body: body, places: p, home: home}
	w.d.UseNumber()
	t, err := w.d.Token()
	if err == nil && t != json.Delim('{') {
		err = errRequest()
	}
	if err == nil {
		err = w.object("")
	}
	if err == nil && len(bytes.TrimSpace(body[w.d.InputOffset():])) > 0 {
		err = errRequest()
	}
	if _, ok := err.(*strongroom.Fault); err != nil && !ok {
		err = errRequest()
	}
	return w.found, err
}

func errRequest() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "json", "the body is no JSON object")
}

func errPlace(what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Denied, "token-place", "%s", what).
		Advise("see docs/gateway.md for the places of each call")
}

// maxTokens is how many tokens a request may carry.
const maxTokens = 200

type bodyWalk struct {
	d      *json.Decoder
	body   []byte
	places *Places
	home   string
	depth  int
	found  []slot
}

func (w *bodyWalk) object(path string) error {
	if w.depth++; w.depth > maxDepth {
		return strongroom.Faultf(strongroom.TooLarge, "depth", "the body is nested deeper than %d", maxDepth)
	}
	seen := make(map[string]bool)
	for w.d.More() {
		key, err := w.d.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if seen[name] {
			return strongroom.Faultf(strongroom.Invalid, "json", "the body says the same key twice").
				Advise("which of the two counts differs from program to program")
		}
		seen[name] = true
		if hasToken(name) {
			return errPlace("a token stands in a key, where none is put back")
		}
		at := name
		if path != "" {
			at = path + "." + name
		} else if slices.Contains(wrappers(), name) {
			at = ""
		}
		if err := w.value(at); err != nil {
			return err
		}
	}
	w.depth--
	_, err := w.d.Token()
	return err
}

func (w *bodyWalk) value(path string) error {
	before := int(w.d.InputOffset())
	t, err := w.d.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return w.object(path)
		}
		if w.depth++; w.depth > maxDepth {
			return strongroom.Faultf(strongroom.TooLarge, "depth", "the body is nested deeper than %d", maxDepth)
		}
		for w.d.More() {
			if err := w.value(path); err != nil {
				return err
			}
		}
		w.depth--
		_, err := w.d.Token()
		return err
	case string:
		return w.text(path, v, before)
	}
	return nil
}

func (w *bodyWalk) text(path, v string, before int) error {
	if w.places.Own && strings.Contains(v, "://") && !w.isHome(v) {
		return strongroom.Faultf(strongroom.Denied, "address", "the body names an address that is not this instance's own").
			Advise("the platform would send personal data there; let it call this instance")
	}
	if strings.HasPrefix(v, "pn_") && len(v) > 20 {
		return errPlace("a pseudonym stands in the body, which nothing is put back for")
	}
	if !hasToken(v) {
		return nil
	}
	if !w.places.allows(path) {
		return errPlace("a token stands at a place of the body where none is put back")
	}
	if len(w.found) >= maxTokens {
		return strongroom.Faultf(strongroom.TooLarge, "tokens", "a body carries up to %d tokens", maxTokens)
	}
	if !isToken(v) {
		return errPlace("a token stands inside a longer text, where none is put back")
	}
	from := before + bytes.IndexByte(w.body[before:], '"')
	w.found = append(w.found, slot{token: v, from: from, to: int(w.d.InputOffset())})
	return nil
}

func (w *bodyWalk) isHome(v string) bool {
	u, err := url.Parse(v)
	return err == nil && w.home != "" && u.User == nil && u.Scheme+"://"+u.Host == w.home
}

// putBack returns body with the values behind its tokens in their places. Each
// record they belong to is decided about and recorded by itself, for the fulfilment of an
// order. One token that does not open refuses the call.
func (g *Gateway) putBack(ctx context.Context, who strongroom.Actor, store, reference string, body []byte, found []slot) ([]byte, error) {
	if len(found) == 0 {
		return body, nil
	}
	q := vault.TokenRequest{Purpose: strongroom.Fulfilment, Reference: reference, Store: store}
	for _, s := range found {
		q.Tokens = append(q.Tokens, s.token)
	}
	values, err := g.o.Vault.RevealTokens(ctx, who, q)
	if err != nil {
		return nil, err
	}
	var out []byte
	at := 0
	for i, s := range found {
		if values[i].Error != "" {
			return nil, strongroom.Faultf(strongroom.Conflict, "token-dead", "a token of the body opens nothing").
				Advise("its record may be erased or expired; POST /v1/reveal says which and why")
		}
		out = append(append(out, body[at:s.from]...), values[i].Value...)
		at = s.to
	}
	return append(out, body[at:]...), nil
}
