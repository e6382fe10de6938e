package people

import (
	"context"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Get returns a person: the own account, or with the right to read others.
func (p *People) Get(ctx context.Context, who strongroom.Actor, id string) (Person, error) {
	var x Person
	err := p.read(ctx, who, id, func(r *db.Reader) (err error) {
		x, _, err = p.load(r, id)
		return err
	})
	if err != nil {
		return Person{}, err
	}
	return x, nil
}

// GetStanding is [People.Get] with what is recorded of the person's trainings and
// pledges, and who recorded it.
func (p *People) GetStanding(ctx context.Context, who strongroom.Actor, id string) (x Person, s Standing, err error) {
	err = p.read(ctx, who, id, func(r *db.Reader) (err error) {
		if x, _, err = p.load(r, id); err != nil {
			return err
		}
		s, err = p.Standing(r, id, r.Now())
		return err
	})
	if err != nil {
		return Person{}, Standing{}, err
	}
	return x, s, nil
}

// read runs fn once who may read a person.
func (p *People) read(ctx context.Context, who strongroom.Actor, id string, fn func(r *db.Reader) error) error {
	a := personRead
	if who.ID == id {
		a = accountRead
	}
	return p.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if denied := v.Allow(a, resourceOf(id, who), guard.Context{}); denied != nil {
			return denied
		}
		return fn(&v.Reader)
	})
}

// List returns up to limit persons in order of their ids, those after cursor, in
// one state or, if it is empty, in all. next is empty at the end. A person whose
// row does not open stands there as damaged.
func (p *People) List(ctx context.Context, who strongroom.Actor, state State, cursor string, limit int) (out []Person, next string, err error) {
	instance := strongroom.Resource{Type: "Instance", ID: "instance"}
	if cursor != "" && !IsID(cursor) || state != "" && !slices.Contains([]State{Invited, Active, Suspended, Ended}, state) {
		err := strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor or the state is none of ours")
		return nil, "", p.refuse(ctx, who, personList, instance, err)
	}
	if limit <= 0 || limit > 1000 {
		limit = 100
	}
	err = p.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personList, instance, guard.Context{}); err != nil {
			return err
		}
		rows, err := listPersons(&v.Reader, cursor, limit+1, state)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].id
		}
		for _, r := range rows {
			x, _, err := p.open(r)
			if isDamaged(err) {
				x, err = Person{ID: r.id, Damaged: true}, nil
			}
			if err != nil {
				return err
			}
			out = append(out, x)
		}
		v.Note("count", len(out))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// Lookup returns the id of the living account of an address in any of its
// spellings, empty if there is none, and a keyed hash that is the same for all
// spellings, known or not. The work does not depend on whether there is one. It is
// for the sign-in, which tells nobody what it found.
func (p *People) Lookup(ctx context.Context, address string) (id string, mark []byte, err error) {
	err = p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		id, mark, err = p.lookup(r, address)
		return err
	})
	return id, mark, err
}

func (p *People) lookup(r *db.Reader, address string) (id string, mark []byte, err error) {
	folded, err := foldMail(address)
	if err != nil {
		folded = strings.ToValidUTF8(strings.ToLower(address), "?") // no account has it; it has a hash all the same
	}
	mark = p.mailDigest(folded)
	id, err = loadMail(r, mark)
	if strongroom.IsKind(err, strongroom.NotFound) {
		err = nil
	}
	return id, mark, err
}

// LookupEmail returns the id of the living account of an address in any of its
// spellings.
func (p *People) LookupEmail(ctx context.Context, email string) (id string, ok bool, err error) {
	id, _, err = p.Lookup(ctx, email)
	return id, id != "" && err == nil, err
}

// ExactEmailTx returns the id of the living account of exactly this address, but for
// the case of ASCII letters and the form of the domain: another address that may
// reach the same mailbox, such as one with a tag, is somebody else's. It is for what
// joins accounts elsewhere to people. The fault is that of a damaged account where the one
// that may be meant does not open.
func (p *People) ExactEmailTx(r *db.Reader, email string) (id string, ok bool, err error) {
	id, _, err = p.lookup(r, email)
	if err != nil || id == "" {
		return "", false, err
	}
	x, _, err := p.load(r, id)
	if err != nil || !sameMail(x.Email, email) {
		return "", false, err
	}
	return id, true, nil
}

// MaySignIn returns nil for a person who may have a session at a time of the data
// clock: active, and within the dates of employment. The fault is Unauthenticated
// and says the state in its code: no-person, invited, suspended, ended, early or
// late. The sign-in tells the caller none of it.
func (p *People) MaySignIn(r *db.Reader, person string, now time.Time) error {
	x, _, err := p.load(r, person)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return strongroom.Faultf(strongroom.Unauthenticated, "no-person", "there is no such account")
	}
	if err != nil {
		return err
	}
	code := string(x.State)
	switch {
	case x.isActive(now):
		return nil
	case x.State == Active && now.Before(x.Starts):
		code = "early"
	case x.State == Active:
		code = "late"
	}
	return strongroom.Faultf(strongroom.Unauthenticated, code, "the account cannot sign in now")
}

// Exists returns nil if there is such a person whose account has not ended, else
// NotFound.
func (p *People) Exists(r *db.Reader, person string) error {
	x, _, err := p.load(r, person)
	if err == nil && x.State == Ended {
		err = noPerson()
	}
	return err
}

// Departure says how an account ended. It holds nothing personal and outlives the
// personal data.
type Departure struct {
	Cause CauseKind
	// Event is when the reason to end came about, Revoked when everything was dead
	// here; between them lie the 24 hours of DPP 2.2.12.
	Event, Revoked time.Time
}

// DepartureOf returns how an account ended; the fault is NotFound for one that has
// not.
func (p *People) DepartureOf(r *db.Reader, person string) (Departure, error) {
	x, _, err := p.load(r, person)
	if err == nil && x.State != Ended {
		err = noPerson()
	}
	return Departure{Cause: x.Cause, Event: x.Ended, Revoked: x.Revoked}, err
}

// Gauges are numbers for a watcher.
type Gauges struct {
	Invited, Active, Suspended, Ended int64
	// OldestPassword is the age of the oldest password in use, 0 if there is none
	// (DPP 2.4.6); Overdue counts those past the greatest age.
	OldestPassword time.Duration
	Overdue        int64
	// OneFactor counts active accounts without two factors. It is 0 unless rows were
	// taken away behind the product's back (DPP 2.4.7).
	OneFactor int64
}

// Gauges returns the gauges as of now.
func (p *People) Gauges(ctx context.Context) (g Gauges, err error) {
	err = p.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		counts, err := countStates(r)
		if err != nil {
			return err
		}
		for _, c := range counts {
			switch State(c.state) {
			case Invited:
				g.Invited = c.n
			case Active:
				g.Active = c.n
			case Suspended:
				g.Suspended = c.n
			case Ended:
				g.Ended = c.n
			}
		}
		oldest, err := oldestPassword(r)
		if err != nil {
			return err
		}
		if oldest > 0 {
			g.OldestPassword = r.Now().Sub(db.Time(oldest))
		}
		if g.OneFactor, err = oneFactor(r); err != nil {
			return err
		}
		g.Overdue, err = stalePasswords(r, db.Micros(r.Now().Add(-p.o.Profile.MaxAge)))
		return err
	})
	return g, err
}
