package signal

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"strongroom"
)

// notice is EcartAPI's deletion notice as JSON; its layout is an assumption.
type notice struct {
	Reference text `json:"reference"`
	IssuedAt  text `json:"issuedAt"`
	App       text `json:"appId"`
	Store     struct {
		ID        text `json:"id"`
		URL       text `json:"url"`
		Name      text `json:"name"`
		Ecommerce text `json:"ecommerce"`
	} `json:"store"`
	Scope struct {
		Type      text    `json:"type"`
		Customers []buyer `json:"customers"`
		Orders    []text  `json:"orders"`
	} `json:"scope"`
	DeleteBy    text `json:"deleteBy"`
	GoneAfter   text `json:"noLiveInstanceAfter"`
	Certificate bool `json:"certificateRequested"`
}

// parseNotice reads a deletion notice: JSON, a form, or an e-mail.
func parseNotice(m Message) (Signal, error) {
	kind, _, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	body := bytes.TrimSpace(m.Body)
	switch {
	case kind == "application/x-www-form-urlencoded":
		return parseForm(body)
	case kind == "application/json" || kind == "" && bytes.HasPrefix(body, []byte("{")):
		var n struct {
			Notice *notice `json:"notice"`
		}
		if err := decode(body, &n); err != nil {
			return Signal{}, err
		}
		if n.Notice == nil {
			n.Notice = new(notice)
			if err := decode(body, n.Notice); err != nil {
				return Signal{}, err
			}
		}
		return n.Notice.signal()
	case kind == "" || kind == "text/plain" || kind == "message/rfc822":
		return parseMail(m.Body)
	}
	return Signal{}, strongroom.Faultf(strongroom.Invalid, "media-type", "a deletion notice is JSON, a form or a text")
}

// signal is what the notice says.
func (n *notice) signal() (Signal, error) {
	if n.Reference == "" {
		return Signal{}, malformed("the notice has no reference")
	}
	s := Signal{
		Reference: string(n.Reference), App: string(n.App), Certificate: n.Certificate,
		Shop: Shop{ID: string(n.Store.ID), Domain: host(string(n.Store.URL)), Name: string(n.Store.Name)},
	}
	if s.Shop == (Shop{}) {
		return Signal{}, malformed("the notice names no store")
	}
	s.Issued, _ = date(string(n.IssuedAt))
	s.DeleteBy, _ = date(string(n.DeleteBy))
	s.GoneBy, _ = date(string(n.GoneAfter))
	for i := range n.Scope.Customers {
		if p := n.Scope.Customers[i].person(); !p.IsZero() {
			s.People = append(s.People, p)
		}
	}
	s.Orders = texts(n.Scope.Orders)
	s.scope(string(n.Scope.Type))
	return s, nil
}

// scope reads what a notice is about. What names the whole store and single shoppers
// at once, or neither, is unclear.
func (s *Signal) scope(kind string) {
	named := len(s.People) > 0 || len(s.Orders) > 0
	s.Topic = RedactCustomer
	switch word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(kind)), " "); word {
	case "store", "shop", "all", "everything":
		if s.Unclear = named; !named {
			s.Topic = RedactStore
		}
	case "customer", "customers", "order", "orders", "person", "people":
		s.Unclear = !named
	case "":
		s.Unclear = !named
	default:
		s.Unclear = true
	}
}

// parseForm reads the fields of a notice from a form, by the names of the JSON or
// with underscores.
func parseForm(body []byte) (Signal, error) {
	q, err := url.ParseQuery(string(body))
	if err != nil {
		return Signal{}, malformed("the form cannot be read")
	}
	by := map[string]string{}
	for k, v := range q {
		if len(v) > 1 {
			return Signal{}, malformed("the form names a field twice")
		}
		by[strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(k))] = strings.TrimSpace(v[0])
	}
	return fields(by)
}

