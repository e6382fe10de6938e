package people

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Recorder says who may record that a person was trained (DPP 2.1.6). Whatever it
// says, the policies are asked as well.
type Recorder string

// The recorders. While no other owner who could sign in is trained, an owner records
// the own in any case: somebody is the first, and after a new version all are
// untrained at once. The event says "alone".
const (
	BySelf    Recorder = "self"    // also the person
	ByAnother Recorder = "another" // another person, or a service
	ByService Recorder = "service" // a service, such as a learning system
)

// Recorders lists who may record trainings.
func Recorders() []Recorder { return []Recorder{BySelf, ByAnother, ByService} }

// RecordTraining records that a person was trained. A person may record the own
// training, where [Options.Recorder] lets them, as taking place now; who has the right
// records that of others, at the date of the proof, which lies in the past and within
// the time a training lasts. Faults: Denied "training-recorder" for who may not record
// it, Invalid "reference" where the own needs the reference of its completion.
func (p *People) RecordTraining(ctx context.Context, who strongroom.Actor, person string, topic Kind, version string, at time.Time) error {
	return p.RecordCompleted(ctx, who, person, topic, version, "", at)
}

// RecordCompleted is [People.RecordTraining] with a reference to what proves that the
// training was completed, such as the number of a certificate.
func (p *People) RecordCompleted(ctx context.Context, who strongroom.Actor, person string, topic Kind, version, reference string, at time.Time) error {
	if !slices.Contains(Trainings(), topic) {
		err := strongroom.Faultf(strongroom.Invalid, "topic", "the topic must be one of %v", Trainings())
		return p.refuse(ctx, who, trainingRecord, resourceOf(person, who), err)
	}
	r := standingRow{person: person, kind: string(topic), version: version, reference: reference}
	return p.record(ctx, who, trainingRecord, r, at, func(tx *guard.Tx) error { return p.mayRecord(tx, r) })
}

// RecordPledge records that a person acknowledged a text in a version, now. It is the
// person's own act; for others there is [People.RecordSigned].
func (p *People) RecordPledge(ctx context.Context, who strongroom.Actor, person string, pledge Kind, version string) error {
	return p.RecordSigned(ctx, who, person, pledge, version, "", time.Time{})
}

// RecordSigned is [People.RecordPledge] by somebody who holds what the person signed:
// reference names the paper, and it counts from the day of the signature. It stays
// visible that another recorded it. Faults: Invalid "reference" without one, Denied
// "four-eyes" where the person's own service records it.
func (p *People) RecordSigned(ctx context.Context, who strongroom.Actor, person string, pledge Kind, version, reference string, at time.Time) error {
	if !slices.Contains(Pledges(), pledge) {
		err := strongroom.Faultf(strongroom.Invalid, "pledge", "the pledge must be one of %v", Pledges())
		return p.refuse(ctx, who, pledgeRecord, resourceOf(person, who), err)
	}
	r := standingRow{person: person, kind: string(pledge), version: version, reference: reference}
	return p.record(ctx, who, pledgeRecord, r, at, func(tx *guard.Tx) error { return p.mayPledge(tx, r) })
}

// mayPledge says whether the actor may record a pledge, beyond what the policies say.
func (p *People) mayPledge(tx *guard.Tx, r standingRow) error {
	who := tx.Actor()
	if who.ID == r.person {
		return nil
	}
	own, err := p.o.SameHand(&tx.Reader, who.ID, r.person)
	switch {
	case err != nil:
		return err
	case own:
		return strongroom.Faultf(strongroom.Denied, "four-eyes", "a pledge is the person's own act, and not that of their service").
			Advise("give it signed in, or have another person record the signed paper")
	case p.o.Proof && r.reference == "":
		return strongroom.Faultf(strongroom.Invalid, "reference", "another's pledge is recorded with the reference of the signed paper").
			Advise("name the paper by the number it is filed under")
	}
	tx.Note("how", audit.Word("paper"))
	return nil
}

func (p *People) record(ctx context.Context, who strongroom.Actor, a strongroom.Action, r standingRow, at time.Time, may func(tx *guard.Tx) error) error {
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		x, _, err := p.handle(tx, a, r.person)
		if err != nil {
			return err
		}
		if x.State == Ended {
			return over()
		}
		if err := strongroom.CheckName("version", r.version); err != nil {
			return err
		}
		if r.reference != "" {
			if err := strongroom.CheckName("reference", r.reference); err != nil {
				return err
			}
		}
		if err := may(tx); err != nil {
			return err
		}
		when := at
		if when.IsZero() || who.ID == r.person {
			when = tx.Now()
		}
		if when.After(tx.Now()) || !when.After(tx.Now().Add(-p.o.TrainingLife)) {
			return strongroom.Faultf(strongroom.Invalid, "date", "the date lies in the future, or so far back that it counts no more")
		}
		row := r
		row.by, row.given, row.recorded = who.ID, db.MicrosOrZero(when), db.Micros(tx.Now())
		row.proof = p.standingProof(row)
		tx.Note("kind", Kind(row.kind).word())
		if err := putStanding(tx, row); err != nil {
			return err
		}
		return run(p.o.Recorded, tx, row.person)
	})
}

// mayRecord says whether the actor may record a training, beyond what the policies
// say: nobody vouches for themselves through a service of their own either.
func (p *People) mayRecord(tx *guard.Tx, r standingRow) error {
	who := tx.Actor()
	own, err := p.o.SameHand(&tx.Reader, who.ID, r.person)
	if err != nil {
		return err
	}
	service := who.Kind == strongroom.ServiceActor
	switch {
	case p.o.Recorder == BySelf && !own, p.o.Recorder == ByAnother && !own, p.o.Recorder == ByService && !own && service:
		return nil
	case p.o.Recorder == BySelf && !service:
		if p.o.Proof && r.reference == "" {
			return strongroom.Faultf(strongroom.Invalid, "reference", "the own training needs the reference of its completion").
				Advise("give the number of the certificate")
		}
		return nil
	}
	first, err := p.firstTrained(&tx.Reader, r.person, tx.Now())
	if err == nil && first && who.ID == r.person {
		tx.Note("mode", audit.Word("alone"))
		return nil
	}
	if err == nil {
		err = strongroom.Faultf(strongroom.Denied, "training-recorder", "this training is for somebody else to record").
			Advise("have an owner, security, or the learning system record it")
	}
	return err
}

// firstTrained reports whether a person is an owner and no other owner who could sign
// in is trained, who could record it.
func (p *People) firstTrained(r *db.Reader, person string, now time.Time) (bool, error) {
	owners, err := p.o.Owners(r, now)
	if err != nil || !slices.Contains(owners, person) {
		return false, err
	}
	for _, id := range owners {
		if id == person {
			continue
		}
		x, _, err := p.load(r, id)
		if isDamaged(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		s, err := p.Standing(r, id, now)
		if err != nil || s.Trained && x.isActive(now) {
			return false, err
		}
	}
	return true, nil
}
