package app

import (
	"context"
	"encoding/hex"
	"net/netip"
	"time"

	"strongroom"
	"strongroom/internal/db"
)

// refuse counts a caller nobody knows. The source is a keyed hash: neither the
// log nor memory holds an address longer than this call.
func (a *App) refuse(_ context.Context, source netip.Addr, _ string) {
	key, err := a.ring.LogKey()
	if err != nil {
		a.refusals.Add("", time.Now()) // counted without its source
		return
	}
	sum := key.MAC([]byte("source"), source.AsSlice())
	a.refusals.Add(hex.EncodeToString(sum[:16]), time.Now())
}

// recordRefusals writes the counted refusals into the log, one event per source
// and second, until ctx ends. What cannot be written waits and is written later.
func (a *App) recordRefusals(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last := context.WithoutCancel(ctx)
			if err := a.writeRefusals(last, time.Now()); err != nil { // what waited
				return err
			}
			return a.writeRefusals(last, time.Now().Add(time.Second))
		case now := <-tick.C:
			if err := a.writeRefusals(ctx, now); err != nil {
				a.log.ErrorContext(ctx, "refusals could not be recorded", "kind", strongroom.KindOf(err).String())
			}
		}
	}
}

// writeRefusals writes what was counted until a time. What is taken is kept until
// it is durable; meanwhile the counting goes on in its own bounds.
func (a *App) writeRefusals(ctx context.Context, before time.Time) error {
	if len(a.refused) == 0 {
		a.refused = a.refusals.Take(before)
	}
	if len(a.refused) == 0 {
		return nil
	}
	err := a.db.Update(ctx, func(tx *db.Tx) error {
		batch, err := a.audit.Begin(tx)
		if err != nil {
			return err
		}
		for _, e := range a.refused {
			e.Time = time.Time{} // the data clock's instant, like every other event
			if _, err := batch.Append(e); err != nil {
				return err
			}
		}
		return batch.Flush()
	})
	if !strongroom.IsKind(err, strongroom.Unavailable) {
		a.refused = nil // written, or never to be
	}
	return err
}
