package webhook

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"strongroom"
)

// maxDepth is how deep a delivery may nest; the vault's own limit is the same.
const maxDepth = 64

// shape is what a delivery is about. EcartAPI documents no form of it; these are
// the forms that are taken.
type shape struct {
	resource string // orders, customers or fulfillments; "" where it is none of them
	action   string // a word; "" if none is stated
	id       string // of the object, by the platform
	whole    bool   // the object is in the body; else it only names one
	left     bool   // the merchant has taken the application away
}

// shapeOf reads what a delivery is about: an object at the root, under its name,
// or named by its id alone. What the body does not say, the subscription does.
// Faults: Invalid for what is no JSON object, TooLarge for one too deep; they
// repeat nothing.
func shapeOf(body []byte, resource, action string) (shape, error) {
	if err := checkDepth(body); err != nil {
		return shape{}, err
	}
	var top map[string]json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &top) != nil || top == nil {
		return shape{}, strongroom.Faultf(strongroom.Invalid, "webhook-body", "the delivery is no JSON object")
	}
	s := shape{action: action}
	if w := word(top["action"]); w != "" {
		s.action = w
	}
	for _, said := range []string{word(top["resource"]), word(top["event"]), word(top["topic"]), word(top["type"])} {
		if said != "" {
			resource, s.action = split(said, s.action)
			break
		}
	}
	if s.left = isLeaving(resource, s.action); s.left {
		return s, nil
	}
	if s.resource = resourceOf(resource); s.resource == "" {
		return s, nil
	}
	s.look(top)
	return s, nil
}

// look finds the object or its id.
func (s *shape) look(top map[string]json.RawMessage) {
	names := []string{strings.TrimSuffix(s.resource, "s"), s.resource}
	for _, name := range names {
		part, ok := top[name]
		if !ok {
			continue
		}
		var many []map[string]json.RawMessage
		var one map[string]json.RawMessage
		switch {
		case json.Unmarshal(part, &one) == nil && one != nil:
			many = append(many, one)
		case json.Unmarshal(part, &many) == nil && len(many) > 0:
		default:
			s.id = idOf(part) // "order": "17"
			return
		}
		s.id = idOf(many[0]["id"])
		s.whole = !slices.ContainsFunc(many, func(o map[string]json.RawMessage) bool { return !isWhole(s.resource, o) })
		if len(many) > 1 && !s.whole {
			s.id = "" // several that are only named are more than one can be read for
		}
		return
	}
	for _, key := range []string{"id", strings.TrimSuffix(s.resource, "s") + "Id", strings.TrimSuffix(s.resource, "s") + "_id"} {
		if s.id = idOf(top[key]); s.id != "" {
			break
		}
	}
	s.whole = isWhole(s.resource, top)
}

// isWhole reports whether an object states enough to be taken for the thing
// itself. Of one that states less, a part would take the place of what is stored.
func isWhole(resource string, o map[string]json.RawMessage) bool {
	tells := []string{
		"items", "products", "customer", "shippingAddress", "billingAddress", "totals", "dates",
		"line_items", "shipping_address", "billing_address", "billing", "shipping",
	}
	enough := 2
	switch resource {
	case "customers":
		tells, enough = []string{"firstName", "lastName", "email", "phone", "addresses"}, 2
	case "fulfillments":
		tells, enough = []string{"tracking", "items", "shippingMethod", "dates", "location"}, 2
	}
	n := 0
	for _, key := range tells {
		if _, ok := o[key]; ok {
			n++
		}
	}
	return n >= enough && idOf(o["id"]) != ""
}

// idOf returns an id that is a text or a number; "" for anything else and for what
// breaks the grammar of names.
func idOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		var n json.Number
		if json.Unmarshal(raw, &n) != nil {
			return ""
		}
		text = n.String()
	}
	if strongroom.CheckName("id", text) != nil {
		return ""
	}
	return text
}

// word returns a text of letters and separators in lower case, "" for anything
// else.
func word(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil || len(text) > 40 {
		return ""
	}
	text = strings.ToLower(text)
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_/.:-") != "" {
		return ""
	}
	return text
}

// split takes "orders/create" apart; a word without a separator is a resource.
func split(said, action string) (resource, act string) {
	if i := strings.IndexAny(said, "/.:"); i >= 0 {
		return said[:i], said[i+1:]
	}
	return said, action
}

func resourceOf(s string) string {
	switch s {
	case "order", "orders":
		return "orders"
	case "customer", "customers":
		return "customers"
	case "fulfillment", "fulfillments", "fulfilment", "fulfilments":
		return "fulfillments"
	}
	return ""
}

// isLeaving reports whether a delivery says that the grant is gone.
func isLeaving(resource, action string) bool {
	return slices.Contains([]string{"app", "apps", "application", "store", "stores", "shop", "access", "accesses", "integration"}, resource) &&
		slices.Contains([]string{"uninstall", "uninstalled", "delete", "deleted", "revoke", "revoked", "disconnect", "disconnected"}, action)
}

// checkDepth counts brackets outside strings; whether they match is the decoder's
// business.
func checkDepth(body []byte) error {
	depth, inText := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return strongroom.Faultf(strongroom.TooLarge, "depth", "the delivery nests deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
