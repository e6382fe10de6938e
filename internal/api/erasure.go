package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/erasure"
	"strongroom/internal/lifecycle"
	"strongroom/internal/signal"
	"strongroom/internal/web"
)

type signalIn struct {
	Kind string `path:"kind" doc:"ecartapi, shopify, ebay, tiendanube, nuvemshop or shopline; with -customers-redact, -customers-data-request or -store-redact behind it where the platform has an address for each"`
}

type signalAsked struct {
	Kind string `path:"kind" doc:"ebay"`
	Code string `query:"challenge_code,opaque" must:"true" doc:"what eBay asks with"`
}

type signalAnswer struct {
	Response string `json:"challengeResponse" doc:"SHA-256 of code, verification token and address"`
}

type takenOut struct {
	ID    string    `json:"id" doc:"of the request that it opened"`
	Kind  string    `json:"kind" doc:"erasure or access"`
	State string    `json:"state" doc:"waiting, scheduled, erasing, erased, answering, answered or dismissed"`
	Due   time.Time `json:"due_at"`
	Again bool      `json:"again" doc:"the same had come before, and nothing was opened"`
}

type erasureOut struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind" doc:"erasure, or access: a shopper's question, which is a case"`
	Scope       string     `json:"scope" doc:"store or person"`
	Source      string     `json:"source" doc:"ecartapi, shopify, ebay, tiendanube, shopline, closing or hand"`
	State       string     `json:"state" doc:"waiting, scheduled, erasing, erased, answering, answered or dismissed"`
	Waits       []string   `json:"waits,omitempty" doc:"for what: shop, scope, broad, repeated"`
	Stores      []string   `json:"stores" doc:"those it is about, as far as they are known"`
	Reference   string     `json:"reference,omitempty" doc:"the sender's own number of it"`
	Received    time.Time  `json:"received_at"`
	Issued      time.Time  `json:"issued_at" doc:"as the sender says"`
	DeleteBy    time.Time  `json:"delete_by" doc:"30 days after the notice at the latest; of a question, when the answer is due"`
	GoneBy      *time.Time `json:"no_live_instance_by,omitempty" doc:"90 days after the notice at the latest"`
	EraseAt     *time.Time `json:"erase_at,omitempty" doc:"when the product erases by itself"`
	Erased      *time.Time `json:"erased_at,omitempty"`
	Closed      *time.Time `json:"closed_at,omitempty"`
	ClosedFor   string     `json:"dismissed_for,omitempty"`
	Case        string     `json:"case,omitempty" doc:"the case of a question; reveals under it name it as reference"`
	Records     int64      `json:"records" doc:"erased"`
	Failed      int64      `json:"failed,omitempty" doc:"damaged records that could not be erased and open for nobody"`
	Proof       int64      `json:"proof,omitempty" doc:"position in the log of the event that erased"`
	Certificate bool       `json:"certificate_requested"`
	CopiesDead  bool       `json:"copies_unreadable" doc:"an epoch roll began after it and is complete: no older copy of the database opens what was erased"`
	Overdue     bool       `json:"overdue"`
}

func (e erasureOut) resource() string { return e.ID }

type erasurePage struct {
	Erasures []erasureOut `json:"erasures"`
	Next     string       `json:"next_cursor"`
}

type erasuresIn struct {
	Open bool `query:"open" doc:"only those that are not over"`
	pageIn
}

type oneErasureIn struct {
	Erasure string `path:"erasure" doc:"the request's id"`
}

type matchingOut struct {
	Records []string `json:"records" doc:"ids of the live records it is about"`
}

type assignIn struct {
	Erasure string `path:"erasure" doc:"the request's id"`
	Store   string `json:"store" doc:"the store that the shop it names is"`
}

type confirmIn struct {
	Erasure string `path:"erasure" doc:"the request's id"`
	Whole   bool   `json:"whole_store,omitempty" doc:"what was unclear covers the whole store"`
}

type dismissIn struct {
	Erasure string `path:"erasure" doc:"the request's id"`
	Reason  string `json:"reason" doc:"mistaken, duplicate or not_held"`
}

type erasureIn struct {
	Kind      string    `json:"kind,omitempty" doc:"erasure or access; erasure if missing"`
	Store     string    `json:"store" doc:"the store it is about"`
	Whole     bool      `json:"whole_store,omitempty" doc:"everything of the store: its records, keys and credentials"`
	Orders    []string  `json:"orders,omitempty" doc:"the platform's ids"`
	Customer  string    `json:"customer,omitempty" doc:"the platform's id of the shopper"`
	Email     string    `json:"email,omitempty" doc:"sealed, as all of whom it is about"`
	Phone     string    `json:"phone,omitempty" doc:"with its country; counts where nothing better is given"`
	National  string    `json:"national_id,omitempty"`
	Reference string    `json:"reference,omitempty" doc:"the number of the letter it came by"`
	Issued    time.Time `json:"issued_at,omitzero" doc:"when it was asked for; now if missing"`
}

