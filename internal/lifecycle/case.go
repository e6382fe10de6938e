package lifecycle

import (
	"slices"
	"time"

	"strongroom"
)

// Case is why records may be opened for a legal duty or for a shopper's request
// (DPP 3.1.2). Its id is the reference of such a reveal.
type Case struct {
	ID       string // "cas_…"
	Purpose  strongroom.Purpose
	Citation string // the law, order or incident it rests on; sealed at rest
	// Store is the one store it is for. If it is empty, the case is for Stores,
	// which are those that its opener could see, or for every store if All is set.
	Store  string
	Stores []string
	All    bool

	State    CaseState // when it was read
	Opener   string    // the actor's id
	Opened   time.Time // by the data clock, as all times of a case
	Due      time.Time // reaching it, the case opens nothing more
	Extended time.Time // zero if it was not
	Closed   time.Time // zero while it is not
	// ExtendedFor is why it was extended, ClosedFor why it was closed.
	ExtendedFor ExtendReason
	ClosedFor   CloseReason
}

// CaseState says in a word where a case stands.
type CaseState string

// The states of a case. One that is overdue opens nothing and waits to be closed.
const (
	CaseOpen    CaseState = "open"
	CaseOverdue CaseState = "overdue"
	CaseClosed  CaseState = "closed"
)

// state returns where the case stands at an instant.
func (c *Case) state(now time.Time) CaseState {
	switch {
	case !c.Closed.IsZero():
		return CaseClosed
	case !now.Before(c.Due):
		return CaseOverdue
	}
	return CaseOpen
}

// covers reports whether the case is for a store.
func (c *Case) covers(store string) bool {
	if c.Store != "" {
		return c.Store == store
	}
	return c.All || slices.Contains(c.Stores, store)
}

// within reports whether nothing of the case lies beyond what who may see.
func (c *Case) within(who strongroom.Actor) bool {
	switch {
	case who.AllStores:
		return true
	case c.Store != "":
		return slices.Contains(who.Stores, c.Store)
	}
	return !c.All && !slices.ContainsFunc(c.Stores, func(s string) bool { return !slices.Contains(who.Stores, s) })
}

// CloseReason says why a case was closed. The list is closed.
type CloseReason string

// The reasons to close a case.
const (
	CloseAnswered  CloseReason = "answered"  // the duty is done, the shopper has her answer
	CloseRefused   CloseReason = "refused"   // nobody had to comply (GDPR Art. 12(4) and (5))
	CloseWithdrawn CloseReason = "withdrawn" // whoever asked asks no more
	CloseMistaken  CloseReason = "mistaken"  // it should not have been opened
)

// CloseReasons lists the closed set. Their places are stored.
func CloseReasons() []CloseReason {
	return []CloseReason{CloseAnswered, CloseRefused, CloseWithdrawn, CloseMistaken}
}

// ExtendReason says why a shopper's request takes longer than a month: one of the
// two that GDPR Art. 12(3) knows.
type ExtendReason string

// The reasons of GDPR Art. 12(3).
const (
	ExtendComplexity ExtendReason = "complexity" // of the request
	ExtendNumber     ExtendReason = "number"     // of requests
)

// ExtendReasons lists the closed set. Their places are stored.
func ExtendReasons() []ExtendReason { return []ExtendReason{ExtendComplexity, ExtendNumber} }

// casePurposes are the purposes that need a case. Their places are stored.
func casePurposes() []strongroom.Purpose {
	return []strongroom.Purpose{strongroom.LegalDuty, strongroom.SubjectRequest}
}

// Terms of a case, in months.
const (
	answerMonths = 1  // of a shopper's request (GDPR Art. 12(3), first sentence)
	extendMonths = 2  // more, once (Art. 12(3), second sentence)
	dutyMonths   = 12 // at most of a legal duty; ours, so that none stays open for good
)

// addMonths returns the same day n months later, or the last day of that month if
// it is shorter (Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c)). The time of
// day stays, which ends a term a little before the law does.
func addMonths(t time.Time, n int) time.Time {
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1)
}
