package session

import (
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Session is what a person has open, or had. Source and Agent are personal data.
type Session struct {
	ID       string // "ses_…"
	Person   string
	Created  time.Time
	Verified time.Time // when two factors, or a second one again, were last shown
	Used     time.Time // within some seconds
	Ends     time.Time // at the latest
	Ended    time.Time // zero while it lasts
	Cause    Cause     // why it ended
	Source   netip.Addr
	Agent    string
	Device   string   // the registered device it was opened on, if one proved itself
	By       []Method // what was shown to open it

	network, family string
}

// LogValue returns the id: where a session was opened is personal.
func (x Session) LogValue() slog.Value { return slog.StringValue(x.ID) }

// Cause says why a session ended.
type Cause string

// The causes. Network and Device: it was used elsewhere. Failures: somebody failed
// to verify anew in it. Locked: the account was. Left: the person may no longer
// sign in.
const (
	SignedOut Cause = "signed-out"
	Revoked   Cause = "revoked"
	Network   Cause = "network"
	Device    Cause = "device"
	Both      Cause = "network-device"
	Failures  Cause = "failures"
	Locked    Cause = "locked"
	Left      Cause = "left"
	Idle      Cause = "idle"
	Absolute  Cause = "absolute"
)

// Causes lists why a session can have ended.
func Causes() []Cause {
	return []Cause{SignedOut, Revoked, Network, Device, Both, Failures, Locked, Left, Idle, Absolute}
}

// place is what is sealed of a session: where it was opened, and how.
type place struct {
	Source  netip.Addr `json:"s"`
	Network string     `json:"n"`
	Agent   string     `json:"a"`
	Family  string     `json:"f"`
	Device  string     `json:"d,omitempty"`
	By      []Method   `json:"b"`
}

func resource(id, person string, who strongroom.Actor) strongroom.Resource {
	return strongroom.Resource{Type: "Session", ID: id, Attrs: map[string]any{"own": own(person, who)}}
}

// newRow returns the row of a new session at a real time.
func (s *Sessions) newRow(x opening, g Granted, now time.Time) (sessionRow, error) {
	c := x.caller
	p := place{Source: c.Source, Network: network(c.Source), Agent: clip(c.Agent), Family: family(c.Agent), By: x.got.by}
	p.Device, _ = c.deviceOf(x.person)
	text, err := json.Marshal(p)
	if err != nil {
		return sessionRow{}, err
	}
	row := sessionRow{
		id: x.id, person: x.person, digest: s.digest(x.token.Reveal()), rights: s.rightsMark(x.id, g),
		created: db.Micros(now), verified: db.Micros(x.verified), ends: db.Micros(now.Add(s.p.Absolute)), used: db.Micros(now),
	}
	row.sealed = s.seal.Seal(nil, s.bindPlace(row), text)
	row.proof = s.rowProof(row)
	use := s.useProof(x.id, row.used)
	row.useProof = use[:]
	return row, nil
}

func (s *Sessions) bindPlace(r sessionRow) []byte {
	return seal.AD("session_session", string(s.o.Environment), r.id, r.person, r.created)
}

// rowProof binds all of a row that gives it its power.
func (s *Sessions) rowProof(r sessionRow) []byte {
	m := s.mac.MAC([]byte("session row"), seal.AD(r.id, r.person, r.digest, r.rights, r.created, r.verified, r.ends))
	return m[:]
}

func (s *Sessions) useProof(id string, at int64) [32]byte {
	return s.mac.MAC([]byte("session use"), seal.AD(id, at))
}

// digest is what is stored of a token.
func (s *Sessions) digest(token string) []byte {
	m := s.mac.MAC([]byte("token"), []byte(token))
	return m[:]
}

// rightsMark is the keyed hash of what a person may do, bound to a session. The
// order in which rights are given does not matter.
func (s *Sessions) rightsMark(id string, g Granted) []byte {
	g.Roles, g.Stores = slices.Sorted(slices.Values(g.Roles)), slices.Sorted(slices.Values(g.Stores))
	g.Elevations = slices.SortedFunc(slices.Values(g.Elevations), func(a, b strongroom.Elevation) int {
		return compare(a.ID, b.ID)
	})
	parts := seal.AD(id, len(g.Roles), len(g.Stores))
	for _, w := range append(g.Roles, g.Stores...) {
		parts = seal.AppendAD(parts, w)
	}
	if g.AllStores {
		parts = seal.AppendAD(parts, "all")
	}
	for _, e := range g.Elevations {
		parts = seal.AppendAD(parts, e.ID, e.Store, string(e.Purpose), e.Reference, db.Micros(e.Until), len(e.Classes))
		for _, c := range e.Classes {
			parts = seal.AppendAD(parts, c)
		}
	}
	m := s.mac.MAC([]byte("rights"), parts)
	return m[:]
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// rights returns what a person may do now in a session opened by the methods
// given: nothing beyond the own account while a password it was opened with has to
// be changed.
func (s *Sessions) rights(r *db.Reader, person string, p Person, by []Method) (Granted, error) {
	if withheld(p, by) {
		return Granted{}, nil
	}
	return s.o.Rights(r, person, r.Now())
}

func withheld(p Person, by []Method) bool { return p.PasswordDue && slices.Contains(by, ByPassword) }

// openRow opens a row. One that was edited or moved does not open.
func (s *Sessions) openRow(r sessionRow) (Session, error) {
	var p place
	text, err := s.seal.Open(nil, s.bindPlace(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	use := s.useProof(r.id, r.used)
	if err != nil || subtle.ConstantTimeCompare(s.rowProof(r), r.proof) != 1 ||
		subtle.ConstantTimeCompare(use[:], r.useProof) != 1 {
		return Session{}, strongroom.Faultf(strongroom.Internal, "session-sealed", "the session %s does not open", r.id).
			Advise("its row was changed, or the keyring is another's")
	}
	x := Session{
		ID: r.id, Person: r.person, Created: db.Time(r.created), Verified: db.Time(r.verified), Used: db.Time(r.used),
		Ends: db.Time(r.ends), Cause: Cause(r.cause), Source: p.Source, Agent: p.Agent, Device: p.Device, By: p.By,
		network: p.Network, family: p.Family,
	}
	if r.ended > 0 {
		x.Ended = db.Time(r.ended)
	}
	return x, nil
}

// alive returns why a session is over at a real time, or nothing.
func (s *Sessions) alive(x Session, now time.Time) Cause {
	switch {
	case !x.Ended.IsZero():
		return x.Cause
	case !now.Before(x.Ends):
		return Absolute
	case now.Sub(x.Used) >= s.p.Idle:
		return Idle
	}
	return ""
}

// keep stores a new session.
func (s *Sessions) keep(tx *guard.Tx, r sessionRow, now time.Time) error {
	if err := insertSession(tx, r); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.Forget(r.person) })
	return setUsed(tx, r.id, db.Micros(now), r.useProof)
}

// end ends a session in a transaction.
func (s *Sessions) end(tx *guard.Tx, id, person string, cause Cause) error {
	tx.Ends(id)
	tx.AfterCommit(func() { s.Forget(person) })
	_, err := endSession(tx, id, db.Micros(s.o.Real.Now()), string(cause))
	return err
}
