package policy

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// step is one decision about a version, seen from inside its transaction.
type step struct {
	tx     *guard.Tx
	now    current // what is in force
	row    row     // the version that is decided about
	change authz.Change

	own      bool // one person can act as the author and as who decides now
	seconded bool // another person than the author's decided about it before
}

// decide runs fn about the version id once who may. The change is compared before
// the transaction, which would be long otherwise; if what is in force moved in
// between, nothing happens.
func (b *Book) decide(ctx context.Context, who strongroom.Actor, id string, a strongroom.Action, fn func(s *step) error) (v Version, err error) {
	safe := b.o.Law.safe
	known, change, turn, err := b.look(ctx, id)
	if err != nil {
		return Version{}, err
	}
	err = b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		s := step{tx: tx, change: change}
		if !known {
			if err := tx.Allow(a, resource(""), guard.Context{}); err != nil {
				return err
			}
			return errNoVersion()
		}
		if s.row, err = rowByID(&tx.Reader, id); err != nil {
			return err
		}
		if s.now, err = currentRow(&tx.Reader); err != nil {
			return err
		}
		if err := s.hands(b.o.SameHand, who); err != nil {
			return err
		}
		if err := s.allow(a, who); err != nil {
			return err
		}
		tx.Note("version", s.row.number)
		tx.Note("mode", mode(change))
		if _, err := safe.open(s.row); err != nil {
			return err
		}
		if s.now.turn != turn {
			return strongroom.Faultf(strongroom.Conflict, "policy-moved", "other policies came into force meanwhile").Advise("look at the change again")
		}
		if err := fn(&s); err != nil {
			return err
		}
		s.row.decider, s.row.decided = who.ID, db.Micros(tx.Now())
		s.row = safe.prove(s.row)
		if v, err = safe.open(s.row); err != nil {
			return err
		}
		return decideRow(tx, s.row)
	})
	if err != nil {
		return Version{}, err
	}
	return v, nil
}

// allow asks whether who may: the policies know whether the version is the
// actor's own and whether it is more than one person may do alone and another has
// not approved it.
func (s *step) allow(a strongroom.Action, who strongroom.Actor) error {
	r := resource(s.row.id)
	r.Attrs = map[string]any{"own": s.own, "widens": !s.change.Alone() && !s.approved()}
	return s.tx.Allow(a, r, guard.Context{})
}

// hands finds out in whose hands the author, who decides now and who decided before
// are (DPP 2.3.2).
func (s *step) hands(same func(r *db.Reader, a, b string) (bool, error), who strongroom.Actor) (err error) {
	if s.own, err = same(&s.tx.Reader, s.row.author, who.ID); err != nil || s.row.decider == "" {
		return err
	}
	before, err := same(&s.tx.Reader, s.row.author, s.row.decider)
	s.seconded = !before
	return err
}

// approved reports whether another person than the author's approved the version
// against what is in force now.
func (s *step) approved() bool {
	return s.row.state == Approved && s.seconded && s.row.base == s.now.turn
}

