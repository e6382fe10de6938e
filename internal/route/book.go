package route

import (
	"context"
	"embed"
	"log/slog"
	"net/netip"
	"sync"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/egress"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "route", FS: schema} }

// maxOpen is how many versions may wait for a decision.
const maxOpen = 50

// Vault is what routes need of the vault.
type Vault interface {
	Owners(r *db.Reader, tokens []string) ([]vault.Owner, error)
	RevealTokens(ctx context.Context, who strongroom.Actor, q vault.TokenRequest) ([]vault.TokenValue, error)
	CheckStore(r *db.Reader, id string) error
}

// File is a document that came back by a route.
type File struct {
	Store, Record, Route string
	Type                 string
	Body                 []byte
}

// Options configure a [Book]. Those without a remark are required.
type Options struct {
	Guard       *guard.Guard
	Keys        *keys.Keys
	Vault       Vault
	Environment strongroom.Environment
	Key         seal.Key // of the instance, for this package
	// Shape reads the rows of a shape: a path and a form.
	Shape func(rows [][2]string) (Filter, error)
	// Keep stores a document of a record and returns its id; with nil no route takes one.
	Keep func(ctx context.Context, who strongroom.Actor, f File) (id string, err error)
	// Room returns a fault where a record takes no more documents: it is asked before the
	// call, so that no label is made that could not be kept. nil takes all.
	Room func(r *db.Reader, record string) error
	// SameHand reports whether one person can act as two accounts; nil compares them.
	SameHand func(r *db.Reader, a, b string) (bool, error)
	// Allow names networks that are not public to which routes may lead beside those a
	// route names. Lookup finds the addresses of a host, nil asks the system.
	Allow  []netip.Prefix
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	Log    *slog.Logger // nil discards
}

// Book is what people do with routes, and the way out by them. It is safe for
// concurrent use. Each verb is decided and recorded.
type Book struct {
	o    Options
	safe safe

	mu  sync.Mutex
	out map[string]*way // by the id of a version
}

// way is a version that is in force, ready to send.
type way struct {
	*compiled
	id         string
	credential string
	transport  *egress.Transport
}

// New returns a book. It panics without a required option, which is a mistake of the
// programmer.
func New(o Options) *Book {
	if o.Guard == nil || o.Keys == nil || o.Vault == nil || o.Shape == nil || o.Key.IsZero() {
		panic("route: Options needs Guard, Keys, Vault, Key and Shape")
	}
	if o.SameHand == nil {
		o.SameHand = func(_ *db.Reader, a, b string) (bool, error) { return a == b, nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Book{o: o, safe: newSafe(o.Environment, o.Key), out: map[string]*way{}}
}

func (b *Book) test() bool { return b.o.Environment == strongroom.Test }

func resource(id, store string) strongroom.Resource {
	if id == "" {
		return strongroom.Resource{Type: "Instance", ID: "instance", Store: store}
	}
	return strongroom.Resource{Type: "Route", ID: id, Store: store}
}

func noRoute() error {
	return strongroom.Faultf(strongroom.NotFound, "route", "there is no such route")
}

// compile checks a specification that somebody proposes.
func (b *Book) compile(s Spec) (*compiled, error) {
	c, err := s.compile(b.test(), b.o.Shape)
	for _, k := range s.Calls {
		if err == nil && k.Answer.As == "document" && b.o.Keep == nil {
			err = bad("this instance keeps no documents")
		}
	}
	return c, err
}

// Check says whether a specification can be, and changes nothing. Faults: Invalid.
func (b *Book) Check(ctx context.Context, who strongroom.Actor, s Spec) error {
	err := b.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		return v.Allow(actionPropose, resource("", ""), guard.Context{})
	})
	if err != nil {
		return err
	}
	_, err = b.compile(s)
	return err
}

// Propose stores a version that another person has to approve. credential is what the
// route shows to its upstream; where it is empty and the upstream stays what it is,
// that of the version in force is kept. Faults: Invalid for what cannot be a route,
// Exhausted where too many versions wait.
func (b *Book) Propose(ctx context.Context, who strongroom.Actor, s Spec, credential string) (v Version, err error) {
	c, wrong := b.compile(s)
	if wrong == nil && credential != "" && !isCredential(credential) {
		wrong = bad("its credential is none to put into a header")
	}
	if wrong == nil && credential != "" && s.Auth == nil {
		wrong = bad("it has a credential and no header for it")
	}
	r := row{id: strongroom.NewID("rte"), name: s.Name, state: Proposed, author: who.ID}
	err = b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionPropose, resource(r.id, ""), guard.Context{}); err != nil {
			return err
		}
		if wrong != nil {
			return wrong
		}
		n, err := openCount(&tx.Reader)
		if err != nil {
			return err
		}
		if n >= maxOpen {
			return strongroom.Faultf(strongroom.Exhausted, "route-open", "%d versions wait for a decision", n).Advise("remove those nobody wants")
		}
		in := stored{Spec: s, Credential: credential}
		if credential == "" && s.Auth != nil {
			if in.Credential, err = b.kept(&tx.Reader, c); err != nil {
				return err
			}
		}
		last, err := lastNumber(&tx.Reader, s.Name)
		if err != nil {
			return err
		}
		r.number, r.created = last+1, db.Micros(tx.Now())
		made, err := b.safe.close(r, in)
		if err != nil {
			return err
		}
		tx.Note("version", r.number)
		v = made.view(in)
		return insertRow(tx, made)
	})
	return v, err
}

