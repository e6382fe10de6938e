package people

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Reason is why an account is suspended; the list is closed, so that no remark
// about a person gets anywhere.
type Reason string

// The reasons to suspend.
const (
	Absence  Reason = "absence"  // leave or long illness
	Incident Reason = "incident" // something happened that is being looked into
	Anomaly  Reason = "anomaly"  // sign-ins or use that do not fit
	Dormant  Reason = "dormant"  // not used for long
	Lapse    Reason = "lapse"    // a training, pledge or review ran out
	Request  Reason = "request"  // the person or the manager asked
	// Unconfirmed is of an account that was enrolled by a link which somebody else
	// saw; nobody suspends for it by hand.
	Unconfirmed Reason = "unconfirmed"
	// Directory is of an owner whom a directory has switched off; a person ends the
	// account. Nobody suspends for it by hand.
	Directory Reason = "directory"
)

// Reasons lists the reasons to suspend by hand.
func Reasons() []Reason { return []Reason{Absence, Incident, Anomaly, Dormant, Lapse, Request} }

// CauseKind says what ended an account.
type CauseKind string

// What ends an account.
const (
	ByHand CauseKind = "hand"
	ByDate CauseKind = "date"
	ByFeed CauseKind = "feed"
	BySCIM CauseKind = "scim"
)

// Cause is what ended an account, and when it came about: the last day of work,
// the moment the feed gives. The time to the revocation is measured from there
// (DPP 2.2.12). A zero At is now.
type Cause struct {
	Kind CauseKind
	At   time.Time
}

// AddTx makes an account, invited, for a request that was approved in the same
// transaction; by is the request's id. It asks for no decision of its own: it
// serves the one that has been made. Faults: Invalid for what no approval makes
// good, Conflict (code "person-known") where the address has a living account.
func (p *People) AddTx(tx *guard.Tx, spec Spec, by string) (Person, error) {
	if err := p.check(spec); err != nil {
		return Person{}, err
	}
	if err := spec.CheckDates(tx.Now()); err != nil {
		return Person{}, err
	}
	if !isCase(by) {
		return Person{}, strongroom.Faultf(strongroom.Invalid, "case", "an account comes by a request")
	}
	if spec.Manager != "" {
		if _, err := loadPerson(&tx.Reader, spec.Manager); err != nil {
			return Person{}, unlessFound(err, "manager", "there is no such manager")
		}
	}
	digest, err := p.freeMail(&tx.Reader, spec.Email, "")
	if err != nil {
		return Person{}, err
	}
	x := Person{
		ID: strongroom.NewID("usr"), Name: spec.Name, Email: spec.Email, Employment: spec.Employment, Manager: spec.Manager,
		Starts: spec.Starts, Ends: spec.Ends, State: Invited, Created: tx.Now(), Source: spec.Source, Case: by, Vouched: spec.Vouched,
	}
	k := seal.NewKey()
	row, err := p.sealPerson(k, x)
	if err != nil {
		return Person{}, err
	}
	return x, insertPerson(tx, row, p.wrap.Wrap(p.ad("people_key", x.ID), k), digest)
}

// unlessFound makes a fault Invalid of one that says something is not there.
func unlessFound(err error, code, what string) error {
	if strongroom.IsKind(err, strongroom.NotFound) {
		return strongroom.Faultf(strongroom.Invalid, code, "%s", what)
	}
	return err
}

// Found makes the first owner with the link to enrol. It is the only account that
// comes without a request, and it is refused (Conflict, code "founded") once there
// is any account, whatever became of it.
func (p *People) Found(ctx context.Context, who strongroom.Actor, spec Spec) (Person, Link, error) {
	var x Person
	link := newToken(linkToken, p.o.Environment)
	var until time.Time
	err := p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(personFound, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		any, err := anyPerson(&tx.Reader)
		if err != nil {
			return err
		}
		if any {
			return strongroom.Faultf(strongroom.Conflict, "founded", "there are accounts already").
				Advise("an owner adds people by requests")
		}
		spec.Source = founding
		if !spec.Ends.IsZero() || spec.Manager != "" {
			return strongroom.Faultf(strongroom.Invalid, "dates", "the first owner has no end date and no manager")
		}
		if x, err = p.AddTx(tx, spec, founding); err != nil {
			return err
		}
		tx.Note("account", x.ID)
		if err := run(p.o.Founded, tx, x.ID); err != nil {
			return err
		}
		until, err = p.link(tx, x.ID, link)
		return err
	})
	if err != nil {
		return Person{}, Link{}, err
	}
	return x, Link{Token: link, Person: x.ID, Expires: until}, nil
}