// look reads a version and how it differs from what is in force.
func (b *Book) look(ctx context.Context, id string) (known bool, change authz.Change, turn int64, err error) {
	if !strongroom.IsID("pol", id) {
		return false, change, 0, nil
	}
	var v Version
	err = b.o.Law.o.DB.Read(ctx, func(r *db.Reader) error {
		row, err := rowByID(r, id)
		if err == nil {
			v, err = b.o.Law.safe.open(row)
		}
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return false, change, 0, nil
	}
	if err != nil {
		return false, change, 0, err
	}
	change, turn, err = b.compare(ctx, v)
	return true, change, turn, err
}

func errNoVersion() error {
	return strongroom.Faultf(strongroom.NotFound, "policy-version", "there is no such version of the policies")
}

func errState(s State) error {
	return strongroom.Faultf(strongroom.Conflict, "policy-state", "the version is %s", s)
}

// Approve says yes to a version, for the policies that are in force now. A change
// that may allow more, or stop what protects, is approved by another person than
// its author. Nothing
// changes before [Book.Activate].
func (b *Book) Approve(ctx context.Context, who strongroom.Actor, id string) (Version, error) {
	return b.decide(ctx, who, id, actApprove, func(s *step) error {
		if s.row.state != Proposed && s.row.state != Approved {
			return errState(s.row.state)
		}
		s.row.state, s.row.base = Approved, s.now.turn
		return nil
	})
}

// Activate puts a version in force, in this process before it returns and in
// others within a second. A narrower one needs nobody else; another needs that
// somebody beside the author approved it for the policies in force now, or
// activates it. A version under which whoever activates it could not change the
// policies again is refused with Conflict.
func (b *Book) Activate(ctx context.Context, who strongroom.Actor, id string) (Version, error) {
	engine, broken := b.engine(ctx, id)
	return b.decide(ctx, who, id, actApprove, func(s *step) error {
		if s.row.state != Proposed && s.row.state != Approved {
			return errState(s.row.state)
		}
		if broken != nil {
			return broken
		}
		if !mayChange(engine, who, s.tx.Now()) {
			return strongroom.Faultf(strongroom.Conflict, "policy-lockout", "under this version you could not change the policies again").
				Advise("let the owner approve policies, or have somebody activate it who still may")
		}
		now := db.Micros(s.tx.Now())
		s.row.state, s.row.active = Active, now
		return b.turn(s, s.row.number, now, engine)
	})
}

// mayChange reports whether somebody who has just been allowed to change the
// policies still would be.
func mayChange(engine *authz.Engine, who strongroom.Actor, now time.Time) bool {
	return engine.Decide(authz.Request{
		Actor: who, Action: actApprove, Resource: resource(""), Now: now, Real: who.Standing.Verified,
	}).Allow
}

// engine builds the engine of a version before the transaction that puts it in
// force. A version that is not there is the transaction's business.
func (b *Book) engine(ctx context.Context, id string) (e *authz.Engine, err error) {
	if !strongroom.IsID("pol", id) {
		return nil, nil
	}
	var v Version
	err = b.o.Law.o.DB.Read(ctx, func(r *db.Reader) error {
		row, err := rowByID(r, id)
		if err == nil {
			v, err = b.o.Law.safe.open(row)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return b.o.Law.build(v.Files)
}

// turn makes number the version in force and the one before superseded.
func (b *Book) turn(s *step, number, now int64, engine *authz.Engine) error {
	law := b.o.Law
	if s.now.number != 0 {
		old, err := rowByNumber(&s.tx.Reader, s.now.number)
		if err != nil {
			return err
		}
		if _, err := law.safe.open(old); err != nil {
			return err
		}
		old.state = Superseded
		if err := decideRow(s.tx, law.safe.prove(old)); err != nil {
			return err
		}
	}
	c := current{turn: s.now.turn + 1, number: number, at: now}
	c.proof = law.safe.currentProof(c)
	s.tx.Note("digest", engine.Digest())
	s.tx.AfterCommit(func() { law.put(c, engine) })
	return putCurrent(s.tx, c)
}

// Withdraw takes back a version that waits. The author may, and whoever may
// approve.
func (b *Book) Withdraw(ctx context.Context, who strongroom.Actor, id string) (Version, error) {
	a := actApprove
	var author string
	err := b.o.Law.o.DB.Read(ctx, func(r *db.Reader) error {
		row, err := rowByID(r, id)
		author = row.author
		return err
	})
	if err == nil && author == who.ID {
		a = actPropose
	}
	return b.decide(ctx, who, id, a, func(s *step) error {
		if s.row.state != Proposed && s.row.state != Approved {
			return errState(s.row.state)
		}
		s.row.state = Withdrawn
		return nil
	})
}

// Rollback proposes what an earlier version said, 0 being what was shipped and
// configured, and puts it in force at once where that is not wider. Else it waits
// for another person like any other version.
func (b *Book) Rollback(ctx context.Context, who strongroom.Actor, number int64) (Version, authz.Change, error) {
	var files []authz.File
	if number != 0 {
		err := b.o.Law.o.DB.Read(ctx, func(r *db.Reader) error {
			row, err := rowByNumber(r, number)
			if err != nil {
				return err
			}
			v, err := b.o.Law.safe.open(row)
			files = v.Files
			return err
		})
		if strongroom.IsKind(err, strongroom.NotFound) {
			err = b.missing(ctx, who, actPropose)
		}
		if err != nil {
			return Version{}, authz.Change{}, err
		}
	}
	v, change, err := b.propose(ctx, who, files, number)
	if err != nil || !change.Alone() {
		return v, change, err
	}
	v, err = b.Activate(ctx, who, v.ID)
	return v, change, err
}

// missing answers who asks for a version that is not there.
func (b *Book) missing(ctx context.Context, who strongroom.Actor, a strongroom.Action) error {
	return b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(a, resource(""), guard.Context{}); err != nil {
			return err
		}
		return errNoVersion()
	})
}

// Reset goes back to version 0, whatever the active version says and whether it
// loads or not. It is for the OS user on the spot when nothing else works.
func (b *Book) Reset(ctx context.Context, who strongroom.Actor) error {
	engine, err := b.o.Law.build(nil)
	if err != nil {
		return err
	}
	return b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actReset, resource(""), guard.Context{}); err != nil {
			return err
		}
		c, err := currentRow(&tx.Reader)
		if err != nil {
			return err
		}
		tx.Note("version", c.number)
		old, err := rowByNumber(&tx.Reader, c.number)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		// A row that was edited stays as it is, as evidence.
		if _, broken := b.o.Law.safe.open(old); err == nil && broken == nil {
			old.state = Superseded
			if err := decideRow(tx, b.o.Law.safe.prove(old)); err != nil {
				return err
			}
		}
		tx.Note("digest", engine.Digest())
		c = current{turn: c.turn + 1, at: db.Micros(tx.Now())}
		c.proof = b.o.Law.safe.currentProof(c)
		tx.AfterCommit(func() { b.o.Law.put(c, engine) })
		return putCurrent(tx, c)
	})
}
