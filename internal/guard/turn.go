package guard

import (
	"errors"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
)

// Context is what a policy may know of a request beside who, what and to what.
type Context struct {
	// Purpose is why something is opened; empty if nothing is.
	Purpose strongroom.Purpose
	// Reference is the order or case, already as the keyed hash the log may hold.
	// A policy learns only that there is one.
	Reference string
	// Given is the reference in clear, to find the elevation it was given for. It is
	// compared and neither recorded nor shown to a policy.
	Given string
	// Attrs are "classes" []string, "fields" int64, "records" int64, "full" bool.
	Attrs map[string]any
}

// Tx is the transaction as a function of Do, Quiet or [View.Confirm] sees it. It
// is used by that function's goroutine only and not after it has returned.
type Tx struct {
	db.Writer
	t *turn
}

// View is what a function of Read sees: at each statement the newest committed
// state, all under one instant. What must still hold in the end is for
// [View.Confirm]. It is used by that function's goroutine only and not after it
// has returned.
type View struct {
	db.Reader
	t       *turn
	confirm []func(*Tx) error
	ahead   *ahead
	joint   *Joint
}

// Allow asks the policies whether the actor may do a to r. The answer becomes an
// event. A denial is a fault of kind Denied; whatever the function does with it,
// none of its work will stand.
func (tx *Tx) Allow(a strongroom.Action, r strongroom.Resource, c Context) error {
	return tx.t.allow(a, r, c)
}

// Note adds a detail to the event of the last decision: identifiers and counts,
// under a key the log knows, never a value of a record.
func (tx *Tx) Note(key string, value any) { tx.t.note(key, value) }

// Receipt returns a receipt for the event of the last decision.
func (tx *Tx) Receipt() *Receipt { return tx.t.receipt() }

// Actor returns who acts.
func (tx *Tx) Actor() strongroom.Actor { return tx.t.who }

// Behind returns how far the clock is behind the newest event, 0 if it is not. A
// clock that went back would bring to life what is past its date.
func (tx *Tx) Behind() time.Duration { return tx.t.g.log.Behind() }

// Now returns the one instant of the transaction.
func (tx *Tx) Now() time.Time { return tx.t.now }

// BeforeCommit has fn called right before the commit, if the work stands. An
// error from fn fails the whole transaction, so it is for what must be durable
// first, such as the ledger of erasures. fn must not call the guard.
func (tx *Tx) BeforeCommit(fn func() error) { tx.t.before = append(tx.t.before, hook{fn: fn}) }

// BeforeCommitOnce is [Tx.BeforeCommit] for work that one call does for all who
// share the commit, after all the others: of the functions under one key only the
// first is called.
func (tx *Tx) BeforeCommitOnce(key any, fn func() error) {
	tx.t.before = append(tx.t.before, hook{key: key, fn: fn})
}

// AfterCommit has fn called after the commit and before the caller is answered,
// if the work stands. It must be quick, cannot fail and must not call the guard.
func (tx *Tx) AfterCommit(fn func()) { tx.t.after = append(tx.t.after, fn) }

// Shared returns the value that those who share the transaction keep under key,
// made by the first of them. It is gone with the transaction. A function that
// changes it says with [Tx.OnUndo] how to change it back.
func (tx *Tx) Shared(key any, create func() any) any {
	shared := tx.t.shared
	v, ok := shared[key]
	if !ok {
		v = create()
		shared[key] = v
	}
	return v
}

// OnUndo has fn called if the work of this function does not stand while that of
// the others does, last given first. fn changes memory alone and cannot fail.
func (tx *Tx) OnUndo(fn func()) { tx.t.undo = append(tx.t.undo, fn) }

// Allow is [Tx.Allow], decided on the snapshot.
func (v *View) Allow(a strongroom.Action, r strongroom.Resource, c Context) error {
	return v.t.allow(a, r, c)
}

// Note is [Tx.Note].
func (v *View) Note(key string, value any) { v.t.note(key, value) }