// Suspend keeps a person from signing in and ends the sessions in the same
// commit. Suspending again replaces the reason.
func (p *People) Suspend(ctx context.Context, who strongroom.Actor, id string, why Reason) error {
	_, err := p.change(ctx, who, personSuspend, id, func(tx *guard.Tx, _ seal.Key, x *Person) error {
		if err := byHand(why); err != nil {
			return err
		}
		return p.suspend(tx, x, why)
	})
	return err
}

// SuspendTx is [People.Suspend] inside a transaction of another package, which has
// been allowed to do it.
func (p *People) SuspendTx(tx *guard.Tx, id string, why Reason) error {
	x, k, err := p.load(&tx.Reader, id)
	if err == nil {
		err = byHand(why)
	}
	if err != nil {
		return err
	}
	if err := p.suspend(tx, &x, why); err != nil {
		return err
	}
	return p.save(tx, k, x)
}

// byHand refuses a reason that is not for people to give.
func byHand(why Reason) error {
	if slices.Contains(Reasons(), why) {
		return nil
	}
	return strongroom.Faultf(strongroom.Invalid, "reason", "the reason must be one of %v", Reasons())
}

func (p *People) suspend(tx *guard.Tx, x *Person, why Reason) error {
	if x.State == Ended {
		return over()
	}
	if err := p.keepOwner(tx, x.ID); err != nil {
		return err
	}
	x.State, x.Reason = Suspended, why
	tx.Ends(x.ID)
	tx.Note("reason", why.word())
	if err := deleteLinks(tx, x.ID); err != nil {
		return err
	}
	if err := deleteEnrolments(tx, x.ID); err != nil {
		return err
	}
	return run(p.o.Suspended, tx, x.ID)
}

// Resume lets a suspended person back in: another person's decision. Somebody who
// had not enrolled is invited again. In production it also lets in who enrolled by a
// link: not whoever made the link, who could have used it, but another person, having
// asked the person whether it was them. While no other owner could sign in, the OS
// user on the spot is that other.
func (p *People) Resume(ctx context.Context, who strongroom.Actor, id string) error {
	_, err := p.change(ctx, who, personResume, id, func(tx *guard.Tx, _ seal.Key, x *Person) error {
		if x.State != Suspended {
			return strongroom.Faultf(strongroom.Conflict, "person-state", "the account is not suspended")
		}
		ready, err := p.enrolled(&tx.Reader, x.ID)
		if err != nil {
			return err
		}
		if x.State, x.Reason = Invited, ""; !ready {
			return nil
		}
		x.State = Active
		if p.Waits(*x) {
			tx.Note("how", audit.Word("confirmed"))
		}
		x.Led = ""
		return nil
	})
	return err
}

// End ends an account for good: nobody signs in with it again, and what it could
// reach dies in the same commit ([Options.Ended]). Ending it again changes nothing.
func (p *People) End(ctx context.Context, who strongroom.Actor, id string, why Cause) error {
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error { return p.EndTx(tx, id, why) })
}

// EndTx is [People.End] inside a transaction of another package. It asks for
// person.end by itself. In production a key ends no owner: who holds it could leave one
// owner alone. It takes the owner out at once, with all sessions and services; a person
// ends the account or lets it back in. No key takes out who owns it (Conflict, code
// "own-key").
func (p *People) EndTx(tx *guard.Tx, id string, why Cause) error {
	x, k, err := p.handle(tx, personEnd, id)
	if isDamaged(err) {
		x, k, err = p.replace(tx, id)
	}
	if err != nil || x.State == Ended {
		return err
	}
	if err := p.notOwnKey(&tx.Reader, tx.Actor(), id); err != nil {
		return err
	}
	if bar, err := p.bars(&tx.Reader, tx.Actor(), id); err != nil || bar {
		if err == nil {
			err = p.bar(tx, k, x)
		}
		return err
	}
	if !slices.Contains([]CauseKind{ByHand, ByDate, ByFeed, BySCIM}, why.Kind) {
		return strongroom.Faultf(strongroom.Invalid, "cause", "an account ends by hand, date, feed or scim")
	}
	if why.At.IsZero() {
		why.At = tx.Now()
	}
	if why.At.After(tx.Now()) {
		return strongroom.Faultf(strongroom.Invalid, "cause", "what ends the account lies in the future").
			Advise("set the end of the employment instead")
	}
	if err := p.keepOwner(tx, id); err != nil {
		return err
	}
	if err := dropProofs(tx, id); err != nil {
		return err
	}
	if err := deletePasswords(tx, id); err != nil {
		return err
	}
	if err := deleteMail(tx, id); err != nil {
		return err
	}
	x.State, x.Reason, x.Cause, x.Ended, x.Revoked = Ended, "", why.Kind, why.At, tx.Now()
	tx.Ends(id)
	if err := p.save(tx, k, x); err != nil {
		return err
	}
	tx.Note("how", why.Kind.word())
	tx.Note("took_us", x.Revoked.Sub(x.Ended).Microseconds())
	return run(p.o.Ended, tx, id)
}

