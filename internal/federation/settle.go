package federation

import (
	"context"
	"log/slog"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// settledAtOnce is about how many users one call of [Federation.Settle] settles.
const settledAtOnce = 500

// Settle joins users to the accounts that people approved since, gives them what
// their groups give, and returns how many there were. It is for the sweeper.
func (f *Federation) Settle(ctx context.Context) (n int, err error) {
	return f.eachUser(ctx, f.decided, func(tx *guard.Tx, u *User) error {
		if err := f.resolve(tx, u); err != nil {
			return err
		}
		return f.keepUser(tx, u)
	})
}

// decided returns users whose request people have decided about. It looks at all who
// wait: those nobody decides about hold up nobody else. One whose request does not
// open is among them, so that settling says so.
func (f *Federation) decided(r *db.Reader, _ time.Time) (ids []string, err error) {
	for after := (userRow{}); len(ids) < settledAtOnce; {
		rows, err := waitingUsers(r, after, settledAtOnce)
		if err != nil || len(rows) == 0 {
			return ids, err
		}
		for _, row := range rows {
			_, waits, err := f.o.Access.Outcome(r, row.request)
			if strongroom.IsKind(err, strongroom.Unavailable) {
				return nil, err
			}
			if err != nil || !waits {
				ids = append(ids, row.id)
			}
		}
		after = rows[len(rows)-1]
	}
	return ids, nil
}

// Expire forgets users a directory switched off, [people.Erasure] ago, and returns
// how many there were.
func (f *Federation) Expire(ctx context.Context) (n int, err error) {
	return f.eachUser(ctx, func(r *db.Reader, now time.Time) ([]string, error) {
		return goneUsers(r, db.Micros(now.Add(-people.Erasure)), settledAtOnce)
	}, func(tx *guard.Tx, u *User) error {
		if err := dropMemberships(tx, u.ID); err != nil {
			return err
		}
		return dropUser(tx, u.ID)
	})
}

// eachUser finds users and does fn to each in a transaction of its own.
func (f *Federation) eachUser(ctx context.Context, find func(*db.Reader, time.Time) ([]string, error), fn func(*guard.Tx, *User) error) (n int, err error) {
	var ids []string
	if err := f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		var err error
		ids, err = find(r, r.Now())
		return err
	}); err != nil {
		return 0, err
	}
	for _, id := range ids {
		err := f.provision(ctx, strongroom.System("sweeper"), entry(id), func(tx *guard.Tx) error {
			u, err := f.loadUser(&tx.Reader, id)
			if err != nil {
				return err
			}
			return fn(tx, &u)
		})
		switch {
		case strongroom.IsKind(err, strongroom.Unavailable):
			return n, err
		case err != nil:
			f.o.Log.LogAttrs(ctx, slog.LevelError, "a user of the directory could not be settled", slog.String("user", id),
				slog.String("kind", strongroom.KindOf(err).String()))
		default:
			n++
		}
	}
	return n, nil
}
