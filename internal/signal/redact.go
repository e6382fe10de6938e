package signal

import (
	"bytes"
	"encoding/json"
	"strings"

	"strongroom"
)

// text is a JSON string or number as its text; null is empty.
type text string

// UnmarshalJSON takes strings, numbers and null.
func (t *text) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*t = ""
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(strings.TrimSpace(s))
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*t = text(n.String())
	return nil
}

func texts(list []text) (out []string) {
	for _, t := range list {
		if t != "" {
			out = append(out, string(t))
		}
	}
	return out
}

// buyer is the shopper in a message of Shopify, Tiendanube or SHOPLINE.
type buyer struct {
	ID             text `json:"id"`
	Email          text `json:"email"`
	Phone          text `json:"phone"`
	Identification text `json:"identification"` // Tiendanube
}

func (b *buyer) person() Person {
	if b == nil {
		return Person{}
	}
	return Person{ID: string(b.ID), Email: string(b.Email), Phone: string(b.Phone), National: string(b.Identification)}
}

// redact is the body of the webhooks that Shopify began with and others took over.
type redact struct {
	ShopID      text   `json:"shop_id"`
	ShopDomain  text   `json:"shop_domain"`
	StoreID     text   `json:"store_id"`     // Tiendanube; SHOPLINE for a shop
	StoreDomain text   `json:"store_domain"` // SHOPLINE for a shop
	Customer    *buyer `json:"customer"`
	Redact      []text `json:"orders_to_redact"`
	Requested   []text `json:"orders_requested"`
	Request     *struct {
		ID text `json:"id"`
	} `json:"data_request"`
}

// parseRedact reads a message of Shopify, Tiendanube or SHOPLINE.
func (k Kind) parseRedact(m Message) (Signal, error) {
	var r redact
	if err := decode(m.Body, &r); err != nil {
		return Signal{}, err
	}
	s := Signal{Shop: Shop{ID: first(r.ShopID, r.StoreID), Domain: host(first(r.ShopDomain, r.StoreDomain))}}
	if s.Shop == (Shop{}) {
		return Signal{}, malformed("the signal names no shop")
	}
	var err error
	if s.Topic, err = k.topic(m, &r); err != nil {
		return Signal{}, err
	}
	p := r.Customer.person()
	switch s.Topic {
	case RedactStore:
		if !p.IsZero() || len(r.Redact) > 0 || len(r.Requested) > 0 || r.Request != nil {
			return Signal{}, malformed("a signal about a whole shop names no shopper and no order")
		}
		return s, nil
	case RedactCustomer:
		if len(r.Requested) > 0 || r.Request != nil {
			return Signal{}, malformed("the signal asks to erase and to be told at once")
		}
		s.Orders = texts(r.Redact)
	case AskForData:
		if len(r.Redact) > 0 {
			return Signal{}, malformed("the signal asks to erase and to be told at once")
		}
		s.Orders = texts(r.Requested)
		if r.Request != nil {
			s.Reference = string(r.Request.ID)
		}
	}
	if k.Platform == Shopline { // it names orders by the number people see
		for i, o := range s.Orders {
			s.Orders[i] = strings.TrimPrefix(o, "#")
		}
	}
	if !p.IsZero() {
		s.People = []Person{p}
	}
	return s, nil
}

// topic says what the message asks for: by its header, by the address it came to, or
// by its body. All that speak agree.
func (k Kind) topic(m Message, r *redact) (Topic, error) {
	var said Topic
	switch name := m.Header.Get(topicHeader(k.Platform)); {
	case topicHeader(k.Platform) == "" || name == "":
	default:
		switch name {
		case "customers/redact":
			said = RedactCustomer
		case "customers/data_request":
			said = AskForData
		case "shop/redact", "store/redact", "merchants/redact":
			said = RedactStore
		default:
			return "", strongroom.Faultf(strongroom.Invalid, "signal-topic", "this address takes customers/redact, customers/data_request and the redaction of a shop").
				Advise("point other webhooks at their own address")
		}
	}
	if k.Topic != "" && said != "" && k.Topic != said {
		return "", strongroom.Faultf(strongroom.Invalid, "signal-topic", "header and address name different topics")
	}
	switch {
	case k.Topic != "":
		return k.Topic, nil
	case said != "":
		return said, nil
	case r.Request != nil || r.Requested != nil:
		return AskForData, nil
	case r.Redact != nil || r.Customer != nil:
		return RedactCustomer, nil
	}
	return RedactStore, nil
}

// topicHeader is the header in which a platform names the topic; it is not signed.
func topicHeader(p Platform) string {
	switch p {
	case Shopify:
		return "X-Shopify-Topic"
	case Shopline:
		return "X-Shopline-Topic"
	}
	return ""
}

func first(list ...text) string {
	for _, t := range list {
		if t != "" {
			return string(t)
		}
	}
	return ""
}

// decode reads one JSON object and nothing behind it.
func decode(body []byte, into any) error {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(trimmed, into) != nil {
		return malformed("the body is not the JSON object of such a signal")
	}
	return nil
}
