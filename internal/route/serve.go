package route

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/egress"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
	"strongroom/internal/web"
)

// maxRequest bounds the body of a request, in bytes.
const maxRequest = 1 << 20

// Headers of a call: the order or case it is for, and the store, where no token says it.
const (
	headerReference = "Strongroom-Reference"
	headerStore     = "Strongroom-Store"
)

// sending is one request on its way out.
type sending struct {
	b         *Book
	who       strongroom.Actor
	way       *way
	call      *call
	store     string
	record    string // of a document that comes back
	reference string
	logged    string // the reference as the log may hold it
	path      string
	header    http.Header
	parts     []*draft // query, headers, body
	heads     []string // the names of the headers among parts
	sent      []sent
	event     *guard.Receipt
}

// sent is a value that went out, and the token it came from.
type sent struct{ token, text string }

// Serve answers a request to a route: the path of r is /route/{name}/…, and who asks is
// known. What it refuses is recorded when it returns; an error means that nothing was
// answered.
func (b *Book) Serve(ctx context.Context, who strongroom.Actor, name string, w http.ResponseWriter, r *http.Request) error {
	s := &sending{b: b, who: who, header: http.Header{}, reference: r.Header.Get(headerReference)}
	if err := s.read(ctx, name, w, r); err != nil {
		return s.refuse(ctx, err)
	}
	if err := b.o.Guard.Read(ctx, who, s.decide); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	req, err := s.request(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	res, err := guard.Transport(s.way.transport).RoundTrip(req)
	if err != nil {
		return s.failed(ctx, upstream(err))
	}
	defer res.Body.Close()
	return s.answer(ctx, w, res)
}

// refuse records that a request was refused for what it is. Who may not send by routes at
// all is told that and nothing else of them.
func (s *sending) refuse(ctx context.Context, err error) error {
	if web.Status(err) >= http.StatusInternalServerError && !strongroom.IsKind(err, strongroom.Internal) {
		return err
	}
	id := ""
	if s.way != nil {
		id = s.way.id
	}
	asked := resource(id, s.store)
	if s.store == "" && len(s.who.Stores) > 0 {
		asked = resource(id, s.who.Stores[0]) // whichever: it is about the right to send
	}
	if s.b.o.Guard.Still(s.who, actionSend, asked) {
		return s.b.o.Guard.Refused(ctx, s.who, actionSend, resource(id, s.store), web.Status(err), err)
	}
	return s.b.o.Guard.Do(ctx, s.who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(actionSend, asked, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

// failed records that a call that was allowed came to nothing.
func (s *sending) failed(ctx context.Context, err error) error {
	code := "internal"
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		code = f.Code
	}
	index, _ := s.event.Index()
	if lost := s.b.o.Guard.Failed(ctx, s.who, actionSend, resource(s.way.id, s.store), code, index); lost != nil {
		return lost
	}
	return err
}

// read takes the request apart and finds its call.
func (s *sending) read(ctx context.Context, name string, w http.ResponseWriter, r *http.Request) (err error) {
	if s.way, err = s.b.load(ctx, name); err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/route/"+name)
	if !ok || len(rest) > maxPath || hasToken(rest) {
		return errPlace("a token stands in the path, where none is put back")
	}
	if s.call = s.way.match(r.Method, rest); s.call == nil {
		return strongroom.Faultf(strongroom.Denied, "route-call", "the route has no such call").Advise("strongroom route show says which it has")
	}
	s.path = rest
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "the body must not be packed").Advise("leave Content-Encoding out")
	}
	body, err := web.ReadBody(w, r, maxRequest)
	if err != nil {
		return err
	}
	if err := s.checkType(r, len(body)); err != nil {
		return err
	}
	if err := s.draft(r, body); err != nil {
		return err
	}
	return s.whose(ctx, r)
}

func (s *sending) checkType(r *http.Request, size int) error {
	if size == 0 && s.call.Body == "" {
		return nil
	}
	t, err := web.MediaType(r)
	if err != nil {
		return err
	}
	if !slices.Contains(s.call.mediaTypes(), t) {
		return strongroom.Faultf(strongroom.Denied, "content-type", "the call takes another type of content").Advise("this route's call takes a body of %s", s.call.Body)
	}
	s.header.Set("Content-Type", t)
	return nil
}

// draft takes query, headers and body apart: after it every token has a place.
func (s *sending) draft(r *http.Request, body []byte) error {
	q := new(draft)
	if err := s.call.draftPairs(q, "query", r.URL.RawQuery, s.call.Query); err != nil {
		return err
	}
	s.parts = []*draft{q}
	for name, values := range r.Header {
		p := s.call.find("header", func(at string) bool { return strings.EqualFold(at, name) })
		if p == nil && !slices.ContainsFunc(s.way.Pass, func(h string) bool { return strings.EqualFold(h, name) }) || s.way.isAuth(name) {
			continue // it does not go out, whatever it holds
		}
		if len(values) != 1 {
			return strongroom.Faultf(strongroom.Invalid, "header", "a header that goes out comes twice")
		}
		d := new(draft)
		f, err := look(p, values[0], func(dst []byte, text string, _ json.RawMessage) ([]byte, error) { return append(dst, text...), nil })
		if err != nil {
			return err
		}
		if d.raw = [][]byte{[]byte(values[0])}; f != nil {
			d.raw, d.fields = [][]byte{nil, nil}, []field{*f}
		}
		s.parts, s.heads = append(s.parts, d), append(s.heads, name)
	}
	d, err := s.call.draftBody(body)
	if err != nil {
		return err
	}
	s.parts = append(s.parts, d)
	if len(s.marks()) > maxTokens {
		return errMany()
	}
	return nil
}

// marks returns the tokens of the request, in the order in which they are put back.
func (s *sending) marks() (out []mark) {
	for _, d := range s.parts {
		for _, f := range d.fields {
			out = append(out, f.marks...)
		}
	}
	return out
}

func (s *sending) tokens() (tokens []string, classes [][]string) {
	for _, d := range s.parts {
		for _, f := range d.fields {
			for _, m := range f.marks {
				tokens, classes = append(tokens, m.token), append(classes, f.place.Classes)
			}
		}
	}
	return tokens, classes
}

// whose finds out which store and record the tokens are of. All are of one store.
func (s *sending) whose(ctx context.Context, r *http.Request) error {
	store := r.Header.Get(headerStore)
	if store != "" && !strongroom.IsID("str", store) {
		return strongroom.Faultf(strongroom.Invalid, "store", "the header %s names no store", headerStore)
	}
	tokens, _ := s.tokens()
	if len(tokens) > 0 || s.reference != "" {
		if err := s.named(); err != nil {
			return err
		}
	}
	var owners []vault.Owner
	err := s.b.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		owners, err = s.b.o.Vault.Owners(r, tokens)
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range owners {
		switch {
		case o.Store == "":
			return strongroom.Faultf(strongroom.Invalid, "token", "a token is none of this instance")
		case store == "":
			store = o.Store
		case store != o.Store:
			return strongroom.Faultf(strongroom.Denied, "stores", "the request has tokens of more than one store").Advise("send one request for each store")
		}
		if s.record == "" || o.Kind == "order" {
			s.record = o.Record
		}
	}
	if store == "" && len(s.who.Stores) == 1 {
		store = s.who.Stores[0]
	}
	if s.store = store; store == "" {
		return strongroom.Faultf(strongroom.Invalid, "store", "the request has no token, and names no store").Advise("name it in the header %s", headerStore)
	}
	if len(s.way.Stores) > 0 && !slices.Contains(s.way.Stores, store) {
		return strongroom.Faultf(strongroom.Denied, "route-store", "the route is not for this store")
	}
	if s.call.Answer.As == "document" && s.record == "" {
		return strongroom.Faultf(strongroom.Invalid, "record", "a document comes back, and no token says whose it is")
	}
	return nil
}

// named checks the reference and finds what the log may hold of it.
func (s *sending) named() error {
	if err := strongroom.CheckName("reference", s.reference); err != nil {
		return err
	}
	if _, hit := classify.Has([]byte(s.reference)); hit {
		return strongroom.Faultf(strongroom.Invalid, "reference", "reference looks like personal data").Advise("name an order by its number")
	}
	h, err := s.b.o.Keys.Logged("reference", s.reference)
	s.logged = hex.EncodeToString(h[:])
	return err
}

// decide asks the policies and debits the budget.
func (s *sending) decide(_ context.Context, v *guard.View) error {
	tokens, classes := s.tokens()
	var all []string
	for _, c := range classes {
		all = append(all, c...)
	}
	slices.Sort(all)
	err := v.Allow(actionSend, resource(s.way.id, s.store), guard.Context{
		Purpose: s.way.Purpose, Reference: s.logged, Given: s.reference,
		Attrs: map[string]any{"classes": slices.Compact(all), "fields": int64(len(tokens))},
	})
	if err != nil {
		return err
	}
	v.Note("tokens", int64(len(tokens)))
	s.event = v.Receipt()
	if err := s.b.o.Vault.CheckStore(&v.Reader, s.store); err != nil {
		return err
	}
	if s.call.Answer.As == "document" && s.b.o.Room != nil {
		if err := s.b.o.Room(&v.Reader, s.record); err != nil {
			return err
		}
	}
	v.Confirm(func(tx *guard.Tx) error {
		r, err := activeRow(&tx.Reader, s.way.Name)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		if err != nil || r.id != s.way.id {
			return strongroom.Faultf(strongroom.Conflict, "route-moved", "the route changed meanwhile").Advise("try again")
		}
		return s.debit(tx, int64(len(tokens)))
	})
	return nil
}

func (s *sending) debit(tx *guard.Tx, tokens int64) error {
	u, err := loadUse(&tx.Reader, s.way.Name, s.store)
	if err != nil {
		return err
	}
	if hour := tx.Now().Unix() / 3600; u.hour != hour {
		u = use{hour: hour}
	}
	u.calls, u.tokens = u.calls+1, u.tokens+tokens
	if u.calls > s.way.Budget.Calls || u.tokens > s.way.Budget.Tokens {
		return strongroom.Faultf(strongroom.Exhausted, "route-budget", "the route's budget of this hour is used up").Advise("try again in the next hour, or have a larger budget approved")
	}
	return putUse(tx, s.way.Name, s.store, u)
}

// open has the vault open the tokens. One that does not open refuses the call.
func (s *sending) open(ctx context.Context) error {
	tokens, classes := s.tokens()
	if len(tokens) == 0 {
		return nil
	}
	who := s.who
	if who.Kind == strongroom.ServiceActor {
		who.Door = "gateway" // a policy may let an application open tokens by routes alone
	}
	values, err := s.b.o.Vault.RevealTokens(ctx, who, vault.TokenRequest{
		Purpose: s.way.Purpose, Reference: s.reference, Store: s.store, Tokens: tokens, Classes: classes,
	})
	if err != nil {
		return err
	}
	n := 0
	for i, v := range values {
		switch v.Error {
		case "":
		case "class":
			return s.failed(ctx, errPlace("a token is of a class that the route does not take at its place"))
		default:
			return s.failed(ctx, strongroom.Faultf(strongroom.Conflict, "token-dead", "a token of the request opens nothing").
				Advise("its record may be erased or expired; POST /v1/reveal says which and why"))
		}
		text, err := textOf(v.Value)
		if err != nil {
			return s.failed(ctx, err)
		}
		s.sent = append(s.sent, sent{tokens[i], text})
	}
	for _, d := range s.parts {
		m := 0
		for _, f := range d.fields {
			m += len(f.marks)
		}
		raws := make([]json.RawMessage, m)
		for i := range raws {
			raws[i] = values[n+i].Value
		}
		text, err := d.render(raws)
		if err != nil {
			return s.failed(ctx, err)
		}
		d.raw, d.fields = [][]byte{text}, nil
		n += m
	}
	return nil
}

// request makes the request that goes out. Nothing of the caller's goes with it that
// the route does not name.
func (s *sending) request(ctx context.Context) (*http.Request, error) {
	text := func(d *draft) []byte { return bytes.Join(d.raw, nil) }
	u, err := url.Parse(s.way.origin.String() + s.path)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "path", "the path cannot be sent")
	}
	u.RawQuery = string(text(s.parts[0]))
	var body io.Reader
	if s.call.Body != "" {
		body = bytes.NewReader(text(s.parts[len(s.parts)-1]))
	}
	req, err := http.NewRequestWithContext(ctx, s.call.Method, u.String(), body)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "path", "the call cannot be made")
	}
	req.Header = s.header
	for i, name := range s.heads {
		v := string(text(s.parts[i+1]))
		if !isHeader(v) {
			return nil, errValue("a value cannot stand in a header")
		}
		req.Header.Set(name, v)
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "strongroom")
	if s.way.Auth != nil && s.way.credential != "" {
		req.Header.Set(s.way.Auth.Header, s.way.Auth.Prefix+s.way.credential)
	}
	return req, nil
}

