package app

import (
	"context"
	"errors"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// clockDoor is the data clock as the API moves it.
type clockDoor App

// Now returns the instance's time.
func (c *clockDoor) Now() time.Time { return c.clock.Now() }

// Set moves the clock of a test instance. Back it goes only while the instance
// holds no record: what has died must not come to life again.
func (c *clockDoor) Set(ctx context.Context, who strongroom.Actor, to time.Time) error {
	a := (*App)(c)
	if a.conf.Environment != strongroom.Test {
		return strongroom.Faultf(strongroom.Denied, "clock", "only the clock of a test instance can be moved")
	}
	to = to.UTC().Truncate(time.Microsecond)
	if to.Year() < 2000 || to.Year() > 2200 {
		return strongroom.Faultf(strongroom.Invalid, "clock", "the clock goes from the year 2000 to 2200")
	}
	if to.Before(a.clock.Now()) {
		g, err := a.vault.Gauges(ctx)
		if err != nil {
			return err
		}
		if !g.OldestPII.IsZero() || g.Overdue > 0 {
			return strongroom.Faultf(strongroom.Conflict, "clock", "the clock goes back only while the instance holds no record").
				Advise("make a new test instance")
		}
	}
	for {
		offset, err := c.move(ctx, who, to)
		if err != nil {
			return err
		}
		if err := saveClock(a.o.Dir, offset); err != nil {
			return err
		}
		// What was under way when the clock went back bears the old time and would
		// leave the log ahead of the clock, which looks like a clock that is wrong.
		// After one empty turn of the writer all of it is in the log; then the move
		// is recorded once more behind it.
		if err := a.db.Update(ctx, func(*db.Tx) error { return nil }); err != nil {
			return err
		}
		if a.audit.Behind() == 0 {
			break
		}
		to = a.clock.Now()
	}
	a.life.Wake()
	return nil
}

// move records that the clock is set to a time and then sets it. It returns the
// new offset.
func (c *clockDoor) move(ctx context.Context, who strongroom.Actor, to time.Time) (offset time.Duration, err error) {
	a := (*App)(c)
	err = a.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(audit.SetClock, strongroom.Resource{Type: "Instance", ID: "clock"}, guard.Context{}); err != nil {
			return err
		}
		tx.Note("to", to.UnixMicro()) // the event that moves the clock bears the new time
		tx.AfterCommit(func() {
			offset = time.Until(to) // real time: the offset is what it is measured from
			a.clock.SetOffset(offset)
		})
		return nil
	})
	return offset, err
}

// recordStart records that the instance started; without it nothing is served.
func (a *App) recordStart(ctx context.Context) error { return a.recordLife(ctx, audit.Start) }

// recordStop records the stop where that is still possible. An instance whose
// log cannot be written stops all the same.
func (a *App) recordStop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(a.recordLife(ctx, audit.Stop), a.release(ctx)); err != nil {
		a.log.ErrorContext(ctx, "the stop could not be recorded", "kind", strongroom.KindOf(err).String())
	}
}

func (a *App) recordLife(ctx context.Context, act strongroom.Action) error {
	return a.guard.Do(ctx, strongroom.System("instance"), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(act, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		if act == audit.Start {
			tx.Note("digest", a.law.Engine().Digest()) // which policies decide from here on
		}
		return nil
	})
}

// ContinueLog lets the log go on under a new origin after a loss. The break
// stays visible for ever.
func ContinueLog(ctx context.Context, o Options, reason, by string) error {
	c, err := o.config()
	if err != nil {
		return err
	}
	lock, err := TakeLock(o.Dir)
	if err != nil {
		return err
	}
	root, err := openRoot(c, o.Passphrase)
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	r, err := openRing(ctx, o, c, root)
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	a := &App{o: o, conf: c, lock: lock, ring: r.ring, clock: r.clock, log: discard()}
	err = a.openEngine(ctx)
	if err == nil {
		err = a.belongs(ctx)
	}
	if err == nil {
		err = a.makeLog()
	}
	if err == nil {
		err = a.audit.Continue(ctx, reason, by)
	}
	return errors.Join(err, a.Close())
}

// ResetPolicies goes back to the policies of the product and the configuration,
// whatever the version in force says and whether it loads or not. It is for the OS
// user on the spot; the folder must be free.
func ResetPolicies(ctx context.Context, o Options) error {
	o.ShippedPolicies = true
	a, err := Open(ctx, o)
	if errors.Is(err, ErrLocked) {
		return strongroom.Faultf(strongroom.Conflict, "folder", "a server owns the data folder").Advise("stop it first")
	}
	if err != nil {
		return err
	}
	return errors.Join(a.book.Reset(ctx, a.local()), a.Close())
}
