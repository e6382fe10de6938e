package signal

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"strongroom"
)

// MaxBody is the largest message, in bytes.
const MaxBody = 256 << 10

// Limits of a message.
const (
	maxOrders = 1000
	maxPeople = 100
	maxText   = 254 // bytes of one value: the longest address of e-mail
)

// Message is a signal as it came.
type Message struct {
	Header http.Header
	Body   []byte
}

// Signal is what a message asks for. Its texts are the sender's: whoever keeps them
// seals them, and none belongs into a log.
type Signal struct {
	Platform  Platform  `json:"platform"`
	Topic     Topic     `json:"topic"`
	Reference string    `json:"reference,omitempty"` // the sender's own number of it
	App       string    `json:"app,omitempty"`
	Shop      Shop      `json:"shop,omitzero"`
	People    []Person  `json:"people,omitempty"`
	Orders    []string  `json:"orders,omitempty"` // as the platform calls them
	Issued    time.Time `json:"issued,omitzero"`  // zero: it does not say
	DeleteBy  time.Time `json:"delete_by,omitzero"`
	GoneBy    time.Time `json:"gone_by,omitzero"` // no live instance is left by then
	// Certificate says that a written certificate of destruction is asked for (DPP 2.7.5).
	Certificate bool `json:"certificate,omitempty"`
	// Unclear says that the scope could not be read for certain: a person decides.
	Unclear bool `json:"unclear,omitempty"`
}

// Shop is what a signal says of the shop it is about.
type Shop struct {
	ID     string `json:"id,omitempty"`     // the platform's
	Domain string `json:"domain,omitempty"` // lower-case host name
	Name   string `json:"name,omitempty"`
}

// Person is a shopper as the platform knows her.
type Person struct {
	ID       string `json:"id,omitempty"`
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	National string `json:"national,omitempty"` // number of an identity document
	Username string `json:"username,omitempty"`
}

// IsZero reports whether nothing is known of a person.
func (p Person) IsZero() bool { return p == Person{} }

// Mark returns a digest of what a signal says: the same for a message that is sent
// again. It is a digest of personal data and is kept under a key only.
func (s Signal) Mark() [sha256.Size]byte {
	if s.Platform == EBay && s.Reference != "" { // a repetition has another count of attempts
		s = Signal{Platform: s.Platform, Topic: s.Topic, Reference: s.Reference}
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic("signal: a signal does not encode") // it holds strings and times alone
	}
	return sha256.Sum256(text)
}

// Parse reads a message of a kind. It does not look at signatures: see [Kind.Verify].
// The fault is Invalid, with the code "signal-malformed" for a message that is not of
// this kind and "signal-topic" where header and address name different topics.
func (k Kind) Parse(m Message) (Signal, error) {
	if len(m.Body) > MaxBody {
		return Signal{}, strongroom.Faultf(strongroom.TooLarge, "size", "a signal has at most %d bytes", MaxBody)
	}
	var s Signal
	var err error
	switch k.Platform {
	case EcartAPI:
		s, err = parseNotice(m)
	case Shopify, Tiendanube, Shopline:
		s, err = k.parseRedact(m)
	case EBay:
		s, err = parseEBay(m)
	default:
		return Signal{}, noKind()
	}
	if err != nil {
		return Signal{}, err
	}
	s.Platform = k.Platform
	return s, s.check()
}

// check refuses a signal that is about nobody, or about too much.
func (s *Signal) check() error {
	if len(s.Orders) > maxOrders || len(s.People) > maxPeople {
		return malformed("a signal names at most 1,000 orders and 100 people")
	}
	texts := append([]string{s.Reference, s.App, s.Shop.ID, s.Shop.Domain, s.Shop.Name}, s.Orders...)
	for _, p := range s.People {
		texts = append(texts, p.ID, p.Email, p.Phone, p.National, p.Username)
	}
	for _, t := range texts {
		if len(t) > maxText {
			return malformed("a value of the signal is longer than any of its sort")
		}
	}
	switch {
	case s.Topic == RedactStore:
		if s.Shop == (Shop{}) {
			return malformed("the signal names no shop")
		}
		if len(s.People) > 0 || len(s.Orders) > 0 {
			return malformed("a signal about a whole shop names no shopper and no order")
		}
	case s.Unclear:
	case len(s.People) == 0 && len(s.Orders) == 0:
		return malformed("the signal names no shopper and no order")
	}
	return nil
}

// host returns the lower-case host name of a domain or an address, empty if there is
// none.
func host(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSuffix(s, ".")
}

// NormalHost is how a shop's domain is compared: lower case, without scheme, port and
// path.
func NormalHost(s string) string { return host(s) }
