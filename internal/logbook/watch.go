package logbook

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/guard"
)

// watching is what is remembered of a caller who reads the instance's numbers.
type watching struct {
	hour  int64 // of its last event, in hours of real time
	count int64 // readings since
}

// maxWatched bounds how many callers are remembered.
const maxWatched = 1024

// Watch returns nil if who may look at the instance's own numbers. They are counts
// and ages of no one's data, and a scraper asks for them every few seconds: each
// caller's first reading of an hour is an event, which says in its count how many
// there were since the one before. The policies are asked each time, and each
// denial is an event. Readings since the last event are forgotten with the
// process.
func (b *Logbook) Watch(ctx context.Context, who strongroom.Actor) error {
	r := strongroom.Resource{Type: "Instance", ID: "instance"}
	hour := b.real.Now().Unix() / int64(time.Hour/time.Second)
	if b.seen(who.ID, hour) && b.guard.Still(who, metrics, r) {
		return nil
	}
	var told int64
	err := b.guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(metrics, r, guard.Context{}); err != nil {
			return err
		}
		told = b.take(who.ID)
		v.Note("count", told)
		return nil
	})
	if err == nil {
		b.recorded(who.ID, hour)
	} else {
		b.giveBack(who.ID, told)
	}
	return err
}

// seen counts a reading and reports whether the hour has its event already.
func (b *Logbook) seen(actor string, hour int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, known := b.watched[actor]
	if !known {
		return false
	}
	w.count++
	b.watched[actor] = w
	return w.hour == hour
}

// take returns the number of readings since the last event, this one included, for
// the event to tell; those that come meanwhile are left for the next one.
func (b *Logbook) take(actor string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, known := b.watched[actor]
	if !known {
		return 1
	}
	n := w.count
	w.count = 0
	b.watched[actor] = w
	return n
}

// giveBack counts again what an event did not come to tell.
func (b *Logbook) giveBack(actor string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w, known := b.watched[actor]; known {
		w.count += n
		b.watched[actor] = w
	}
}

// recorded notes the hour of an event. When too many callers are remembered all are
// forgotten, and their next reading is an event.
func (b *Logbook) recorded(actor string, hour int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.watched[actor]; !known && len(b.watched) >= maxWatched {
		clear(b.watched)
	}
	b.watched[actor] = watching{hour: hour, count: b.watched[actor].count}
}