type senderIn struct {
	Kind     string `json:"kind" doc:"ecartapi, shopify, ebay, tiendanube or shopline"`
	Name     string `json:"name" doc:"of the application there, as people here call it"`
	Secret   string `json:"secret,omitempty" doc:"its client secret; for ecartapi the value it sends as Authorization; for ebay the verification token. Sealed, never shown; missing stays as it was"`
	Endpoint string `json:"endpoint,omitempty" doc:"ebay: the address it was told, to the letter"`
	Key      string `json:"public_key,omitempty" doc:"ebay: its public key in PEM"`
}

type senderOut struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Name     string     `json:"name"`
	Endpoint string     `json:"endpoint,omitempty"`
	Key      bool       `json:"public_key" doc:"one is known"`
	Set      time.Time  `json:"set_at"`
	Used     *time.Time `json:"used_at,omitempty" doc:"when it last proved a signal"`
}

func (s senderOut) resource() string { return s.ID }

type sendersOut struct {
	Senders []senderOut `json:"senders"`
}

type shopIn struct {
	Store  string `path:"store" doc:"the store's id"`
	Domain string `json:"domain,omitempty" doc:"of the shop"`
	Kind   string `json:"kind,omitempty" doc:"the platform of the id"`
	ID     string `json:"id,omitempty" doc:"what that platform calls the shop"`
}

type shopOut struct {
	Domain string    `json:"domain,omitempty"`
	Kind   string    `json:"kind,omitempty"`
	ID     string    `json:"id,omitempty"`
	At     time.Time `json:"at"`
}

type shopsOut struct {
	Shops []shopOut `json:"shops"`
}

func erasureRoutes() []Route {
	post := defineRaw(Route{Method: "POST", Path: "/v1/erasure-signals/{kind}", Public: true,
		Summary: "Take in a signal that asks for erasure: a platform's webhook with its signature, or a message that a known caller hands in."},
		"200, the request that it opened", receiveSignal)
	post.takes, post.out = []string{"application/json", "application/x-www-form-urlencoded", "text/plain", "message/rfc822"}, reflect.TypeFor[takenOut]()
	return []Route{
		post,
		defineCall(Route{Method: "GET", Path: "/v1/erasure-signals/{kind}", Public: true,
			Summary: "Answer eBay's question whether the address is ours."}, answerChallenge),
		define(Route{Method: "POST", Path: "/v1/erasures", Action: "erasure.open", Status: 201, Repeatable: true,
			Summary: "Open a request that came by mouth, letter or mail: to erase, or to tell a shopper what is held."}, openErasure),
		define(Route{Method: "GET", Path: "/v1/erasures", Action: "erasure.list",
			Summary: "List what was asked for, oldest first, with its dates. Whom it is about is told to nobody."}, listErasures),
		define(Route{Method: "GET", Path: "/v1/erasures/{erasure}", Action: "erasure.list",
			Summary: "One request."}, oneErasure),
		define(Route{Method: "GET", Path: "/v1/erasures/{erasure}/records", Action: "record.find",
			Summary: "The live records that a request is about, as far as the caller may find them."}, matchingRecords),
		define(Route{Method: "POST", Path: "/v1/erasures/{erasure}/assign", Action: "erasure.decide",
			Summary: "Say which store a waiting request is about."}, assignErasure),
		define(Route{Method: "POST", Path: "/v1/erasures/{erasure}/confirm", Action: "erasure.decide",
			Summary: "Have a waiting request done as it stands."}, confirmErasure),
		define(Route{Method: "POST", Path: "/v1/erasures/{erasure}/dismiss", Action: "erasure.decide",
			Summary: "End a waiting request without doing it."}, dismissErasure),
		define(Route{Method: "PUT", Path: "/v1/signal-senders", Action: "signal.edit",
			Summary: "Register who may send signals, or give a sender another secret."}, putSender),
		define(Route{Method: "GET", Path: "/v1/signal-senders", Action: "signal.list",
			Summary: "List the senders of signals, without their secrets."}, listSenders),
		define(Route{Method: "DELETE", Path: "/v1/signal-senders/{id}", Action: "signal.edit", Status: 204,
			Summary: "Forget a sender: what it signs is refused."}, dropSender),
		define(Route{Method: "PUT", Path: "/v1/stores/{store}/shop", Action: "signal.edit", Status: 204,
			Summary: "Say which shop a store is, by its domain or a platform's id."}, putShop),
		define(Route{Method: "GET", Path: "/v1/stores/{store}/shop", Action: "signal.list",
			Summary: "What the shop of a store is called."}, getShop),
		define(Route{Method: "DELETE", Path: "/v1/stores/{store}/shop", Action: "signal.edit", Status: 204,
			Summary: "Forget what the shop of a store is called."}, dropShop),
	}
}

