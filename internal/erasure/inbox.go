package erasure

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/lifecycle"
	"strongroom/internal/seal"
	"strongroom/internal/signal"
	"strongroom/internal/vault"
)

// Options configure an [Inbox]. All but Refused are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key      seal.Key
	Requests *lifecycle.Requests
	// Shops returns the stores that hold something.
	Shops func(r *db.Reader) ([]vault.Shop, error)
	// Store returns nil if a store is there and not disconnected, else a fault.
	Store func(r *db.Reader, id string) error
	// Refused counts a message whose sender is not proved, for where it came from.
	Refused func(ctx context.Context, source netip.Addr, why string)
}

// Inbox takes signals in. It is safe for concurrent use.
type Inbox struct {
	o          Options
	seal, hash seal.Key
}

// New returns an Inbox. A missing required option is a mistake of the program and
// panics.
func New(o Options) *Inbox {
	if o.Guard == nil || o.Key.IsZero() || o.Requests == nil || o.Shops == nil || o.Store == nil {
		panic("erasure: Options needs Guard, Key, Requests, Shops and Store")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("erasure: Options needs an Environment")
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	env := []byte(o.Environment)
	return &Inbox{o: o, seal: o.Key.Derive("signal seal", env), hash: o.Key.Derive("signal hash", env)}
}

// Taken is what became of a signal.
type Taken struct {
	Request lifecycle.Request
	Again   bool // it had come before; nothing was opened
}

// retries is how long a platform may send a message again because our thanks were
// lost: Shopify tries for two days.
const retries = 48 * time.Hour

// Receive takes in a message that proves its sender by its signature. kind is the last
// part of the address it came to. Once it has returned nil the request is durable.
//
// Faults: NotFound (kind), Unauthenticated, TooLarge, Invalid, Conflict (code
// "signal-replayed"), Unavailable.
func (in *Inbox) Receive(ctx context.Context, kind string, m signal.Message, source netip.Addr) (Taken, error) {
	k, err := signal.ParseKind(kind)
	if err != nil {
		in.o.Refused(ctx, source, "signal")
		return Taken{}, err
	}
	by, err := in.prover(ctx, k, m)
	if err != nil {
		if strongroom.IsKind(err, strongroom.Unauthenticated) {
			in.o.Refused(ctx, source, "signal")
		}
		return Taken{}, err
	}
	s, err := k.Parse(m)
	if err != nil {
		return Taken{}, in.refuse(ctx, platforms(), actionReceive, err)
	}
	return in.take(ctx, platforms(), s, by, false)
}

// platforms is the product acting for a sender that has proved itself.
func platforms() strongroom.Actor { return strongroom.System("signals") }

// Paste takes in a message that a known caller hands in, such as a notice that came by
// e-mail. A signature that it brings along must hold all the same. Faults: as Receive,
// and Denied.
func (in *Inbox) Paste(ctx context.Context, who strongroom.Actor, kind string, m signal.Message) (Taken, error) {
	k, err := signal.ParseKind(kind)
	by := ""
	if err == nil && k.Platform != signal.EcartAPI && k.Signed(m.Header) { // there Authorization is the caller's own
		by, err = in.prover(ctx, k, m)
	}
	var s signal.Signal
	if err == nil {
		s, err = k.Parse(m)
	}
	if err != nil {
		return Taken{}, in.refuse(ctx, who, actionReceive, err)
	}
	return in.take(ctx, who, s, by, true)
}

// Challenge answers eBay's question whether an address is ours. It discloses nothing
// but that we know the token. Faults: Invalid, NotFound (kind, no token registered).
func (in *Inbox) Challenge(ctx context.Context, kind, code string, source netip.Addr) (string, error) {
	k, err := signal.ParseKind(kind)
	if err != nil || k.Platform != signal.EBay {
		in.o.Refused(ctx, source, "signal")
		return "", strongroom.Faultf(strongroom.NotFound, "signal-kind", "only eBay asks before it sends")
	}
	var all []sender
	err = in.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		all, _, err = in.senders(r)
		return err
	})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(s sender) bool { return s.platform() == signal.EBay && s.card.Endpoint != "" })
	var by signal.Sender
	if i >= 0 {
		by = all[i].proof()
	}
	answer, err := signal.Challenge(code, by)
	if err != nil {
		in.o.Refused(ctx, source, "signal")
	}
	return answer, err
}

