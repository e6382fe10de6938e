package route

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/egress"
	"strongroom/internal/fieldmap"
)

// Spec is what a route says, as people write it.
type Spec struct {
	Name     string `json:"name"`     // [a-z][a-z0-9-]{0,31}, the word in its address
	Upstream string `json:"upstream"` // https://host[:port]; nothing else is reached
	// Pins are SHA-256 digests of public keys in Base64, as of RFC 7469; the chain must
	// hold one. Roots are certificates in PEM that verify in place of the system's.
	Pins  []string `json:"pins,omitempty"`
	Roots string   `json:"roots,omitempty"`
	// Networks are those addresses that are not public and are meant, with their prefix
	// length.
	Networks []string `json:"networks,omitempty"`
	// Stores limits the route to stores; none is all.
	Stores  []string           `json:"stores,omitempty"`
	Purpose strongroom.Purpose `json:"purpose"`
	Budget  Budget             `json:"budget"`
	// Auth says how the route's own credential is shown to the upstream.
	Auth   *Auth    `json:"auth,omitempty"`
	Pass   []string `json:"pass,omitempty"` // headers of the caller's that go out as they are
	Limits Limits   `json:"limits,omitzero"`
	Calls  []Call   `json:"calls"`
}

// Budget bounds what goes out by a route for one store in an hour.
type Budget struct {
	Calls  int64 `json:"calls"`
	Tokens int64 `json:"tokens"`
}

// Auth is the header that carries the route's credential, and what stands before it.
type Auth struct {
	Header string `json:"header"`
	Prefix string `json:"prefix,omitempty"`
}

// Limits bound the upstream. Zero fields are the defaults.
type Limits struct {
	Seconds int   `json:"seconds,omitempty"` // of the whole call; 30, up to 120
	Bytes   int64 `json:"bytes,omitempty"`   // of an answer; 4 MiB, up to 16 MiB
}

// Call is one call that may be made.
type Call struct {
	Method string   `json:"method"`
	Path   string   `json:"path"` // "/v2/shipments/{id}"; {…} is one element
	Body   string   `json:"body,omitempty"`
	Places []Place  `json:"places,omitempty"`
	Query  []string `json:"query,omitempty"` // parameters that may be sent; those of places are among them
	Answer Answer   `json:"answer"`
}

// Place is where tokens may stand.
type Place struct {
	In string `json:"in"` // json, form, query, header, xml, text
	// At is a JSON pointer ("/to/name"; * is any one step), the name of a field, a
	// parameter or a header, or a path of XML names ("/Order/To/Name", "/Order/To/@id").
	// It is empty for text, where tokens may stand anywhere.
	At      string   `json:"at,omitempty"`
	Classes []string `json:"classes"`
	// Inside lets tokens stand inside a longer text, whose language says how values are
	// written there: plain, html, url or zpl. Empty: the token is the whole value.
	Inside string `json:"inside,omitempty"`
	// Lines lets values hold line breaks. A header never takes one.
	Lines bool `json:"lines,omitempty"`
}

// Answer says what of an upstream's answer the caller gets.
type Answer struct {
	// As is shape (JSON cut to Shape), document (the answer is a file, or has one at At)
	// or status (nothing but the status).
	As    string            `json:"as"`
	Shape map[string]string `json:"shape,omitempty"`  // path to form: "id": code, "rates[].total": number
	Error map[string]string `json:"errors,omitempty"` // the same for an answer of 4xx
	At    string            `json:"at,omitempty"`     // a JSON pointer to a file in Base64
	Types []string          `json:"types,omitempty"`  // media types of a document
}

// Numbers of a specification; all are ours.
const (
	maxSpec     = 64 << 10
	maxCalls    = 32
	maxPlaces   = 64
	maxPath     = 256
	mostSeconds = 120
	mostBytes   = 16 << 20
)

// compiled is a specification that was checked.
type compiled struct {
	Spec
	origin egress.Origin
	pins   []egress.Pin
	roots  *x509.CertPool
	allow  []netip.Prefix
	calls  []call
}

type call struct {
	Call
	segments      []string
	shape, errors Filter
}

// Filter cuts a body of JSON to what may pass: see package gateway's Shape.
type Filter interface {
	Filter(dst, body []byte) (out []byte, withheld int, err error)
}

