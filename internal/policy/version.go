package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/seal"
)

// State is how far a version has come. The numbers are stored.
type State int64

// The states of a version.
const (
	Proposed State = iota + 1
	Approved
	Active
	Superseded
	Withdrawn
)

// String returns the state in a word.
func (s State) String() string {
	switch s {
	case Proposed:
		return "proposed"
	case Approved:
		return "approved"
	case Active:
		return "active"
	case Superseded:
		return "superseded"
	case Withdrawn:
		return "withdrawn"
	}
	return "unknown"
}

// Version is one set of policies with its history. Instants are UTC and zero
// where a step was not taken.
type Version struct {
	ID       string // "pol_…"; empty for version 0
	Number   int64
	State    State
	Digest   string // SHA-256 of the files, in hexadecimal
	Author   string // the id of whoever proposed it
	Created  time.Time
	Decider  string // the id of whoever approved, activated or withdrew it last
	Decided  time.Time
	Active   time.Time // when it was put in force last
	Restores int64     // the number of the version it brings back; 0: none
	Files    []authz.File
}

// Limits of a version.
const (
	MaxFiles = 32
	MaxBytes = 1 << 20
	// MaxOpen is how many versions may wait for a decision.
	MaxOpen = 50
)

// checkFiles refuses what could not be stored. The engine's own check comes
// after it.
func checkFiles(files []authz.File) error {
	if len(files) > MaxFiles {
		return strongroom.Faultf(strongroom.TooLarge, "policy-size", "a version has at most %d files", MaxFiles)
	}
	size := 0
	seen := map[string]bool{}
	for i, f := range files {
		if err := strongroom.CheckName("file", f.Name); err != nil {
			return err
		}
		if seen[f.Name] {
			return strongroom.Faultf(strongroom.Invalid, "policy-file", "file %d has the name of another", i+1)
		}
		seen[f.Name] = true
		if size += len(f.Text); size > MaxBytes {
			return strongroom.Faultf(strongroom.TooLarge, "policy-size", "a version has at most %d bytes", MaxBytes)
		}
		if !utf8.Valid(f.Text) || bytes.IndexByte(f.Text, 0) >= 0 {
			return strongroom.Faultf(strongroom.Invalid, "policy-text", "file %d is not UTF-8 text without NUL", i+1)
		}
		if line, found := personal(f.Name, f.Text); found {
			return strongroom.Faultf(strongroom.Invalid, "policy-personal", "file %d, line %d: something looks like personal data", i+1, line).
				Advise("policies name ids, roles and stores, never people")
		}
	}
	return nil
}

// personal looks for personal data in a file and its name. Networks stand in
// policies by right, as ip("192.0.2.0/24") and nowhere else.
func personal(name string, text []byte) (line int, found bool) {
	if _, bad := classify.Has([]byte(name)); bad {
		return 0, true
	}
	for _, m := range classify.Scan(text) {
		if m.Type == classify.TypeIP && bytes.HasSuffix(text[:m.Start], []byte(`ip("`)) {
			continue
		}
		return 1 + bytes.Count(text[:m.Start], []byte("\n")), true
	}
	return 0, false
}

// stored is the form of the files under the seal.
type stored struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func encodeFiles(files []authz.File) ([]byte, error) {
	out := make([]stored, len(files))
	for i, f := range files {
		out[i] = stored{f.Name, string(f.Text)}
	}
	return json.Marshal(out)
}

func decodeFiles(text []byte) ([]authz.File, error) {
	var in []stored
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	out := make([]authz.File, len(in))
	for i, f := range in {
		out[i] = authz.File{Name: f.Name, Text: []byte(f.Text)}
	}
	return out, nil
}

// safe seals and proves the rows of one instance.
type safe struct {
	env  strongroom.Environment
	seal seal.Key
	mark seal.Key
}

func newSafe(env strongroom.Environment, key seal.Key) safe {
	return safe{env: env, seal: key.Derive("policy files"), mark: key.Derive("policy rows")}
}

func (s safe) ad(r row) []byte {
	return seal.AD("policy_version", string(s.env), r.id, r.number)
}

// close seals the files into a new row.
func (s safe) close(r row, files []authz.File) (row, error) {
	text, err := encodeFiles(files)
	if err != nil {
		return r, err
	}
	sum := sha256.Sum256(text)
	r.digest = sum[:]
	r.sealed = s.seal.Seal(nil, s.ad(r), text)
	return s.prove(r), nil
}

// prove binds what a row says of itself.
func (s safe) prove(r row) row {
	p := s.proof(r)
	r.proof = p[:]
	return r
}

func (s safe) proof(r row) [32]byte {
	return s.mark.MAC(seal.AD("version", string(s.env), r.id, r.number, int64(r.state), r.author, r.created,
		r.decider, r.decided, r.active, r.base, r.restores, r.digest))
}

func (s safe) currentProof(c current) []byte {
	p := s.mark.MAC(seal.AD("current", string(s.env), c.turn, c.number, c.at))
	return p[:]
}

// open returns the version of a row. One that was edited or moved does not open.
func (s safe) open(r row) (Version, error) {
	p := s.proof(r)
	if !bytes.Equal(p[:], r.proof) {
		return Version{}, errSealed(r)
	}
	text, err := s.seal.Open(nil, s.ad(r), r.sealed)
	if err != nil {
		return Version{}, errSealed(r)
	}
	files, err := decodeFiles(text)
	if sum := sha256.Sum256(text); err != nil || !bytes.Equal(sum[:], r.digest) {
		return Version{}, errSealed(r)
	}
	return Version{
		ID: r.id, Number: r.number, State: r.state, Digest: hex.EncodeToString(r.digest), Author: r.author,
		Created: db.Time(r.created), Decider: r.decider, Decided: db.TimeOrZero(r.decided), Active: db.TimeOrZero(r.active),
		Restores: r.restores, Files: files,
	}, nil
}

func errSealed(r row) error {
	return strongroom.Faultf(strongroom.Internal, "policy-sealed", "version %d of the policies does not open", r.number).
		Advise("its row was changed, or the keyring is another's")
}

// digestOf is the digest of files as a version would hold them.
func digestOf(files []authz.File) string {
	text, err := encodeFiles(files)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// String names the version in a few words.
func (v Version) String() string {
	return strings.TrimSpace(fmt.Sprintf("version %d %s", v.Number, v.State))
}
