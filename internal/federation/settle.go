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

// settledAtOnce is how many users one call of [Federation.Settle] looks at.
const settledAtOnce = 500

// Settle joins users to the accounts that people approved since, gives them what
// their groups give, and returns how many there were. It is for the sweeper.
func (f *Federation) Settle(ctx context.Context) (n int, err error) {
	return f.eachUser(ctx, func(r *db.Reader, _ time.Time) ([]string, error) {
		rows, err := waitingUsers(r, settledAtOnce)
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, row := range rows {
			if _, waits, err := f.o.Access.Outcome(r, row.request); err == nil && !waits {
				ids = append(ids, row.id)
			}
		}
		return ids, nil
	}, func(tx *guard.Tx, u *User) error {
		if err := f.resolve(tx, u); err != nil {
			return err
		}
		return f.keepUser(tx, u)
	})
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