// fields reads a notice from names and values. Names are in lower case without marks.
func fields(by map[string]string) (Signal, error) {
	get := func(names ...string) text {
		for _, n := range names {
			if v := by[n]; v != "" {
				return text(v)
			}
		}
		return ""
	}
	n := notice{
		Reference: get("reference", "noticereference"), IssuedAt: get("issuedat", "date"), App: get("appid", "application"),
		DeleteBy: get("deleteby"), GoneAfter: get("noliveinstanceafter"),
	}
	n.Store.ID, n.Store.URL = get("storeid", "shopid"), get("storeurl", "storeaddress", "shopdomain", "shopurl")
	n.Store.Name = get("storename", "store", "shop")
	n.Scope.Type = get("scopetype", "scope")
	n.Certificate = strings.EqualFold(string(get("certificaterequested", "certificate")), "true")
	b := buyer{ID: get("customerid", "customer"), Email: get("customeremail", "email"), Phone: get("customerphone", "phone"), Identification: get("identification")}
	if b != (buyer{}) {
		n.Scope.Customers = []buyer{b}
	}
	for _, o := range strings.FieldsFunc(string(get("orders", "orderids", "order")), func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		n.Scope.Orders = append(n.Scope.Orders, text(o))
	}
	return n.signal()
}

// parseMail reads a notice that came as an e-mail: with its headers, or its text
// alone, as somebody pastes it.
func parseMail(body []byte) (Signal, error) {
	issued, words := time.Time{}, string(body)
	if m, err := mail.ReadMessage(bytes.NewReader(body)); err == nil && m.Header.Get("From") != "" {
		if issued, err = m.Header.Date(); err != nil {
			issued = time.Time{}
		}
		if words, err = plain(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, 2); err != nil {
			return Signal{}, err
		}
	}
	if !utf8.ValidString(words) {
		return Signal{}, malformed("the text is not UTF-8")
	}
	by, dates := lines(words)
	s, err := fields(by)
	if err != nil {
		return Signal{}, err
	}
	if s.Issued.IsZero() {
		s.Issued = issued.UTC()
	}
	for _, d := range dates {
		switch says := strings.ToLower(d.says); {
		case strings.Contains(says, "instance"):
			s.GoneBy = d.at
		case strings.Contains(says, "delete"):
			s.DeleteBy = d.at
		}
	}
	s.Certificate = s.Certificate || strings.Contains(strings.Join(strings.Fields(strings.ToLower(words)), " "), "certificate of destruction")
	s.wholeStore(by["scope"])
	return s, nil
}

// wholeStore reads the scope of a text, which says it in a phrase.
func (s *Signal) wholeStore(scope string) {
	words := strings.Fields(strings.ToLower(scope))
	has := func(w string) bool {
		for _, x := range words {
			if strings.Trim(x, ".,;:") == w {
				return true
			}
		}
		return false
	}
	if s.Topic == RedactStore && (!has("store") && !has("shop") || has("customer") || has("customers") || has("order") || has("orders") || has("except") || has("but") || has("not")) {
		s.Topic, s.Unclear = RedactCustomer, true
	}
}

type dated struct {
	at   time.Time
	says string
}

// lines finds "Name: value" and "2026-12-17  what until then" in a text. A name that
// comes twice with different values is left out, so that the notice lacks it.
func lines(words string) (by map[string]string, dates []dated) {
	by = map[string]string{}
	twice := map[string]bool{}
	for line := range strings.Lines(words) {
		line = strings.Trim(line, " \t\r\n>|*")
		if at, rest, ok := strings.Cut(line, " "); ok {
			if t, ok := date(at); ok {
				dates = append(dates, dated{t, rest})
				continue
			}
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(name))
		if value = strings.TrimSpace(value); !ok || value == "" || len(name) > 24 {
			continue
		}
		if old, known := by[name]; known && old != value {
			twice[name] = true
		}
		by[name] = value
	}
	for name := range twice {
		delete(by, name)
	}
	return by, dates
}

// plain returns the text of a part of an e-mail.
func plain(contentType, encoding string, body io.Reader, depth int) (string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth > 0 {
		r := multipart.NewReader(body, params["boundary"])
		for range 16 {
			part, err := r.NextRawPart()
			if err != nil {
				break
			}
			if words, err := plain(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, depth-1); err == nil {
				return words, nil
			}
		}
		return "", malformed("the e-mail has no part in plain text")
	}
	if kind != "text/plain" {
		return "", malformed("the e-mail has no part in plain text")
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	words, err := io.ReadAll(io.LimitReader(body, MaxBody))
	if err != nil {
		return "", malformed("the text of the e-mail cannot be read")
	}
	return string(words), nil
}

// date reads a day or an instant.
func date(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 2000 && t.Year() <= 2200 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