// receiveSignal takes a signal in. Who shows a key or a session of ours hands it in;
// anybody else proves it by its signature.
func receiveSignal(a *API, c *call, in *signalIn) error {
	inbox, err := a.signals()
	if err != nil {
		return err
	}
	m := signal.Message{Header: c.r.Header}
	var taken erasure.Taken
	if a.known(c) {
		who, err := a.caller(c)
		if err != nil {
			return a.unknown(c, err)
		}
		if err := a.admit(c.ctx, c.r, who.ID); err != nil {
			return err
		}
		if m.Body, err = web.ReadBody(c.w, c.r, signal.MaxBody); err != nil {
			return err
		}
		taken, err = inbox.Paste(c.ctx, who, in.Kind, m)
		if err != nil {
			return err
		}
	} else {
		if m.Body, err = web.ReadBody(c.w, c.r, signal.MaxBody); err != nil {
			return err
		}
		if taken, err = inbox.Receive(c.ctx, in.Kind, m, web.ConnOf(c.r.Context()).Addr); err != nil {
			return err
		}
	}
	q := taken.Request
	return c.write(http.StatusOK, takenOut{ID: q.ID, Kind: string(q.Kind), State: string(q.State), Due: q.DeleteBy, Again: taken.Again})
}

// known reports whether a call comes with something of ours: a key, a session, or the
// OS user at the socket.
func (a *API) known(c *call) bool {
	if c.r.Header.Get("Authorization") == "" {
		conn := web.ConnOf(c.r.Context())
		return conn.Unix && conn.Peer
	}
	text := bearer(c.r)
	return strings.HasPrefix(text, "sr_") || strings.HasPrefix(text, "srs_")
}

func answerChallenge(a *API, c *call, in *signalAsked) (signalAnswer, error) {
	inbox, err := a.signals()
	if err != nil {
		return signalAnswer{}, err
	}
	text, err := inbox.Challenge(c.ctx, in.Kind, in.Code, web.ConnOf(c.r.Context()).Addr)
	return signalAnswer{text}, err
}

func openErasure(a *API, ctx context.Context, who strongroom.Actor, in *erasureIn) (erasureOut, error) {
	spec := lifecycle.RequestSpec{
		Kind: lifecycle.RequestKind(in.Kind), Scope: lifecycle.ScopePerson, Source: lifecycle.FromHand, Orders: in.Orders,
		Reference: in.Reference, Issued: in.Issued, Stores: []string{in.Store},
	}
	if in.Kind == "" {
		spec.Kind = lifecycle.Erasure
	}
	if in.Whole {
		spec.Scope = lifecycle.ScopeStore
	}
	if p := (lifecycle.Shopper{ID: in.Customer, Email: in.Email, Phone: in.Phone, NationalID: in.National}); p != (lifecycle.Shopper{}) {
		spec.Shoppers = []lifecycle.Shopper{p}
	}
	rs, err := a.erasures()
	if err != nil {
		return erasureOut{}, err
	}
	q, err := rs.Open(ctx, who, spec)
	return outErasure(q), err
}

func listErasures(a *API, ctx context.Context, who strongroom.Actor, in *erasuresIn) (erasurePage, error) {
	rs, err := a.erasures()
	if err != nil {
		return erasurePage{}, err
	}
	list, next, err := rs.List(ctx, who, lifecycle.RequestQuery{Open: in.Open, Cursor: in.Cursor, Limit: pageSize(in.Limit)})
	out := erasurePage{Erasures: make([]erasureOut, len(list)), Next: next}
	for i, q := range list {
		out.Erasures[i] = outErasure(q)
	}
	return out, err
}

func oneErasure(a *API, ctx context.Context, who strongroom.Actor, in *oneErasureIn) (erasureOut, error) {
	return a.erasure(func(rs *lifecycle.Requests) (lifecycle.Request, error) { return rs.Get(ctx, who, in.Erasure) })
}

func matchingRecords(a *API, ctx context.Context, who strongroom.Actor, in *oneErasureIn) (matchingOut, error) {
	rs, err := a.erasures()
	if err != nil {
		return matchingOut{}, err
	}
	list, err := rs.Matching(ctx, who, in.Erasure)
	if list == nil {
		list = []string{}
	}
	return matchingOut{list}, err
}

func assignErasure(a *API, ctx context.Context, who strongroom.Actor, in *assignIn) (erasureOut, error) {
	return a.erasure(func(rs *lifecycle.Requests) (lifecycle.Request, error) {
		return rs.Assign(ctx, who, in.Erasure, in.Store)
	})
}