// ParseSpec reads a specification in JSON. Faults: Invalid route, whose text says
// where and repeats nothing.
func ParseSpec(text []byte) (Spec, error) {
	var s Spec
	if len(text) > maxSpec {
		return s, bad("it has more than %d bytes", maxSpec)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil || d.More() {
		return Spec{}, bad("it is no JSON object with the fields of a route")
	}
	return s, nil
}

func bad(format string, args ...any) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "route", "the route cannot be: "+format, args...).Advise("see docs/gateway.md, section Routes")
}

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	headerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	fieldForm  = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,64}$`)
	stepForm   = regexp.MustCompile(`^(\{[a-z]{1,16}\}|[A-Za-z0-9_.~:-]{1,64})$`)
)

// compile checks a specification. plain lets the upstream be plain HTTP on loopback, and
// shape reads the rows of a shape.
func (s Spec) compile(plain bool, shape func(rows [][2]string) (Filter, error)) (*compiled, error) {
	c := &compiled{Spec: s}
	if !nameForm.MatchString(s.Name) {
		return nil, bad("its name must be of a-z, 0-9 and hyphens")
	}
	if _, hit := classify.Has([]byte(s.Name)); hit {
		return nil, bad("its name looks like personal data")
	}
	if _, err := strongroom.ParsePurpose(string(s.Purpose)); err != nil {
		return nil, err
	}
	if s.Budget.Calls <= 0 || s.Budget.Tokens <= 0 || s.Budget.Calls > 1e6 || s.Budget.Tokens > 1e7 {
		return nil, bad("its budget needs calls and tokens, each more than 0")
	}
	for _, id := range s.Stores {
		if !strongroom.IsID("str", id) {
			return nil, bad("it names a store by what is no id")
		}
	}
	if err := c.way(plain); err != nil {
		return nil, err
	}
	if len(s.Calls) == 0 || len(s.Calls) > maxCalls {
		return nil, bad("it needs 1 to %d calls", maxCalls)
	}
	for i, one := range s.Calls {
		k, err := one.compile(shape)
		if err != nil {
			return nil, bad("call %d: %s", i+1, err.(*strongroom.Fault).What)
		}
		c.calls = append(c.calls, k)
	}
	return c, nil
}

// way checks what says where the route leads.
func (c *compiled) way(plain bool) (err error) {
	if c.origin, err = egress.ParseOrigin(c.Upstream, plain); err != nil {
		return err
	}
	for _, text := range c.Pins {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "sha256/"))
		if err != nil || len(raw) != len(egress.Pin{}) {
			return bad("a pin must be a SHA-256 in Base64")
		}
		c.pins = append(c.pins, egress.Pin(raw))
	}
	if c.Roots != "" {
		if c.roots = x509.NewCertPool(); !c.roots.AppendCertsFromPEM([]byte(c.Roots)) {
			return bad("its roots hold no certificate in PEM")
		}
	}
	for _, text := range c.Networks {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 {
			return bad("a network must have its prefix length, and not be too wide")
		}
		c.allow = append(c.allow, p.Masked())
	}
	if c.Auth != nil && (!headerForm.MatchString(c.Auth.Header) || isFraming(c.Auth.Header) || strings.ContainsFunc(c.Auth.Prefix, func(r rune) bool { return r < ' ' || r > '~' })) {
		return bad("the header of its credential is none to set")
	}
	for _, h := range c.Pass {
		if !headerForm.MatchString(h) || isFraming(h) || c.isAuth(h) {
			return bad("it passes a header that is not the caller's to set")
		}
	}
	if c.Limits.Seconds < 0 || c.Limits.Seconds > mostSeconds || c.Limits.Bytes < 0 || c.Limits.Bytes > mostBytes {
		return bad("its limits are up to %d seconds and %d bytes", mostSeconds, mostBytes)
	}
	return nil
}

func (c *compiled) isAuth(h string) bool { return c.Auth != nil && strings.EqualFold(c.Auth.Header, h) }

func (c *compiled) limits() egress.Limits {
	l := egress.Limits{Total: 30 * time.Second, BodyBytes: 4 << 20, HeaderBytes: 32 << 10}
	if c.Limits.Seconds > 0 {
		l.Total = time.Duration(c.Limits.Seconds) * time.Second
	}
	if c.Limits.Bytes > 0 {
		l.BodyBytes = c.Limits.Bytes
	}
	l.FirstByte, l.Quiet = l.Total, 2*l.Total // a pause ends by the time of the whole, as slow
	return l
}

// isFraming reports whether a header says how a message is framed or who sends it:
// nobody sets those by a route.
func isFraming(h string) bool {
	switch http.CanonicalHeaderKey(h) {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Content-Type", "Content-Encoding",
		"Accept-Encoding", "Expect", "Cookie", "Proxy-Authorization", "Keep-Alive", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return true
	}
	return strings.HasPrefix(http.CanonicalHeaderKey(h), "Strongroom-")
}

func (k Call) compile(shape func(rows [][2]string) (Filter, error)) (c call, err error) {
	c = call{Call: k}
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, k.Method) {
		return c, bad("its method is none of GET, POST, PUT, PATCH, DELETE")
	}
	if len(k.Path) > maxPath || !strings.HasPrefix(k.Path, "/") {
		return c, bad("its path must begin with a slash")
	}
	c.segments = strings.Split(k.Path[1:], "/")
	for _, s := range c.segments {
		if !stepForm.MatchString(s) || strings.Trim(s, ".") == "" {
			return c, bad("its path has an element that is none")
		}
	}
	if !slices.Contains([]string{"", "json", "form", "xml", "text"}, k.Body) || k.Body != "" && k.Method == "GET" {
		return c, bad("its body is none of json, form, xml, text, or it takes none")
	}
	if len(k.Places) > maxPlaces {
		return c, bad("it has more than %d places", maxPlaces)
	}
	for i, p := range k.Places {
		if err := p.check(k.Body); err != nil {
			return c, bad("place %d: %s", i+1, err.(*strongroom.Fault).What)
		}
	}
	for _, q := range k.Query {
		if !fieldForm.MatchString(q) {
			return c, bad("a parameter of its query is none")
		}
	}
	return c, c.answer(shape)
}

func (p Place) check(body string) error {
	if len(p.Classes) == 0 {
		return bad("it names no class")
	}
	for _, name := range p.Classes {
		if !slices.ContainsFunc(fieldmap.Classes(), func(c fieldmap.Class) bool { return c.String() == name }) {
			return bad("it names a class that there is not")
		}
	}
	ok := false
	switch p.In {
	case "json", "xml":
		ok = p.In == body && len(p.At) <= maxPath && strings.HasPrefix(p.At, "/")
	case "form":
		ok = p.In == body && fieldForm.MatchString(p.At)
	case "text":
		ok = p.In == body && p.At == "" && p.Inside != ""
	case "query":
		ok = fieldForm.MatchString(p.At)
	case "header":
		ok = headerForm.MatchString(p.At) && !isFraming(p.At) && !p.Lines && p.Inside == ""
	}
	if !ok {
		return bad("it is where its call has none, or is not written as it must be there")
	}
	if !slices.Contains([]string{"", "plain", "html", "url", "zpl"}, p.Inside) {
		return bad("its text is none of plain, html, url, zpl")
	}
	return nil
}

func (c *call) answer(shape func(rows [][2]string) (Filter, error)) (err error) {
	a := c.Answer
	switch a.As {
	case "shape":
		if len(a.Shape) == 0 || a.At != "" || len(a.Types) > 0 {
			return bad("an answer as shape has a shape and no file")
		}
	case "document":
		if len(a.Types) == 0 || a.At == "" && len(a.Shape) > 0 || a.At != "" && !strings.HasPrefix(a.At, "/") {
			return bad("an answer as document names its media types, and a shape only around the file")
		}
		for _, t := range a.Types {
			if !slices.Contains(Types(), t) {
				return bad("a document is one of %v", Types())
			}
		}
	case "status":
		if len(a.Shape) > 0 || a.At != "" || len(a.Types) > 0 {
			return bad("an answer as status has nothing else")
		}
	default:
		return bad("its answer is none of shape, document, status")
	}
	for of, to := range map[*map[string]string]*Filter{&a.Shape: &c.shape, &a.Error: &c.errors} {
		if len(*of) == 0 {
			continue
		}
		var rows [][2]string
		for path, form := range *of {
			rows = append(rows, [2]string{path, form})
		}
		slices.SortFunc(rows, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		if *to, err = shape(rows); err != nil {
			return err
		}
	}
	return nil
}

// Types lists the media types that a document may have.
func Types() []string {
	return []string{"application/pdf", "image/png", "application/zpl", "text/plain"}
}
