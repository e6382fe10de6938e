package lifecycle

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// CasesOptions configure a [Cases]. Guard, Environment and Key are required.
type CasesOptions struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key seal.Key
	// Store returns nil if a store is there and connected, else a fault; it is
	// asked inside the transaction that opens a case for one store. nil takes any.
	Store func(r *db.Reader, id string) error
}

// Cases keeps the cases of an instance. It is safe for concurrent use.
type Cases struct {
	o    CasesOptions
	seal seal.Key
}

// NewCases returns a Cases. A missing required option is a mistake of the program
// and panics.
func NewCases(o CasesOptions) *Cases {
	if o.Guard == nil || o.Key.IsZero() {
		panic("lifecycle: CasesOptions needs Guard and Key")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("lifecycle: CasesOptions needs an Environment")
	}
	if o.Store == nil {
		o.Store = func(*db.Reader, string) error { return nil }
	}
	return &Cases{o: o, seal: o.Key.Derive("case seal", []byte(o.Environment))}
}

// CaseSpec says which case to open.
type CaseSpec struct {
	Purpose  strongroom.Purpose // legal duty or subject request
	Citation string             // see [Case]; 3 to 120 characters
	Store    string             // "" is every store that the opener may see
	// Due is when it must be done. A legal duty needs one, at most a year away. A
	// shopper's request has a month (GDPR Art. 12(3)); a request that came in
	// before today has an earlier date.
	Due time.Time
}

// caseBody is what is sealed of a case.
type caseBody struct {
	Citation string   `json:"c"`
	Stores   []string `json:"s,omitempty"`
	All      bool     `json:"a,omitempty"`
}

// Open opens a case. Faults: Invalid (purpose, citation, due date), Denied,
// NotFound (store).
func (cs *Cases) Open(ctx context.Context, who strongroom.Actor, spec CaseSpec) (c Case, err error) {
	if err := checkSpec(spec); err != nil {
		return Case{}, cs.refuse(ctx, who, actionCaseOpen, spec.Purpose, err)
	}
	err = cs.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		c, err = cs.openTx(tx, spec)
		return err
	})
	if err != nil {
		return Case{}, err
	}
	return c, nil
}

// openTx asks whether the actor of a transaction may open a case and opens it.
func (cs *Cases) openTx(tx *guard.Tx, spec CaseSpec) (Case, error) {
	who := tx.Actor()
	c := Case{ID: strongroom.NewID(casePrefix), Purpose: spec.Purpose, Citation: spec.Citation, Store: spec.Store, Opener: who.ID}
	if spec.Store == "" {
		if c.All = who.AllStores; !c.All {
			c.Stores = slices.Sorted(slices.Values(who.Stores))
		}
	}
	if err := checkSpec(spec); err != nil {
		return Case{}, err
	}
	if err := tx.Allow(actionCaseOpen, caseResource(&c), guard.Context{Purpose: c.Purpose}); err != nil {
		return Case{}, err
	}
	if c.Store != "" {
		if err := cs.o.Store(&tx.Reader, c.Store); err != nil {
			return Case{}, err
		}
	} else if !c.All && len(c.Stores) == 0 {
		return Case{}, errBeyond()
	}
	var err error
	c.Opened = db.Time(db.Micros(tx.Now()))
	if c.Due, err = dueOf(spec, c.Opened); err != nil {
		return Case{}, err
	}
	c.State = CaseOpen
	tx.Note("due_us", db.Micros(c.Due))
	row, err := cs.row(&c)
	if err != nil {
		return Case{}, err
	}
	return c, insertCase(tx, row)
}

// checkSpec refuses a spec that no policy could make good.
func checkSpec(s CaseSpec) error {
	if !slices.Contains(casePurposes(), s.Purpose) {
		return strongroom.Faultf(strongroom.Invalid, "purpose", "a case is for one of %v", casePurposes())
	}
	if s.Store != "" && !strongroom.IsID("str", s.Store) {
		return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
	}
	return checkCitation(s.Citation)
}

// dueOf returns the due date of a case opened now.
func dueOf(s CaseSpec, now time.Time) (time.Time, error) {
	latest, term := addMonths(now, dutyMonths), "a year"
	if s.Purpose == strongroom.SubjectRequest {
		latest, term = addMonths(now, answerMonths), "a month"
	}
	due := db.Time(db.Micros(s.Due))
	if s.Due.IsZero() {
		if s.Purpose == strongroom.LegalDuty {
			return due, strongroom.Faultf(strongroom.Invalid, "due", "a case of a legal duty needs a due date")
		}
		return latest, nil
	}
	if !due.After(now) || due.After(latest) {
		return due, strongroom.Faultf(strongroom.Invalid, "due", "the due date lies after now and at most %s away", term)
	}
	return due, nil
}