// Receipt is [Tx.Receipt].
func (v *View) Receipt() *Receipt { return v.t.receipt() }

// Actor returns who acts.
func (v *View) Actor() strongroom.Actor { return v.t.who }

// Now returns the instant of the snapshot.
func (v *View) Now() time.Time { return v.t.now }

// Confirm has fn run inside the transaction that records the decision: it debits
// budgets, checks again what may have changed since the snapshot, and loads what
// is needed to disclose. An error from fn is recorded, as a denial where it
// means no, and nothing fn did stands. fn may be run a second time.
func (v *View) Confirm(fn func(tx *Tx) error) { v.confirm = append(v.confirm, fn) }

// Ahead has fetch called inside the transaction that records the decision, before
// what Confirm was given, once for all neighbours in the group whose key is the
// same: with what each of them gave as item, and a view that decides nothing. So
// many confirmations cost one question. What fetch finds holds until the turn,
// because only confirmations come in between and these change nothing that is
// fetched ahead: what Do changes is seen. It may not be called at all; then the
// confirmation asks for itself. A View fetches once; of two calls the last counts.
func (v *View) Ahead(key, item any, fetch func(v *View, items []any) error) {
	v.ahead = &ahead{key: key, item: item, fetch: fetch}
}

// Jointly has what Confirm was given work together with its neighbours, as the
// function of [Guard.DoJointly] does, but in its place among the others. Of two calls
// the last counts.
func (v *View) Jointly(j Joint) { v.joint = &j }

// ahead is what a reader wants to be fetched before its turn.
type ahead struct {
	key, item any
	fetch     func(v *View, items []any) error
}

// Receipt tells the index of an event once it is durable.
type Receipt struct {
	index   uint64
	durable bool
}

// Index returns the event's index in the log. ok is false until the call that
// the receipt belongs to has returned nil.
func (r *Receipt) Index() (index uint64, ok bool) { return r.index, r.durable }

// turn is what one function has decided and asked for, from its first to its
// last statement.
type turn struct {
	g     *Guard
	who   strongroom.Actor
	now   time.Time
	quiet bool
	over  bool

	decisions []decision
	denied    error // the first denial
	misuse    error // the first mistake against the rules of this package
	before    []hook
	after     []func()
	undo      []func()
	ends      []string
	shared    map[any]any // the group's; nil on a snapshot
	batch     *batch      // nil on a snapshot
	joint     bool
	putOff    bool // it left work to those who come after
}

type hook struct {
	key any
	fn  func() error
}

// decision is one answer of the policies, to become one event.
type decision struct {
	action    strongroom.Action
	resource  strongroom.Resource
	purpose   strongroom.Purpose
	reference string
	outcome   audit.Outcome
	code      string
	policies  []string
	notes     []audit.Note
	names     *uint64
	receipt   *Receipt
}

func (t *turn) allow(a strongroom.Action, r strongroom.Resource, c Context) error {
	if t.over || t.quiet {
		return t.wrong("decision", "a decision was asked for outside Do and Read")
	}
	if err := t.current(); err != nil {
		r.Attrs = nil
		t.decisions = append(t.decisions, decision{
			action: a, resource: r, purpose: c.Purpose, reference: c.Reference, outcome: audit.Denied, code: codeOf(err),
		})
		if t.denied == nil {
			t.denied = err
		}
		return err
	}
	law := t.g.policy()
	q := authz.Request{
		Actor: t.who, Action: a, Resource: r,
		Purpose: c.Purpose, HasReference: c.Reference != "", Reference: c.Given, Context: c.Attrs,
		Now: t.now, Real: t.g.realTime(t.who),
	}
	d := law.Decide(q)
	r.Attrs = nil // the log holds names, not attributes
	rec := decision{
		action: a, resource: r, purpose: c.Purpose, reference: c.Reference,
		outcome: audit.Success, policies: d.Policies[:min(len(d.Policies), audit.MaxPolicies)],
	}
	if d.Allow {
		t.decisions = append(t.decisions, rec)
		return nil
	}
	rec.outcome, rec.code = audit.Denied, "denied"
	if d.Err != nil {
		rec.code = "policy"
		t.g.undecidable(a, d)
	}
	t.decisions = append(t.decisions, rec)
	err := refusal(rec.code, a, law.Lacks(q, d))
	if t.denied == nil {
		t.denied = err
	}
	return err
}

