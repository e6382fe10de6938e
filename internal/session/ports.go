package session

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
)

// Person is what a session must know of somebody.
type Person struct {
	Active     bool // enrolled, employed today, neither suspended nor ended
	Employment string
	Trained    bool // both trainings are current (DPP 2.1.6)
	Pledged    bool // both pledges are given (DPP 3.2.13, 2.2.7)
	// PasswordDue says that the password is too old or must be changed (DPP 2.4.6):
	// who signed in with it has no right but to the own account.
	PasswordDue bool
}

// People is what a sign-in asks about persons and what they can show. What takes
// a transaction is part of it: used and undone with it. Safe for concurrent use.
type People interface {
	// Lookup finds whose address this is, in any of its spellings; id is empty where
	// it is nobody's. mark is a keyed hash that is the same for every spelling of an
	// address, known or not. The work does not depend on whether it is known.
	Lookup(ctx context.Context, address string) (id string, mark []byte, err error)
	// VerifyPassword reports whether typed is the person's password. For who has
	// none, or is not there, it takes as long.
	VerifyPassword(ctx context.Context, person string, typed []byte) (bool, error)
	// Person returns what is known of somebody at a time of the data clock; the fault
	// is NotFound for nobody.
	Person(r *db.Reader, id string, now time.Time) (Person, error)
	// Offers returns which second factors the person has: none while an enrolment is not
	// complete, and for who is not there.
	Offers(r *db.Reader, person string) ([]Method, error)
	// UseTOTP accepts a code of an authenticator app at a real time, once.
	UseTOTP(tx *guard.Tx, person, code string, at time.Time) (bool, error)
	// UseRecovery accepts a recovery code, once.
	UseRecovery(tx *guard.Tx, person, code string) (bool, error)
	// Passkeys returns the handle of a person and the records of the passkeys.
	Passkeys(r *db.Reader, person string) (handle []byte, records [][]byte, err error)
	// Passkey returns whose a passkey is, with its record; the fault is NotFound
	// where handle and id do not belong together.
	Passkey(r *db.Reader, handle, id []byte) (person string, record []byte, err error)
	// KeepPasskey puts the record of a passkey that was used in place of the old
	// one. The fault is Conflict where it was used or removed meanwhile.
	KeepPasskey(tx *guard.Tx, person string, used factor.Passkey, old []byte) error
}

// Granted is what a person may do now, by the grants that stand.
type Granted struct {
	Roles      []string
	Stores     []string
	AllStores  bool
	Elevations []strongroom.Elevation
}

// Rights returns what a person may do at a time of the data clock. Safe for
// concurrent use.
type Rights func(r *db.Reader, person string, now time.Time) (Granted, error)

// Caller is where a call came from, as the door saw it. Source and Agent are
// personal data.
type Caller struct {
	Source netip.Addr // invalid for a socket
	Agent  string     // the user agent the caller claims
	// Device is the id of a registered device that proved itself with this call,
	// Owner whose it is, and Posture what the register says of it. They may be empty.
	// It counts for its owner alone.
	Device, Owner, Posture string
}

// deviceOf returns the device of the call as far as it counts for a person, and
// its posture.
func (c Caller) deviceOf(person string) (id, posture string) {
	if c.Device == "" || c.Owner != person || c.Posture != managed && c.Posture != unmanaged {
		return "", unknown
	}
	return c.Device, c.Posture
}

// LogValue returns a redaction.
func (c Caller) LogValue() slog.Value { return slog.StringValue("[caller]") }

// Method is a way to show who one is.
type Method string

// The methods. A passkey counts as two factors if it verified the person.
const (
	ByPassword Method = "password"
	ByTOTP     Method = "totp"
	ByRecovery Method = "recovery"
	ByPasskey  Method = "passkey"
	ByProvider Method = "provider" // several factors, shown to an identity provider
)

// The postures of a device, as policies know them.
const (
	managed   = "managed"
	unmanaged = "unmanaged"
	unknown   = "unknown"
)
