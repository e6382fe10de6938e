package people

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"log/slog"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Numbers of a recovery; both are ours and count by the data clock.
const (
	// RecoveryDelay is how long an owner has to call a recovery off.
	RecoveryDelay = 24 * time.Hour
	// RecoveryOpen is how long afterwards it can be carried out.
	RecoveryOpen = 72 * time.Hour
)

// WayBack is the way back of an only owner who can no longer sign in.
type WayBack struct {
	Person string
	Asked  time.Time
	Due    time.Time // from then on it can be carried out
	Until  time.Time // and until then
	Link   Link      // to enrol anew; its token is empty unless it was carried out just now
}

// Recover leads an owner back in who has lost all factors, where no other owner can
// sign in who would reset the account. It is for the OS user on the spot and shows
// nothing of anybody. The first call begins it; nothing changes for [RecoveryDelay],
// while gauges and doctor show it and any owner who signs in calls it off
// ([People.CancelRecovery]). A call after that takes the factors and the password
// away, ends the sessions, and gives a link to enrol anew. Calls in between change
// nothing. Faults: NotFound "no-owner" for an address that is not an owner's, Conflict
// "other-owner" while another owner can sign in.
func (p *People) Recover(ctx context.Context, who strongroom.Actor, address string) (WayBack, error) {
	id, _, err := p.Lookup(ctx, address)
	if err != nil {
		return WayBack{}, err
	}
	link := newToken(linkToken, p.o.Environment)
	var out WayBack
	err = p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		out = WayBack{}
		if err := tx.Allow(personRecover, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		if err := p.onlyOwner(&tx.Reader, id, tx.Now()); err != nil {
			return err
		}
		tx.Note("account", id)
		row, under, err := p.recovery(&tx.Reader, id, tx.Now())
		if err != nil {
			return err
		}
		switch {
		case !under:
			row = recoveryRow{person: id, asked: db.Micros(tx.Now())}
			row.proof = p.recoveryProof(row)
			tx.Note("stage", audit.Word("begun"))
			if err := putRecovery(tx, row); err != nil {
				return err
			}
		case tx.Now().Before(dueAt(row)):
			tx.Note("stage", audit.Word("waiting"))
		default:
			tx.Note("stage", audit.Word("done"))
			if out.Link.Expires, err = p.startAnew(tx, id, link); err != nil {
				return err
			}
			out.Link.Token, out.Link.Person = link, id
			if err := deleteRecovery(tx, id); err != nil {
				return err
			}
		}
		out.Person, out.Asked, out.Due, out.Until = id, db.Time(row.asked), dueAt(row), dueAt(row).Add(RecoveryOpen)
		return nil
	})
	if err != nil {
		return WayBack{}, err
	}
	p.o.Log.LogAttrs(ctx, slog.LevelWarn, "an owner is being led back in", slog.String("account", out.Person), slog.Time("due", out.Due))
	return out, nil
}

// onlyOwner says why an account is not that of an owner whom nobody else can reset.
func (p *People) onlyOwner(r *db.Reader, id string, now time.Time) error {
	owners, err := p.o.Owners(r, now)
	if err != nil {
		return err
	}
	if id == "" || !slices.Contains(owners, id) {
		return strongroom.Faultf(strongroom.NotFound, "no-owner", "no owner has this address").
			Advise("others are reset by an owner")
	}
	for _, o := range owners {
		x, _, err := p.load(r, o)
		if isDamaged(err) {
			continue
		}
		if err != nil {
			return err
		}
		if o != id && x.isActive(now) {
			return strongroom.Faultf(strongroom.Conflict, "other-owner", "another owner can sign in").
				Advise("have the account reset: strongroom person reset")
		}
	}
	return nil
}

// startAnew takes away what an account is signed in to with and gives a link.
func (p *People) startAnew(tx *guard.Tx, id string, link Token) (until time.Time, err error) {
	x, k, err := p.load(&tx.Reader, id)
	if err != nil {
		return until, err
	}
	if x.State == Ended {
		return until, over()
	}
	if err := dropProofs(tx, id); err != nil {
		return until, err
	}
	s, err := p.secrets(&tx.Reader, id)
	if err != nil {
		return until, err
	}
	if err := p.retire(tx, k, s); err != nil {
		return until, err
	}
	x.State, x.Reason, x.Led = Invited, "", ""
	tx.Ends(id)
	if err := run(p.o.Suspended, tx, id); err != nil {
		return until, err
	}
	if err := run(p.o.Recovered, tx, id); err != nil {
		return until, err
	}
	if err := p.save(tx, k, x); err != nil {
		return until, err
	}
	return p.link(tx, id, link)
}

// CancelRecovery calls a recovery off: any owner who signs in can, the one it is for
// as well. The fault is NotFound where none is under way.
func (p *People) CancelRecovery(ctx context.Context, who strongroom.Actor, person string) error {
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(recoveryCancel, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		rows, err := recoveryOf(&tx.Reader, person)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return strongroom.Faultf(strongroom.NotFound, "recovery", "no recovery of this account is under way")
		}
		tx.Note("account", person)
		return deleteRecovery(tx, person)
	})
}

// Recoveries lists the recoveries under way.
func (p *People) Recoveries(ctx context.Context, who strongroom.Actor) (out []WayBack, err error) {
	err = p.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personList, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		out, err = p.underWay(&v.Reader, v.Now())
		return err
	})
	return out, err
}

// RecoveriesUnderWay counts recoveries, for a watcher. It should be 0.
func (p *People) RecoveriesUnderWay(ctx context.Context) (n int, err error) {
	err = p.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		list, err := p.underWay(r, r.Now())
		n = len(list)
		return err
	})
	return n, err
}

func (p *People) underWay(r *db.Reader, now time.Time) (out []WayBack, err error) {
	rows, err := recoveries(r)
	for _, row := range rows {
		if p.inForce(row, now) {
			out = append(out, WayBack{Person: row.person, Asked: db.Time(row.asked), Due: dueAt(row), Until: dueAt(row).Add(RecoveryOpen)})
		}
	}
	return out, err
}

// recovery returns the recovery of a person that is under way.
func (p *People) recovery(r *db.Reader, person string, now time.Time) (recoveryRow, bool, error) {
	rows, err := recoveryOf(r, person)
	if err != nil || len(rows) == 0 || !p.inForce(rows[0], now) {
		return recoveryRow{}, false, err
	}
	return rows[0], true, nil
}

// inForce reports whether a recovery counts: it is not past its time, nor asked for
// in the future, and nobody edited its row. One that was edited begins anew.
func (p *People) inForce(row recoveryRow, now time.Time) bool {
	if subtle.ConstantTimeCompare(p.recoveryProof(row), row.proof) != 1 {
		p.o.Guard.Damage().Saw("recovery " + row.person)
		return false
	}
	return !db.Time(row.asked).After(now) && now.Before(dueAt(row).Add(RecoveryOpen))
}

func dueAt(row recoveryRow) time.Time { return db.Time(row.asked).Add(RecoveryDelay) }

func (p *People) recoveryProof(r recoveryRow) []byte {
	d := p.mac.MAC([]byte("recovery row"), []byte(r.person), binary.BigEndian.AppendUint64(nil, uint64(r.asked)))
	return d[:]
}