// take opens the request of a signal, unless it had come before. by is the registered
// sender who proved it, pasted says that a known caller hands it in.
func (in *Inbox) take(ctx context.Context, who strongroom.Actor, s signal.Signal, by string, pasted bool) (t Taken, err error) {
	err = in.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		t = Taken{}
		stores, named, err := in.resolve(&tx.Reader, s)
		if err != nil {
			return err
		}
		res := instance()
		if len(stores) == 1 {
			res = storeResource(stores[0])
		}
		if err := tx.Allow(actionReceive, res, guard.Context{}); err != nil {
			return err
		}
		if len(stores) != 1 && !who.AllStores {
			return strongroom.Faultf(strongroom.Denied, "stores", "a signal cannot reach further than who hands it in")
		}
		tx.Note("mode", topicWord(s.Topic))
		if named { // remembered, because the name dies with the store
			if err := in.KnowTx(tx, stores[0], Shop{Platform: s.Platform, Domain: s.Shop.Domain}); err != nil {
				return err
			}
		}
		if by != "" {
			if err := useSender(tx, by); err != nil {
				return err
			}
		}
		seen, err := in.o.Requests.SeenTx(tx, s.Mark())
		if err != nil {
			return err
		}
		spec := specOf(s, stores)
		for _, q := range seen {
			switch again, err := repeats(q, s, stores, tx.Now(), pasted); {
			case err != nil:
				return err
			case again:
				tx.Note("request", q.ID)
				tx.Note("again", true)
				t = Taken{Request: q, Again: true}
				return nil
			}
		}
		if len(seen) > 0 {
			spec.Waits = append(spec.Waits, lifecycle.WaitRepeated)
		}
		t.Request, err = in.o.Requests.OpenTx(tx, spec)
		return err
	})
	if err != nil {
		return Taken{}, err
	}
	return t, nil
}

// repeats tells what a signal is beside a request that the same words opened before:
// the same thing again, or a replay, which is the fault; or neither, because the shop
// is another store by now. What a known caller hands in is never a replay.
func repeats(q lifecycle.Request, s signal.Signal, stores []string, now time.Time, pasted bool) (again bool, err error) {
	open := q.State == lifecycle.RequestWaiting || q.State == lifecycle.RequestScheduled || q.State == lifecycle.RequestErasing || q.State == lifecycle.RequestAnswering
	same := len(q.Stores) == 0 || slices.Equal(q.Stores, stores) || s.Platform == signal.EBay
	switch {
	case !same:
		return false, nil
	case open || pasted || now.Sub(q.Received) <= retries:
		return true, nil
	}
	return false, strongroom.Faultf(strongroom.Conflict, "signal-replayed", "the same signal came before and was done").
		Advise("it is not done twice; a person can hand it in again")
}

// specOf is the request a signal asks for.
func specOf(s signal.Signal, stores []string) lifecycle.RequestSpec {
	spec := lifecycle.RequestSpec{
		Kind: lifecycle.Erasure, Scope: lifecycle.ScopePerson, Source: sourceOf(s.Platform), Stores: stores, Orders: s.Orders,
		Shop: shopName(s.Shop), Reference: s.Reference, Issued: s.Issued, DeleteBy: s.DeleteBy, GoneBy: s.GoneBy,
		Mark: s.Mark(), Certificate: s.Certificate,
	}
	switch s.Topic {
	case signal.RedactStore:
		spec.Scope = lifecycle.ScopeStore
	case signal.AskForData:
		spec.Kind = lifecycle.Access
		if s.Platform == signal.Tiendanube {
			spec.Citation = "LGPD Art. 18"
		}
	}
	if s.Unclear {
		spec.Waits = append(spec.Waits, lifecycle.WaitScope)
	}
	for _, p := range s.People {
		spec.Shoppers = append(spec.Shoppers, lifecycle.Shopper{ID: p.ID, Email: p.Email, Phone: p.Phone, NationalID: p.National, Username: p.Username})
	}
	return spec
}

func shopName(s signal.Shop) string {
	switch {
	case s.Domain != "":
		return s.Domain
	case s.ID != "":
		return s.ID
	}
	return s.Name
}

func sourceOf(p signal.Platform) lifecycle.RequestSource {
	switch p {
	case signal.Shopify:
		return lifecycle.FromShopify
	case signal.EBay:
		return lifecycle.FromEBay
	case signal.Tiendanube:
		return lifecycle.FromTiendanube
	case signal.Shopline:
		return lifecycle.FromShopline
	}
	return lifecycle.FromEcartAPI
}

// refuse records that something was refused before it began. It returns err, or the
// denial of a caller who may not ask for it at all.
func (in *Inbox) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, err error) error {
	return in.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, instance(), guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func storeResource(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: id, Store: id}
}

func topicWord(t signal.Topic) audit.Term {
	switch t {
	case signal.RedactStore:
		return audit.Word("store-redact")
	case signal.AskForData:
		return audit.Word("customers-data-request")
	}
	return audit.Word("customers-redact")
}

func platformWord(p signal.Platform) audit.Term {
	switch p {
	case signal.Shopify:
		return audit.Word("shopify")
	case signal.EBay:
		return audit.Word("ebay")
	case signal.Tiendanube:
		return audit.Word("tiendanube")
	case signal.Shopline:
		return audit.Word("shopline")
	}
	return audit.Word("ecartapi")
}
