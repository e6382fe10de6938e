package route

import (
	"bytes"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/seal"
)

// State is how far a version of a route has come. The numbers are stored.
type State int64

// The states of a version.
const (
	Proposed State = iota + 1
	Active
	Superseded
	Removed
	Withdrawn
)

// String returns the state in a word.
func (s State) String() string {
	switch s {
	case Proposed:
		return "proposed"
	case Active:
		return "active"
	case Superseded:
		return "superseded"
	case Removed:
		return "removed"
	case Withdrawn:
		return "withdrawn"
	}
	return "unknown"
}

// Version is a version of a route with its history. Instants are UTC and zero where a
// step was not taken.
type Version struct {
	ID         string // "rte_…"
	Name       string
	Number     int64
	State      State
	Author     string // the id of whoever proposed it
	Created    time.Time
	Decider    string // the id of whoever approved, removed or withdrew it
	Decided    time.Time
	Spec       Spec
	Credential bool // it has one; nobody is shown it
	Damaged    bool // its row was changed in the database: ID and Name alone are set
}

// stored is what is sealed of a version.
type stored struct {
	Spec       Spec   `json:"s"`
	Credential string `json:"c,omitempty"`
}

// safe seals and proves the rows of one instance.
type safe struct {
	env        strongroom.Environment
	seal, mark seal.Key
}

func newSafe(env strongroom.Environment, key seal.Key) safe {
	return safe{env: env, seal: key.Derive("route specifications"), mark: key.Derive("route rows")}
}

func (s safe) ad(r row) []byte {
	return seal.AD("route_version", string(s.env), r.id, r.name, r.number)
}

func (s safe) close(r row, in stored) (row, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return r, err
	}
	r.sealed = s.seal.Seal(nil, s.ad(r), text)
	return s.prove(r), nil
}

// prove binds what a row says of itself.
func (s safe) prove(r row) row {
	p := s.proof(r)
	r.proof = p[:]
	return r
}

// decided proves a row that was decided about, but for one that was forged: that stays
// what it is.
func (s safe) decided(r row, forged error) row {
	if forged != nil {
		return r
	}
	return s.prove(r)
}

func (s safe) proof(r row) [32]byte {
	return s.mark.MAC(seal.AD("route", string(s.env), r.id, r.name, r.number, int64(r.state), r.author, r.created, r.decider, r.decided, r.sealed))
}

// open returns what a row says. One that was edited or moved does not open.
func (s safe) open(r row) (out stored, err error) {
	p := s.proof(r)
	text, err := s.seal.Open(nil, s.ad(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil || !bytes.Equal(p[:], r.proof) || out.Spec.Name != r.name {
		return stored{}, strongroom.Faultf(strongroom.Internal, "route-sealed", "a version of the route does not open").
			Advise("its row was changed, or the keyring is another's")
	}
	return out, nil
}

func (r row) view(in stored) Version {
	return Version{
		ID: r.id, Name: r.name, Number: r.number, State: r.state, Author: r.author, Created: db.Time(r.created),
		Decider: r.decider, Decided: db.TimeOrZero(r.decided), Spec: in.Spec, Credential: in.Credential != "",
	}
}
