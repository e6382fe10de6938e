package people

import (
	"context"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
)

// Enrolment is what a link was exchanged for. Its token stands for the person in
// the steps that follow and reaches the own account alone.
type Enrolment struct {
	Token   Token
	Person  string
	Name    string // personal: for the person's own eyes
	Email   string // personal
	Expires time.Time
	// Waits says that another person lets the account in once it is enrolled.
	Waits bool
}

// Enrol opens a link, once: it is worth nothing afterwards, whatever comes of the
// enrolment. So a door opens it when the person acts, not when something fetches
// the page. door is where the call came in, as in [strongroom.Actor].
func (p *People) Enrol(ctx context.Context, link, door string) (Enrolment, error) {
	if !isToken(linkToken, p.o.Environment, link) {
		return Enrolment{}, badLink()
	}
	var known tokenRow
	err := p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		var err error
		known, err = loadLink(r, p.tokenDigest(link))
		return err
	})
	if err != nil {
		return Enrolment{}, unlessKnown(err)
	}
	out := Enrolment{Token: newToken(enrolmentToken, p.o.Environment), Person: known.person}
	who := enrolling(known.person, strongroom.NewID(enrolmentPrefix), door)
	err = p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(accountEnrol, account(who.ID, who), guard.Context{}); err != nil {
			return err
		}
		row, err := loadLink(&tx.Reader, p.tokenDigest(link))
		if err != nil {
			return unlessKnown(err)
		}
		x, _, err := p.load(&tx.Reader, row.person)
		if err != nil {
			return err
		}
		if !p.good(row, tx.Now()) || row.person != who.ID || x.State != Invited || !x.Ends.IsZero() && !tx.Now().Before(x.Ends) {
			return badLink()
		}
		if err := startOver(tx, x); err != nil {
			return err
		}
		out.Waits = p.Waits(x)
		out.Name, out.Email, out.Expires = x.Name, x.Email, tx.Now().Add(EnrolmentLife)
		return insertEnrolment(tx, p.tokenRow(out.Token.Reveal(), who.Session, who.ID, out.Expires))
	})
	if err != nil {
		return Enrolment{}, err
	}
	return out, nil
}

// startOver forgets, while an account waits for its enrolment, the links and what an
// enrolment that broke off left behind: its password was never in use and is none of
// the former ones, and a factor that somebody else set up with an earlier link must not
// come into the account.
func startOver(tx *guard.Tx, x Person) error {
	if x.State != Invited {
		return nil
	}
	row, err := currentPassword(&tx.Reader, x.ID)
	if err == nil {
		err = deletePassword(tx, row.id)
	}
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return err
	}
	return dropProofs(tx, x.ID)
}

func unlessKnown(err error) error {
	if strongroom.IsKind(err, strongroom.NotFound) {
		return badLink()
	}
	return err
}

const enrolmentPrefix = "enr"

// enrolling is the actor a person is during an enrolment: without roles, without
// standing.
func enrolling(person, enrolment, door string) strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: person, Session: enrolment, Door: door}
}

// Enrolling returns the actor whose enrolment token is. It may look after the own
// account and do nothing else.
func (p *People) Enrolling(ctx context.Context, token, door string) (strongroom.Actor, error) {
	if !isToken(enrolmentToken, p.o.Environment, token) {
		return strongroom.Actor{}, badLink()
	}
	var row tokenRow
	var now time.Time
	err := p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		var err error
		now = r.Now()
		row, err = loadEnrolment(r, p.tokenDigest(token))
		return err
	})
	if err != nil {
		return strongroom.Actor{}, unlessKnown(err)
	}
	if !p.good(row, now) {
		return strongroom.Actor{}, badLink()
	}
	return enrolling(row.person, row.id, door), nil
}

// proven asks, before the own password or factors are changed, whether the actor
// is in an enrolment that lasts, or has shown two factors a moment ago.
func (p *People) proven(r *db.Reader, who strongroom.Actor, now time.Time) (inEnrolment bool, err error) {
	if strings.HasPrefix(who.Session, enrolmentPrefix+"_") {
		row, err := enrolmentOf(r, who.ID)
		if err != nil {
			return true, unlessKnown(err)
		}
		if row.id != who.Session || !p.good(row, now) {
			return true, badLink()
		}
		return true, nil
	}
	at := who.Standing.Verified
	if age := p.o.Real.Now().Sub(at); at.IsZero() || age > Fresh || age < -time.Minute {
		return false, strongroom.Faultf(strongroom.Denied, "step-up", "two factors must have been shown in the last %d minutes", int(Fresh.Minutes())).
			Advise("show them again")
	}
	return false, nil
}

// Complete ends an enrolment: the account becomes active, or waits for another person
// to let it in ([People.Resume]), and the address counts as verified, since the link
// reached it. It answers with fresh recovery codes where
// there is a password; they are shown once. The fault is Conflict, code
// "second-factor", while what was set up is not two factors (DPP 2.4.7).
func (p *People) Complete(ctx context.Context, who strongroom.Actor) ([]factor.Code, error) {
	var codes []factor.Code
	err := p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		codes = nil
		x, k, err := p.handle(tx, accountEnrol, who.ID)
		if err != nil {
			return err
		}
		in, err := p.proven(&tx.Reader, who, tx.Now())
		if err != nil {
			return err
		}
		if !in || x.State != Invited {
			return strongroom.Faultf(strongroom.Conflict, "person-state", "no enrolment is under way")
		}
		hasPassword, rows, err := p.proofs(&tx.Reader, who.ID)
		if err != nil {
			return err
		}
		if !enough(hasPassword, rows) {
			return strongroom.Faultf(strongroom.Conflict, "second-factor", "an account needs two factors").
				Advise("add a passkey that asks for a PIN or a finger, or a password with an authenticator app")
		}
		if hasPassword {
			if codes, err = p.newRecovery(tx, k, who.ID); err != nil {
				return err
			}
		}
		if err := deleteEnrolments(tx, who.ID); err != nil {
			return err
		}
		x.State, x.EmailVerified = Active, tx.Now()
		if p.Waits(x) {
			x.State, x.Reason = Suspended, Unconfirmed
			tx.Note("reason", x.Reason.word())
		}
		return p.save(tx, k, x)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