// replace gives a damaged account a key and a row of its own again, with nothing
// in it, so that it can be ended with all it could reach.
func (p *People) replace(tx *guard.Tx, id string) (Person, seal.Key, error) {
	k := seal.NewKey()
	if err := deleteKey(tx, id); err != nil {
		return Person{}, k, err
	}
	return Person{ID: id, State: Suspended}, k, insertKey(tx, id, p.wrap.Wrap(p.ad("people_key", id), k))
}

// keepOwner refuses to take away the last owner who can sign in.
func (p *People) keepOwner(tx *guard.Tx, id string) error {
	return p.leavesOwner(&tx.Reader, id, nil)
}

// leavesOwner is keepOwner that does not count those who are gone; nil is nobody.
func (p *People) leavesOwner(r *db.Reader, id string, gone func(id string) bool) error {
	owners, err := p.o.Owners(r, r.Now())
	if err != nil || !slices.Contains(owners, id) {
		return err
	}
	for _, o := range owners {
		if o == id || gone != nil && gone(o) {
			continue
		}
		x, _, err := p.load(r, o)
		if isDamaged(err) {
			continue
		}
		if err != nil {
			return err
		}
		if x.isActive(r.Now()) {
			return nil
		}
	}
	return strongroom.Faultf(strongroom.Conflict, "last-owner", "no other owner could sign in").
		Advise("let another owner in first")
}

// step is how many accounts are looked up at a time.
const step = 100

// EndDue ends the accounts whose employment is over, and returns how many. The
// last active owner stays, unable to sign in, until there is another; that is
// logged.
func (p *People) EndDue(ctx context.Context) (n int, err error) {
	return p.each(ctx, func(r *db.Reader, now time.Time) ([]string, error) {
		return due(r, db.Micros(now), step)
	}, func(tx *guard.Tx, id string) error {
		x, _, err := p.load(&tx.Reader, id)
		if err != nil && !isDamaged(err) {
			return err
		}
		return p.EndTx(tx, id, Cause{Kind: ByDate, At: x.Ends})
	})
}

// Expire erases the personal data of accounts that ended [Erasure] ago: the key of
// each dies. Id, states and dates stay, to show what was revoked when. It returns
// how many there were.
func (p *People) Expire(ctx context.Context) (n int, err error) {
	return p.each(ctx, func(r *db.Reader, now time.Time) ([]string, error) {
		return gone(r, db.Micros(now.Add(-Erasure)), step)
	}, p.erase)
}

func (p *People) erase(tx *guard.Tx, id string) error {
	x, _, err := p.handle(tx, personExpire, id)
	if err != nil || !x.Erased.IsZero() {
		return err
	}
	x.Name, x.Email, x.Employment, x.Manager, x.EmailVerified, x.Erased = "", "", "", "", time.Time{}, tx.Now()
	if err := p.save(tx, p.rest, x); err != nil {
		return err
	}
	if err := deleteStanding(tx, id); err != nil {
		return err
	}
	return deleteKey(tx, id)
}

// each finds accounts and does fn to each in a transaction of its own, so that one
// that fails holds up no other. It goes on while there are more and some succeed.
func (p *People) each(ctx context.Context, find func(r *db.Reader, now time.Time) ([]string, error), fn func(*guard.Tx, string) error) (n int, err error) {
	for {
		var ids []string
		if err := p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
			var err error
			ids, err = find(r, r.Now())
			return err
		}); err != nil {
			return n, err
		}
		done := 0
		for _, id := range ids {
			err := p.o.Guard.Do(ctx, strongroom.System("sweeper"), func(_ context.Context, tx *guard.Tx) error { return fn(tx, id) })
			switch {
			case strongroom.IsKind(err, strongroom.Unavailable):
				return n, err
			case err != nil:
				p.o.Log.LogAttrs(ctx, slog.LevelError, "an account could not be ended or erased", slog.String("account", id),
					slog.String("code", codeOf(err)))
			default:
				done++
			}
		}
		if n += done; done == 0 || len(ids) < step {
			return n, nil
		}
	}
}
