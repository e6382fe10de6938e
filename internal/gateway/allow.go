package gateway

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// Spec says which call a person allows a store's mirror, and how it is treated: the
// map without which nothing passes.
type Spec struct {
	Method string   `json:"method" doc:"GET, POST, PUT or DELETE"`
	Path   string   `json:"path" doc:"behind the version, such as /orders/{id}/events; {…} is one element"`
	Answer string   `json:"answer,omitempty" doc:"orders, customers, fulfillments or store: the records in the answer, which are sealed and tokenised by field map"`
	Shape  []Line   `json:"shape,omitempty" doc:"what may stand in an answer without records, such as data[].price number"`
	Places []string `json:"places,omitempty" doc:"paths of the request's body where tokens are put back; a call without them takes a body without tokens"`
}

// Line is a line of a shape.
type Line struct {
	Path string `json:"path" doc:"of keys: data[].price"`
	Form string `json:"form" doc:"bool, number, code, text, date or url"`
}

// Allowed is a call that people allowed, or that one proposed to allow.
type Allowed struct {
	ID       string
	Number   int64 // versions of a store's calls are counted
	State    string
	Author   string
	Approver string // "" until somebody approved
	At       time.Time
	Spec     Spec
}

// state is where an allowed call stands; the numbers are on disk.
type state int64

const (
	proposed state = 1
	inForce  state = 2
	over     state = 3
)

func (s state) String() string {
	switch s {
	case proposed:
		return "proposed"
	case inForce:
		return "in-force"
	case over:
	}
	return "over"
}

// maxAllowed bounds how many calls of a store are in force or wait.
const maxAllowed = 100

// endpoint returns the row that a spec stands for. Faults: Invalid for one that cannot
// be, or that would loosen what the table says of a call.
func (s *Spec) endpoint() (*Endpoint, error) {
	bad := func(what string) error {
		return strongroom.Faultf(strongroom.Invalid, "endpoint", "%s", what).Advise("see docs/gateway.md")
	}
	if !slices.Contains([]string{"GET", "POST", "PUT", "DELETE"}, s.Method) {
		return nil, bad("the method is one of GET, POST, PUT and DELETE")
	}
	parts := strings.Split(strings.TrimPrefix(s.Path, "/"), "/")
	for _, p := range parts {
		inner, wild := strings.CutPrefix(p, "{")
		if wild && (!strings.HasSuffix(inner, "}") || !isKey(strings.TrimSuffix(inner, "}"))) || !wild && !isSegment(p) {
			return nil, bad("the path is not one that EcartAPI has")
		}
	}
	e := &Endpoint{Method: s.Method, Path: "/" + strings.Join(parts, "/"), word: audit.Word("allowed")}
	if _, hit := classify.Has([]byte(e.Path)); hit || len(e.Path) > 200 {
		return nil, bad("the path is too long or looks like personal data")
	}
	plain := strings.NewReplacer("{", "", "}", "").Replace(e.Path)
	if known := find(Endpoints(), s.Method, strings.Split(plain[1:], "/")); known != nil && (known.Refused != "" || known.Answer != "") {
		return nil, bad("the table says how this call is treated, and no map changes that")
	}
	if (s.Answer == "") == (len(s.Shape) == 0) {
		return nil, bad("a call has either an answer with records or a shape")
	}
	if s.Answer != "" {
		if _, ok := fieldmap.ParseKind(s.Answer); !ok || s.Answer == "webhook_delivery" {
			return nil, bad("the records are one of orders, customers, fulfillments and store")
		}
		e.Answer, e.List = s.Answer, s.Answer
	}
	return e, s.body(e)
}

// body reads the shape of the answer and the places of the request.
func (s *Spec) body(e *Endpoint) error {
	if len(s.Shape) > 0 {
		var rows [][2]string
		for _, l := range s.Shape {
			if l.Form == "link" && l.Path != "page.next" && l.Path != "page.previous" {
				return strongroom.Faultf(strongroom.Invalid, "shape", "a link is for page.next and page.previous alone")
			}
			rows = append(rows, [2]string{l.Path, l.Form})
		}
		var err error
		if e.Shape, err = ParseShape(rows); err != nil {
			return err
		}
	}
	if len(s.Places) > 50 {
		return strongroom.Faultf(strongroom.Invalid, "places", "a call has up to 50 places")
	}
	for _, p := range s.Places {
		for part := range strings.SplitSeq(p, ".") {
			if !isKey(part) {
				return strongroom.Faultf(strongroom.Invalid, "places", "a place is a path of keys, such as customer.phone")
			}
		}
	}
	if s.Method == "POST" || s.Method == "PUT" {
		e.Body = &Places{Under: s.Places, Own: true}
	}
	return nil
}

// ad binds a card to its row.
func (g *Gateway) ad(r row) []byte {
	return seal.AD("strongroom/gateway-allowed/1", r.id, r.store, r.number, int64(r.state), r.author, r.approver, r.at)
}

func (g *Gateway) sealCard(r *row, spec Spec) error {
	key, err := g.o.Keys.StoreKey(r.store, keys.Merchant)
	if err != nil {
		return err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	r.card = key.Seal(nil, g.ad(*r), text)
	return nil
}

// open returns what a row says. One that was changed in the database does not open.
func (g *Gateway) open(r row) (Allowed, error) {
	a := Allowed{ID: r.id, Number: r.number, State: r.state.String(), Author: r.author, Approver: r.approver, At: db.Time(r.at)}
	key, err := g.o.Keys.StoreKey(r.store, keys.Merchant)
	if err != nil {
		return a, err
	}
	text, err := key.Open(nil, g.ad(r), r.card)
	if err == nil {
		err = json.Unmarshal(text, &a.Spec)
	}
	if err != nil {
		return a, strongroom.Faultf(strongroom.Internal, "gateway-sealed", "an allowed call was changed in the database")
	}
	return a, nil
}

// allowances are the calls in force of the stores that were asked for.
type allowances struct {
	mu   sync.Mutex
	by   map[string][]Endpoint
	turn uint64 // grows when somebody changes one
}

func (a *allowances) forget(store string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, store)
	a.turn++
}

// allowed returns the calls that are in force for a store.
func (g *Gateway) allowed(ctx context.Context, store string) ([]Endpoint, error) {
	g.allowances.mu.Lock()
	list, known := g.allowances.by[store]
	turn := g.allowances.turn
	g.allowances.mu.Unlock()
	if known {
		return list, nil
	}
	var rows []row
	err := g.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		rows, err = all(r, store)
		return err
	})
	if err != nil {
		return nil, err
	}
	list = []Endpoint{}
	for _, r := range rows {
		if r.state != inForce {
			continue
		}
		a, err := g.open(r)
		if err != nil {
			return nil, err // what cannot be relied on allows nothing
		}
		e, err := a.Spec.endpoint()
		if err != nil {
			return nil, err
		}
		list = append(list, *e)
	}
	g.allowances.mu.Lock()
	defer g.allowances.mu.Unlock()
	if g.allowances.turn == turn {
		if g.allowances.by == nil || len(g.allowances.by) > 4096 {
			g.allowances.by = make(map[string][]Endpoint)
		}
		g.allowances.by[store] = list
	}
	return list, nil
}