// kept returns the credential of the version in force, if it was given for the same
// upstream.
func (b *Book) kept(r *db.Reader, c *compiled) (string, error) {
	old, err := activeRow(r, c.Name)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	in, err := b.safe.open(old)
	if err != nil {
		return "", nil // what was edited gives nothing
	}
	before, err := egress.ParseOrigin(in.Spec.Upstream, b.test())
	if err != nil || before != c.origin {
		return "", nil
	}
	return in.Credential, nil
}

func isCredential(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= 4096
}

// Approve puts a version in force in the place of the one before it. It is for another
// person than its author (DPP 2.3.2). Faults: NotFound, Conflict where it does not wait.
func (b *Book) Approve(ctx context.Context, who strongroom.Actor, id string) (Version, error) {
	return b.decide(ctx, who, id, actionApprove, func(tx *guard.Tx, r *row) error {
		if r.state != Proposed {
			return strongroom.Faultf(strongroom.Conflict, "route-state", "the version is %s", r.state)
		}
		old, err := activeRow(&tx.Reader, r.name)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		if err == nil {
			_, forged := b.safe.open(old)
			old.state, old.decider, old.decided = Superseded, tx.Actor().ID, db.Micros(tx.Now())
			if err := decideRow(tx, b.safe.decided(old, forged)); err != nil {
				return err
			}
		}
		tx.Note("stage", audit.Word("approve"))
		r.state = Active
		return nil
	})
}

// Remove takes a version out of force, or back if it waits. It needs nobody else.
// Faults: NotFound, Conflict where it is neither.
func (b *Book) Remove(ctx context.Context, who strongroom.Actor, id string) (Version, error) {
	return b.decide(ctx, who, id, actionRemove, func(tx *guard.Tx, r *row) error {
		switch r.state {
		case Proposed:
			r.state = Withdrawn
		case Active:
			r.state = Removed
		default:
			return strongroom.Faultf(strongroom.Conflict, "route-state", "the version is %s", r.state)
		}
		tx.Note("stage", audit.Word("remove"))
		return nil
	})
}

// decide runs fn about the version id once who may.
func (b *Book) decide(ctx context.Context, who strongroom.Actor, id string, a strongroom.Action, fn func(tx *guard.Tx, r *row) error) (v Version, err error) {
	err = b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		var r row
		found := error(noRoute())
		if strongroom.IsID("rte", id) {
			r, found = rowByID(&tx.Reader, id)
		}
		if found != nil {
			if !strongroom.IsKind(found, strongroom.NotFound) {
				return found
			}
			if err := tx.Allow(a, resource("", ""), guard.Context{}); err != nil {
				return err
			}
			return noRoute()
		}
		own, err := b.o.SameHand(&tx.Reader, r.author, who.ID)
		if err != nil {
			return err
		}
		res := resource(r.id, "")
		res.Attrs = map[string]any{"own": own}
		if err := tx.Allow(a, res, guard.Context{}); err != nil {
			return err
		}
		in, forged := b.safe.open(r)
		if forged != nil && a.Name != actionRemove.Name {
			return forged
		}
		if err := fn(tx, &r); err != nil {
			return err
		}
		r.decider, r.decided = who.ID, db.Micros(tx.Now())
		tx.Note("version", r.number)
		if v = r.view(in); forged != nil {
			v = Version{ID: r.id, Name: r.name, Damaged: true}
		}
		tx.AfterCommit(b.forget)
		return decideRow(tx, b.safe.decided(r, forged))
	})
	return v, err
}

// forget has ways built anew.
func (b *Book) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.out {
		w.transport.CloseIdle()
	}
	clear(b.out)
}

// List returns the versions that wait or are in force, or all of them, by name and
// number. No credential is shown.
func (b *Book) List(ctx context.Context, who strongroom.Actor, all bool) (out []Version, err error) {
	err = b.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		out = nil
		if err := v.Allow(actionList, resource("", ""), guard.Context{}); err != nil {
			return err
		}
		rows, err := listRows(&v.Reader, all)
		if err != nil {
			return err
		}
		for _, r := range rows {
			in, err := b.safe.open(r)
			if err != nil {
				out = append(out, Version{ID: r.id, Name: r.name, Damaged: true})
				continue
			}
			out = append(out, r.view(in))
		}
		return nil
	})
	return out, err
}

// ForgetTx deletes what was counted of a store, as a part of disconnecting it. The
// caller has been allowed to.
func (b *Book) ForgetTx(tx *guard.Tx, store string) error { return forgetUse(tx, store) }