// isHeader reports whether a text can stand in a header as it is.
func isHeader(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= 4096
}

// match returns the call for a method and a path.
func (w *way) match(method, path string) *call {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range w.calls {
		c := &w.calls[i]
		if c.Method != method || len(c.segments) != len(parts) {
			continue
		}
		ok := true
		for j, s := range c.segments {
			fits := s == parts[j]
			if s[0] == '{' {
				fits = stepForm.MatchString(parts[j]) && parts[j][0] != '{' && strings.Trim(parts[j], ".") != ""
			}
			ok = ok && fits
		}
		if ok {
			return c
		}
	}
	return nil
}

// load returns the way of a name that is in force.
func (b *Book) load(ctx context.Context, name string) (*way, error) {
	if !nameForm.MatchString(name) {
		return nil, noRoute()
	}
	var r row
	err := b.o.Guard.Look(ctx, guard.LookUp, func(reader *db.Reader) (err error) {
		r, err = activeRow(reader, name)
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, noRoute()
	}
	if err != nil {
		return nil, err
	}
	in, err := b.safe.open(r) // each time: a row that was edited since sends nothing
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w, ok := b.out[r.id]; ok {
		return w, nil
	}
	c, err := in.Spec.compile(b.test(), b.o.Shape)
	if err != nil {
		return nil, err
	}
	allow := append(slices.Clone(b.o.Allow), c.allow...)
	if b.test() {
		allow = append(allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	w := &way{compiled: c, id: r.id, credential: in.Credential, transport: egress.New(egress.Options{
		Origin: c.origin, Allow: allow, Roots: c.roots, Pins: c.pins, Lookup: b.o.Lookup, Limits: c.limits(),
	})}
	b.out[r.id] = w
	return w, nil
}