// Close closes a case for good: from the commit on it opens nothing. Closing it
// again for the same reason changes nothing. Faults: Invalid (reason), Denied,
// NotFound, Conflict (closed for another reason).
func (cs *Cases) Close(ctx context.Context, who strongroom.Actor, id string, reason CloseReason) (Case, error) {
	n := db.Place(CloseReasons(), reason)
	if n == 0 {
		err := strongroom.Faultf(strongroom.Invalid, "reason", "a case is closed as one of %v", CloseReasons())
		return Case{}, cs.refuse(ctx, who, actionCaseClose, "", err)
	}
	return cs.change(ctx, who, actionCaseClose, id, func(tx *guard.Tx, c *Case) (bool, error) {
		tx.Note("reason", closeWord(reason))
		if c.State == CaseClosed {
			if c.ClosedFor != reason {
				return false, strongroom.Faultf(strongroom.Conflict, "case-closed", "the case was closed for another reason")
			}
			tx.Note("again", true)
			return false, nil
		}
		c.Closed, c.ClosedFor = db.Time(db.Micros(tx.Now())), reason
		return true, nil
	})
}

// Extend gives a shopper's request two months more, once, while it is not overdue
// (GDPR Art. 12(3)): she hears of it within the first month. Faults: Invalid
// (reason), Denied, NotFound, Conflict (a legal duty, closed, overdue, extended
// before).
func (cs *Cases) Extend(ctx context.Context, who strongroom.Actor, id string, reason ExtendReason) (Case, error) {
	if db.Place(ExtendReasons(), reason) == 0 {
		err := strongroom.Faultf(strongroom.Invalid, "reason", "a case is extended for one of %v", ExtendReasons())
		return Case{}, cs.refuse(ctx, who, actionCaseExtend, "", err)
	}
	return cs.change(ctx, who, actionCaseExtend, id, func(tx *guard.Tx, c *Case) (bool, error) {
		tx.Note("reason", extendWord(reason))
		switch {
		case c.Purpose != strongroom.SubjectRequest:
			return false, strongroom.Faultf(strongroom.Conflict, "case-purpose", "only a shopper's request is extended").
				Advise("open a case with another due date")
		case c.State == CaseClosed:
			return false, strongroom.Faultf(strongroom.Conflict, "case-closed", "the case is closed")
		case c.State == CaseOverdue:
			return false, strongroom.Faultf(strongroom.Conflict, "case-overdue", "the case is overdue, and is extended before its due date only")
		case !c.Extended.IsZero():
			return false, strongroom.Faultf(strongroom.Conflict, "case-extended", "the case was extended before, and that is done once")
		}
		c.Extended, c.ExtendedFor, c.Due = db.Time(db.Micros(tx.Now())), reason, addMonths(c.Due, extendMonths)
		tx.Note("due_us", db.Micros(c.Due))
		return true, nil
	})
}

// change loads a case, asks whether who may do a to it, and stores what fn makes
// of it if fn says that it did. A case that does not exist is asked about all the
// same, so that the answer is recorded and tells a stranger nothing.
func (cs *Cases) change(ctx context.Context, who strongroom.Actor, a strongroom.Action, id string, fn func(tx *guard.Tx, c *Case) (bool, error)) (Case, error) {
	if !strongroom.IsID(casePrefix, id) {
		return Case{}, cs.refuse(ctx, who, a, "", noCase())
	}
	var c Case
	err := cs.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		var found error
		if c, found = cs.load(&tx.Reader, id, tx.Now()); found != nil && !strongroom.IsKind(found, strongroom.NotFound) {
			return found
		}
		c.ID = id
		if err := tx.Allow(a, caseResource(&c), guard.Context{Purpose: c.Purpose}); err != nil {
			return err
		}
		if found != nil {
			return found
		}
		if !c.within(who) {
			return errBeyond()
		}
		changed, err := fn(tx, &c)
		if err != nil || !changed {
			return err
		}
		c.State = c.state(tx.Now())
		row, err := cs.row(&c)
		if err != nil {
			return err
		}
		return updateCase(tx, row)
	})
	if err != nil {
		return Case{}, err
	}
	return c, nil
}

const casePrefix = "cas"

func caseResource(c *Case) strongroom.Resource {
	return strongroom.Resource{Type: "Case", ID: c.ID, Store: c.Store}
}

func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func noCase() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "case", "there is no such case")
}

func badCursor() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor is not one of ours").Advise("start again without a cursor")
}

func errBeyond() error {
	return denied("stores", "a case cannot reach further than who handles it")
}

// refuse records that something was refused before it began. It returns err, or
// the denial of a caller who may not ask for it at all.
func (cs *Cases) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, p strongroom.Purpose, err error) error {
	if !slices.Contains(casePurposes(), p) {
		p = ""
	}
	return cs.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, instance(), guard.Context{Purpose: p}); denied != nil {
			return denied
		}
		return err
	})
}

// closeWord and extendWord are the reasons as the log takes them.
func closeWord(r CloseReason) audit.Term {
	switch r {
	case CloseAnswered:
		return audit.Word("answered")
	case CloseRefused:
		return audit.Word("refused")
	case CloseWithdrawn:
		return audit.Word("withdrawn")
	}
	return audit.Word("mistaken")
}

func extendWord(r ExtendReason) audit.Term {
	if r == ExtendComplexity {
		return audit.Word("complexity")
	}
	return audit.Word("number")
}