func confirmErasure(a *API, ctx context.Context, who strongroom.Actor, in *confirmIn) (erasureOut, error) {
	return a.erasure(func(rs *lifecycle.Requests) (lifecycle.Request, error) {
		return rs.Confirm(ctx, who, in.Erasure, in.Whole)
	})
}

func dismissErasure(a *API, ctx context.Context, who strongroom.Actor, in *dismissIn) (erasureOut, error) {
	return a.erasure(func(rs *lifecycle.Requests) (lifecycle.Request, error) {
		return rs.Dismiss(ctx, who, in.Erasure, lifecycle.DismissReason(in.Reason))
	})
}

// erasure renders what fn returns of a request.
func (a *API) erasure(fn func(rs *lifecycle.Requests) (lifecycle.Request, error)) (erasureOut, error) {
	rs, err := a.erasures()
	if err != nil {
		return erasureOut{}, err
	}
	q, err := fn(rs)
	return outErasure(q), err
}

func putSender(a *API, ctx context.Context, who strongroom.Actor, in *senderIn) (senderOut, error) {
	inbox, err := a.signals()
	if err != nil {
		return senderOut{}, err
	}
	s, err := inbox.SetSender(ctx, who, erasure.SenderSpec{
		Platform: signal.Platform(in.Kind), Name: in.Name, Secret: signal.NewSecret(in.Secret), Endpoint: in.Endpoint, PublicKey: in.Key,
	})
	return outSender(s), err
}

func listSenders(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (sendersOut, error) {
	inbox, err := a.signals()
	if err != nil {
		return sendersOut{}, err
	}
	list, err := inbox.Senders(ctx, who)
	out := sendersOut{Senders: make([]senderOut, len(list))}
	for i, s := range list {
		out.Senders[i] = outSender(s)
	}
	return out, err
}

func dropSender(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	inbox, err := a.signals()
	if err != nil {
		return none{}, err
	}
	return none{}, inbox.DropSender(ctx, who, in.ID)
}

func putShop(a *API, ctx context.Context, who strongroom.Actor, in *shopIn) (none, error) {
	inbox, err := a.signals()
	if err != nil {
		return none{}, err
	}
	return none{}, inbox.AddShop(ctx, who, in.Store, erasure.Shop{Platform: signal.Platform(in.Kind), Domain: in.Domain, ID: in.ID})
}

func getShop(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (shopsOut, error) {
	inbox, err := a.signals()
	if err != nil {
		return shopsOut{}, err
	}
	list, err := inbox.Shops(ctx, who, in.Store)
	out := shopsOut{Shops: make([]shopOut, len(list))}
	for i, s := range list {
		out.Shops[i] = shopOut{s.Domain, string(s.Platform), s.ID, s.At}
	}
	return out, err
}

func dropShop(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (none, error) {
	inbox, err := a.signals()
	if err != nil {
		return none{}, err
	}
	return none{}, inbox.DropShops(ctx, who, in.Store)
}

// signals returns the inbox, or why there is none.
func (a *API) signals() (*erasure.Inbox, error) {
	if a.o.Signals == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "signals", "this instance takes no signals in")
	}
	return a.o.Signals, nil
}

// erasures returns the requests, or why there are none.
func (a *API) erasures() (*lifecycle.Requests, error) {
	if a.o.Erasures == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "signals", "this instance keeps no requests")
	}
	return a.o.Erasures, nil
}

func outErasure(q lifecycle.Request) erasureOut {
	out := erasureOut{
		ID: q.ID, Kind: string(q.Kind), Scope: string(q.Scope), Source: string(q.Source), State: string(q.State), Stores: q.Stores,
		Reference: q.Reference, Received: q.Received, Issued: q.Issued, DeleteBy: q.DeleteBy, GoneBy: orNil(q.GoneBy), EraseAt: orNil(q.EraseAt),
		Erased: orNil(q.Erased), Closed: orNil(q.Closed), ClosedFor: string(q.ClosedFor), Case: q.Case, Records: q.Records, Failed: q.Failed,
		Proof: q.Proof, Certificate: q.Certificate, CopiesDead: q.CopiesDead, Overdue: q.Overdue,
	}
	if out.Stores == nil {
		out.Stores = []string{}
	}
	for _, w := range q.Waits {
		out.Waits = append(out.Waits, string(w))
	}
	return out
}

func outSender(s erasure.Sender) senderOut {
	return senderOut{ID: s.ID, Kind: string(s.Platform), Name: s.Name, Endpoint: s.Endpoint, Key: s.Key, Set: s.Set, Used: orNil(s.Used)}
}
