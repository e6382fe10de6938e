package webhook

import (
	"context"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/jobs"
)

// late is how long something waits before it is looked whether its job is still
// there, and tendLimit how many are looked at in a turn.
const (
	late      = 2 * 24 * time.Hour
	tendLimit = 256
)

// runTend deletes what is past its time and puts jobs in for what waits without
// one.
func (w *Webhooks) runTend(ctx context.Context, _ *jobs.Job) error {
	var old int64
	var orders []jobs.Order
	err := w.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) (err error) {
		now := r.Now()
		if old, err = countOld(r, db.Micros(now.Add(-Window)), db.Micros(now.Add(-Kept))); err != nil {
			return err
		}
		ds, err := lateDeliveries(r, db.Micros(now.Add(-late)), tendLimit)
		if err != nil {
			return err
		}
		fs, err := lateForwards(r, db.Micros(now.Add(-late)), tendLimit)
		for _, id := range ds {
			orders = append(orders, jobs.Order{Kind: w.o.Kinds.Process, Args: jobs.Args{IDs: []string{id}}, Once: true})
		}
		for _, id := range fs {
			orders = append(orders, jobs.Order{Kind: w.o.Kinds.Forward, Args: jobs.Args{IDs: []string{id}}, Once: true})
		}
		return err
	})
	if err != nil || old == 0 && len(orders) == 0 {
		return err
	}
	return w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionSweep, instance(), guard.Context{}); err != nil {
			return err
		}
		now := tx.Now()
		n, err := dropOld(tx, db.Micros(now.Add(-Window)), db.Micros(now.Add(-Kept)))
		if err != nil {
			return err
		}
		tx.Note("cleared", n)
		for _, o := range orders {
			if _, err := w.o.Enqueue(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// Dead returns how many letters wait for a person, for a gauge.
func (w *Webhooks) Dead(ctx context.Context) (n int64, err error) {
	err = w.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		n, err = countDead(r)
		return err
	})
	return n, err
}
