// Package strongroom holds the words every part of the product needs: who acts
// ([Actor]), what is done ([Action]) to what ([Resource]), what can go wrong
// ([Fault]), how things are named ([NewID], [CheckName]) and what time it is
// ([Clock]). It has no state and imports the standard library only.
//
// Strongroom keeps personal data sealed from the first byte, opens it only for
// a person with a purpose, lets it die on the day the policy says, watches
// itself, and proves all of it to an outsider. The thing that enforces a rule
// writes the evidence: nothing below the doors changes or discloses anything
// without passing package guard, which decides, records and commits in one
// step.
package strongroom

import (
	"fmt"
	"net/netip"
	"time"
)

// Environment is bound into every seal, key and token, so that a test instance
// cannot open production data (DPP 3.5.3).
type Environment string

// The two environments. There is no third.
const (
	Production Environment = "production"
	Test       Environment = "test"
)

// ParseEnvironment returns the environment named s.
func ParseEnvironment(s string) (Environment, error) {
	switch e := Environment(s); e {
	case Production, Test:
		return e, nil
	}
	return "", Faultf(Invalid, "environment", "environment must be %q or %q", Production, Test)
}

// Prefix returns what the secrets of a kind begin with in e: the kind, then _live_
// in production and _test_ elsewhere, so that no one takes one for another.
func (e Environment) Prefix(kind string) string {
	if e == Production {
		return kind + "_live_"
	}
	return kind + "_test_"
}

// Purpose is why personal data is opened. The list is closed (DPP 3.1.2).
type Purpose string

// The purposes of DPP 3.1.2. LegalDuty and SubjectRequest need an open case
// with its citation as reference.
const (
	Fulfilment     Purpose = "fulfilment"
	Tax            Purpose = "tax"
	Invoice        Purpose = "invoice"
	LegalDuty      Purpose = "legal_duty"
	SubjectRequest Purpose = "subject_request"
)

// Purposes lists the closed set in the order the documentation uses.
func Purposes() []Purpose {
	return []Purpose{Fulfilment, Tax, Invoice, LegalDuty, SubjectRequest}
}

// ParsePurpose returns the purpose named s. The text s is never repeated in the
// error: a caller may have put anything there.
func ParsePurpose(s string) (Purpose, error) {
	for _, p := range Purposes() {
		if string(p) == s {
			return p, nil
		}
	}
	return "", Faultf(Invalid, "purpose", "purpose must be one of %v", Purposes())
}

// ActorKind says what sort of actor acts.
type ActorKind string

// Kinds of actors. A system actor is the product itself (sweeper, roll).
const (
	PersonActor  ActorKind = "person"
	ServiceActor ActorKind = "service"
	SystemActor  ActorKind = "system"
)

// Actor is who acts, in OCSF's word. An Actor is a value: copying it is safe and
// changing a copy changes nothing else.
type Actor struct {
	Kind ActorKind
	// ID names the account, never the person: "svc_…", "usr_…" or "sys:sweeper".
	ID string
	// Roles are Cedar groups: owner, operator, privacy, security, auditor,
	// application, system.
	Roles []string
	// Stores limits the actor to these store ids. AllStores lifts the limit.
	Stores    []string
	AllStores bool
	// Session names the session or API key by id.
	Session string
	// Door is where the call came in: http, socket, command, job.
	Door string
	// Seen is when the actor was recognised, in turns of the guard, which refuses
	// what has ended since; 0 where nothing is remembered of who calls.
	Seen uint64
	// Standing is what else a policy may know of a person.
	Standing Standing
	// Elevations are rights for a while, each for one store and one purpose.
	Elevations []Elevation
}

// Standing is what is known of a person beside the roles. The zero Standing is
// that of somebody of whom nothing has been shown.
type Standing struct {
	// Employment is employee, contractor, agency or intern; empty for services.
	Employment string
	// Trained says that both trainings, data protection and IT security, are
	// current (DPP 2.1).
	Trained bool
	// Pledged says that the confidentiality clause and the acceptable use of
	// devices are acknowledged (DPP 2.2, 3.2).
	Pledged bool
	// Device is managed, unmanaged or unknown; empty where no device calls.
	Device string
	// Verified is when two factors were last shown, in real time; zero: never.
	Verified time.Time
	// PasswordDue says that a password has to be changed first: the roles and stores are
	// withheld until then (DPP 2.4.6).
	PasswordDue bool
	// Source is where the call came from. It is personal data and never recorded.
	Source netip.Addr
}

// Elevation is a right that was asked for, approved by another person, and ends
// by itself (DPP 2.3.2).
type Elevation struct {
	ID      string // the grant's id
	Store   string
	Purpose Purpose
	// Reference is the order or case it was given for, in clear and in memory
	// only.
	Reference string
	Classes   []string // classes of fields; none means all
	Until     time.Time
}

// System returns the actor for the product's own background work.
func System(part string) Actor {
	return Actor{Kind: SystemActor, ID: "sys:" + part, Roles: []string{"system"}, AllStores: true, Door: "job"}
}

// String names the actor by kind and id; it holds no personal value.
func (a Actor) String() string { return fmt.Sprintf("%s %s", a.Kind, a.ID) }

// Action is a verb of the product with its place in OCSF 1.9.0 (class and
// activity ids). Each package declares its actions in actions.go, one table.
type Action struct {
	Name     string // "vault.reveal"
	Class    int    // OCSF class_uid, e.g. 6005 Datastore Activity
	Activity int    // OCSF activity_id within the class
}

// Resource is what an action is done to.
type Resource struct {
	Type  string // Cedar entity type: Store, Record, Log, Key, Instance, Job
	ID    string
	Store string // the store it belongs to, if any
	// Attrs are attributes a policy may read: strings, int64, bool, []string.
	Attrs map[string]any
}
