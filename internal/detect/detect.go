package detect

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/audit"
)

// Numbers that are ours; DPP 2.2.8 and 2.2.9 name none.
const (
	// Stretch is how far back events are judged together.
	Stretch = 10 * time.Minute
	// Denials is how many decisions against one person in a stretch are no mistake any
	// more but somebody who tries what the account can reach.
	Denials = 60
	// Moved is how many sessions of one person may end in a stretch because their token
	// was shown from another network and another device at once.
	Moved = 2
	// Elsewhere is how many sign-ins in a stretch may come from a new network and a new
	// device while another session is in use.
	Elsewhere = 3
)

// Signal is why an account is disabled.
type Signal uint8

// The signals.
const (
	ManyDenials Signal = iota + 1
	TokensMoved
	SignInsElsewhere
)

// Word returns the signal as the log says it.
func (s Signal) Word() audit.Term {
	switch s {
	case ManyDenials:
		return audit.Word("denials")
	case TokensMoved:
		return audit.Word("network-device")
	case SignInsElsewhere:
		return audit.Word("elsewhere")
	}
	return audit.Word("unknown")
}

// Log is what a detector reads of the audit log; *[audit.Log] is one.
type Log interface {
	Events(ctx context.Context, after int64, limit int) ([]audit.Entry, error)
	Moment(ctx context.Context, t time.Time) (audit.Moment, error)
}

// Options configure a [Detector]. Events, Clock and Disable are required.
type Options struct {
	Events Log
	Clock  *strongroom.Clock // of the events
	// Disable locks a person's account completely and ends its sessions; doing it
	// again changes nothing. Safe for concurrent use.
	Disable func(ctx context.Context, person string, why Signal) error
	Denials int // [Denials] if zero
}

// Detector follows the log. Make it with [New]; it is safe for concurrent use.
type Detector struct {
	o Options

	mu      sync.Mutex
	started bool
	after   int64 // the position that was read last
	people  map[string]*trail
}

// trail is what one person stood out by, the oldest first.
type trail struct {
	seen map[Signal][]time.Time
	due  Signal // to be acted on; zero is nothing
}

// New returns a Detector. It panics where something required is missing: that is a
// mistake of the program.
func New(o Options) *Detector {
	if o.Events == nil || o.Clock == nil || o.Disable == nil {
		panic("detect: events, clock and disable are required")
	}
	if o.Denials <= 0 {
		o.Denials = Denials
	}
	return &Detector{o: o, people: map[string]*trail{}}
}

// Look reads what the log says since the last look and acts on it. It returns how
// many accounts it has had disabled.
func (d *Detector) Look(ctx context.Context) (disabled int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Clock.Now()
	if err := d.read(ctx, now); err != nil {
		return 0, err
	}
	for person, t := range d.people {
		if t.due == 0 {
			if t.forget(now.Add(-Stretch)); len(t.seen) == 0 {
				delete(d.people, person)
			}
			continue
		}
		if failed := d.o.Disable(ctx, person, t.due); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		delete(d.people, person)
		disabled++
	}
	return disabled, err
}

// read goes on in the log up to its end.
func (d *Detector) read(ctx context.Context, now time.Time) error {
	if !d.started {
		m, err := d.o.Events.Moment(ctx, now.Add(-Stretch))
		if err != nil {
			return err
		}
		d.after, d.started = m.Next-1, true
	}
	for {
		list, err := d.o.Events.Events(ctx, d.after, audit.MaxEvents)
		if err != nil {
			return err
		}
		for _, x := range list {
			if mayConcern(x.Leaf) {
				e, err := x.Event()
				if err != nil {
					return err
				}
				d.note(&e)
			}
			d.after = x.Position
		}
		if len(list) < audit.MaxEvents {
			return nil
		}
	}
}

// note keeps what one event says of a person.
func (d *Detector) note(e *audit.Event) {
	if person, ok := settled(e); ok {
		delete(d.people, person)
		return
	}
	person, s := signal(e)
	if s == 0 || !strongroom.IsID("usr", person) {
		return
	}
	t := d.people[person]
	if t == nil {
		t = &trail{seen: map[Signal][]time.Time{}}
		d.people[person] = t
	}
	t.seen[s] = append(t.seen[s], e.Time)
	t.forget(e.Time.Add(-Stretch))
	if len(t.seen[s]) >= d.most(s) && t.due == 0 {
		t.due = s
	}
	if keep := d.most(s); len(t.seen[s]) > keep {
		t.seen[s] = slices.Clone(t.seen[s][len(t.seen[s])-keep:])
	}
}

// most is how often something is seen in a stretch before it counts.
func (d *Detector) most(s Signal) int {
	switch s {
	case TokensMoved:
		return Moved
	case SignInsElsewhere:
		return Elsewhere
	}
	return d.o.Denials
}

// forget drops what was seen before a time.
func (t *trail) forget(before time.Time) {
	for s, list := range t.seen {
		for len(list) > 0 && list[0].Before(before) {
			list = list[1:]
		}
		if t.seen[s] = list; len(list) == 0 {
			delete(t.seen, s)
		}
	}
}