// refusal is the fault of a denial. It says what the person can do about it; the event
// keeps the one code for what policies denied, and names them.
func refusal(code string, a strongroom.Action, l authz.Lack) error {
	if l.Code == "" {
		return strongroom.Faultf(strongroom.Denied, code, "%s is not allowed", a.Name)
	}
	return strongroom.Faultf(strongroom.Denied, l.Code, "%s is not allowed %s", a.Name, l.What).Advise("%s", l.Hint)
}

// realTime is the clock by which the age of a person's second factor counts.
// Nobody else's decision depends on it.
func (g *Guard) realTime(who strongroom.Actor) time.Time {
	if who.Kind != strongroom.PersonActor || who.Standing.Verified.IsZero() {
		return time.Time{}
	}
	return g.real.Now()
}

func (t *turn) note(key string, value any) {
	n := len(t.decisions)
	if n == 0 || t.over {
		_ = t.wrong("note", "a note was made before any decision") // verdict returns it
		return
	}
	d := &t.decisions[n-1]
	d.notes = append(d.notes, audit.Note{Key: key, Value: value})
}

func (t *turn) receipt() *Receipt {
	n := len(t.decisions)
	if n == 0 {
		_ = t.wrong("receipt", "a receipt was asked for before any decision") // verdict returns it
		return &Receipt{}
	}
	d := &t.decisions[n-1]
	if d.receipt == nil {
		d.receipt = &Receipt{}
	}
	return d.receipt
}

func (t *turn) wrong(code, what string) error {
	err := strongroom.Faultf(strongroom.Internal, code, "%s", what)
	if t.misuse == nil {
		t.misuse = err
	}
	return err
}

// verdict says whether the work of a function that returned err may stand.
func (t *turn) verdict(err error) error {
	switch {
	case err != nil:
		return err
	case t.denied != nil:
		return t.denied
	case t.misuse != nil:
		return t.misuse
	case len(t.decisions) == 0 && !t.quiet:
		return strongroom.Faultf(strongroom.Internal, "undecided", "nothing was decided, so nothing was done")
	}
	return nil
}

// refusedEvents turns the decisions of a function whose work does not stand into
// what the log says of them: denials as they are, the others as failures with
// the code of what went wrong, and one of our own if there were none.
func (t *turn) refusedEvents(err error) []decision {
	code := codeOf(err)
	if len(t.decisions) == 0 {
		a := refused()
		if code == "undecided" {
			a = undecided()
		}
		return []decision{{action: a, resource: instance(), outcome: audit.Failure, code: code}}
	}
	out := make([]decision, len(t.decisions))
	for i, d := range t.decisions {
		if d.outcome != audit.Denied {
			d.outcome, d.code = audit.Failure, code
		}
		out[i] = d
	}
	return out
}

func instance() strongroom.Resource {
	return strongroom.Resource{Type: "Instance", ID: "instance"}
}

// meansNo reports whether an error of a confirmation is a denial of what the
// snapshot allowed, rather than a failure.
func meansNo(err error) bool {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok {
		return false
	}
	switch f.Kind {
	case strongroom.Denied, strongroom.Exhausted, strongroom.Erased, strongroom.Held, strongroom.NotFound, strongroom.Conflict:
		return true
	case strongroom.Internal, strongroom.Invalid, strongroom.Unauthenticated, strongroom.TooLarge, strongroom.Unavailable:
	}
	return false
}
