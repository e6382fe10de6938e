package guard

import "strongroom"

// The guard's own verbs: what it records when a call ended before any policy was
// asked.
const (
	nameUndecided = "guard.undecided"
	nameRefused   = "guard.refused"
)

// Actions returns the actions that the guard itself records. They are never
// asked of a policy.
func Actions() []strongroom.Action {
	return []strongroom.Action{undecided(), refused()}
}

// undecided is recorded when a call wanted to change or disclose without asking.
func undecided() strongroom.Action {
	return strongroom.Action{Name: nameUndecided, Class: 6003, Activity: 99}
}

// refused is recorded when a call failed before it asked.
func refused() strongroom.Action {
	return strongroom.Action{Name: nameRefused, Class: 6003, Activity: 99}
}

// Reason says why work may pass without a decision and without an event. The
// list is closed; such work touches only rows that no decision reads.
type Reason uint8

// The reasons of [Guard.Quiet].
const (
	LastSeen    Reason = iota + 1 // stamps of last use
	Lease                         // who holds a job or the instance, and until when
	Cursor                        // how far a sync or a follower has come
	Idempotency                   // which answer a repeated request gets
	Attempt                       // sign-ins under way and counts of those that failed, before anybody is known; few at a time
	Outcome                       // what an attempt came to, once it is known, and attempts that are over
	Tally                         // counts that only gauges show
	LookUp                        // what a request leaves out, before it is decided about; reading alone
)

// String returns the reason's name in the source.
func (r Reason) String() string {
	switch r {
	case LastSeen:
		return "LastSeen"
	case Lease:
		return "Lease"
	case Cursor:
		return "Cursor"
	case Idempotency:
		return "Idempotency"
	case Attempt:
		return "Attempt"
	case Outcome:
		return "Outcome"
	case Tally:
		return "Tally"
	case LookUp:
		return "LookUp"
	}
	return "none"
}

// Site is a package that may call [Guard.Quiet] or [Guard.Look], with its reason.
type Site struct {
	Package string
	Reason  Reason
	Why     string
}

// Sites lists every package that may work quietly. A test compares it with the
// call sites in the source.
func Sites() []Site {
	return []Site{
		{"document", Tally, "which documents are over, before their removal is decided"},
		{"message", LookUp, "the keys that a call and its answer are sealed with, before the call is understood"},
		{"message", Tally, "whether a key is due, before its making is decided"},
		{"identity", LastSeen, "the stamp of last use"},
		{"identity", LookUp, "a key is looked up before anybody is known"},
		{"identity", Tally, "counts of services with a flaw, and which of them the sweeper decides about"},
		{"identity", Idempotency, "a repeated request gets the status it got before"},
		{"people", LookUp, "a link, an address or a password is looked up before anybody is known"},
		{"people", Tally, "gauges are counts and dates"},
		{"device", LookUp, "a device is looked up before anybody is known"},
		{"device", Idempotency, "a proof of a device is good once"},
		{"session", LookUp, "a sign-in or a token is looked up before anybody is known"},
		{"session", Tally, "gauges are counts"},
		{"session", LastSeen, "the stamp of last use"},
		{"session", Attempt, "an attempt is counted before it is known whose it is; its outcome is an event"},
		{"session", Outcome, "a count is taken back, a sign-in goes on or is over; what opens a session is decided about"},
		{"access", Tally, "counts of grants without a case, and which rows the sweeper decides about"},
		{"access", LookUp, "network rules are looked up before anybody is known"},
		{"federation", LookUp, "an account at a provider, or a line of a feed, is looked up before it is decided about"},
		{"federation", Attempt, "a sign-on under way is good once, whatever becomes of it; its outcome is an event"},
		{"review", Tally, "deadlines, and what the sweeper decides about, are counts and dates"},
		{"review", Cursor, "how far the log was read for use and approvals; reading it again comes to the same"},
		{"lifecycle", LookUp, "what a job is about, before it is decided about"},
		{"lifecycle", Tally, "gauges, and what the sweeper decides about, are counts and dates"},
		{"erasure", LookUp, "a sender's secret is looked up before anybody is known"},
		{"route", LookUp, "a route, and whose tokens a request carries, are looked up before it is decided about"},
		{"jobs", Lease, "a lease says which process works on a job, not whether it may"},
		{"jobs", Tally, "gauges are counts and dates"},
		{"app", Lease, "the instance row keeps a second server away"},
		{"gateway", LookUp, "which calls people allowed a store's mirror; the call itself is decided about"},
		{"intake", Cursor, "a cursor saves work; ingesting twice changes nothing"},
		{"intake", LastSeen, "the stamp of last use"},
		{"connect", LookUp, "an application is looked up before its callback proves anything"},
		{"connect", Tally, "gauges are counts and ages, and whether stores stand as their grants do"},
		{"keys", Cursor, "how far a roll or a replay has come; doing it twice changes nothing"},
		{"keys", Tally, "gauges are counts and dates"},
		{"webhook", LookUp, "a subscription is looked up before anybody is known, and what a job is about before it is decided about"},
		{"webhook", Cursor, "whether a message has arrived; that it is sent was decided about and recorded"},
		{"webhook", Tally, "gauges, and what the sweeper decides about, are counts and dates"},
		{"vault", Tally, "gauges are counts and dates"},
		{"vault", LookUp, "the platform of a store whose body does not name it; the ingest is decided about"},
	}
}
