package people

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Kind is what a person has been trained in or has acknowledged.
type Kind string

// The two trainings of DPP 2.1.6 and the two pledges of 3.2.13 and 2.2.7.
const (
	DataProtection  Kind = "data-protection"
	ITSecurity      Kind = "it-security"
	Confidentiality Kind = "confidentiality"
	AcceptableUse   Kind = "acceptable-use"
)

// Trainings lists the topics a person must be trained in.
func Trainings() []Kind { return []Kind{DataProtection, ITSecurity} }

// Pledges lists what a person must acknowledge.
func Pledges() []Kind { return []Kind{Confidentiality, AcceptableUse} }

// Standing is what the gates ask about a person.
type Standing struct {
	Employment string
	Trained    bool      // both trainings are current (DPP 2.1.6)
	Pledged    bool      // both pledges are given in their current version (DPP 3.2.13, 2.2.7)
	Until      time.Time // when the first training lapses; zero unless Trained
	Missing    []Kind    // what is not current
	// PasswordDue says that the password is too old or has to be changed (DPP 2.4.6):
	// whoever signed in with it reaches the own account and nothing else.
	PasswordDue bool
	Given       []Given // the newest of each kind
}

// Given is a training or pledge as it was recorded.
type Given struct {
	Kind    Kind
	Version string
	At      time.Time // when it took place, by the data clock
	By      string    // the account that recorded it
	// Reference names the proof that the training was completed, such as the number of a
	// certificate; it may be empty.
	Reference string
}

// standingProof binds the row: who can write to the database alone makes nobody
// trained.
func (p *People) standingProof(r standingRow) []byte {
	times := binary.BigEndian.AppendUint64(nil, uint64(r.given))
	times = binary.BigEndian.AppendUint64(times, uint64(r.recorded))
	parts := [][]byte{[]byte("standing row"), []byte(r.person), []byte(r.kind), []byte(r.version), []byte(r.by), times}
	if r.reference != "" {
		parts = append(parts, []byte(r.reference))
	}
	d := p.mac.MAC(parts...)
	return d[:]
}

// OwnStanding returns what the gates ask about the actor now, for the actor's own eyes.
func (p *People) OwnStanding(ctx context.Context, who strongroom.Actor) (out Standing, err error) {
	err = p.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(accountRead, resourceOf(who.ID, who), guard.Context{}); err != nil {
			return err
		}
		out, err = p.Standing(&v.Reader, who.ID, v.Now())
		return err
	})
	if err != nil {
		return Standing{}, err
	}
	return out, nil
}

// Standing returns what the gates ask about a person at a time of the data clock.
// A row that was edited counts for nothing.
func (p *People) Standing(r *db.Reader, person string, now time.Time) (Standing, error) {
	x, k, err := p.load(r, person)
	if err != nil {
		return Standing{}, err
	}
	rows, err := standingOf(r, person)
	if err != nil {
		return Standing{}, err
	}
	newest := map[Kind]Given{}
	for _, row := range rows { // oldest first
		if subtle.ConstantTimeCompare(p.standingProof(row), row.proof) == 1 && !db.TimeOrZero(row.given).After(now) {
			newest[Kind(row.kind)] = Given{Kind(row.kind), row.version, db.TimeOrZero(row.given), row.by, row.reference}
		}
	}
	pw := Password{None: true}
	if !k.IsZero() {
		if pw, err = p.passwordOf(r, k, person, now); err != nil {
			return Standing{}, err
		}
	}
	s := Standing{Employment: x.Employment, Trained: true, Pledged: true, PasswordDue: pw.Expired || pw.MustChange}
	for _, k := range slices.Concat(Trainings(), Pledges()) {
		g, ok := newest[k]
		if ok {
			s.Given = append(s.Given, g)
		}
		if want := p.o.Versions[k]; want != "" && g.Version != want {
			ok = false
		}
		training := slices.Contains(Trainings(), k)
		if lapses := g.At.Add(p.o.TrainingLife); ok && training {
			ok = now.Before(lapses)
			if s.Until.IsZero() || lapses.Before(s.Until) {
				s.Until = lapses
			}
		}
		if ok {
			continue
		}
		s.Missing = append(s.Missing, k)
		s.Trained = s.Trained && !training
		s.Pledged = s.Pledged && training
	}
	if !s.Trained {
		s.Until = time.Time{}
	}
	return s, nil
}
