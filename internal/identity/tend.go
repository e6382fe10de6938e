package identity

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Flaw is what is wrong with a service that goes on.
type Flaw string

// The flaws of a service (DPP 2.2.3, 2.2.6).
const (
	FlawUnowned Flaw = "unowned" // nobody answers for it: dies after [Unowned]
	FlawOrphan  Flaw = "orphan"  // its owner is gone: dies
	FlawAway    Flaw = "away"    // its owner is not active
	FlawUnused  Flaw = "unused"  // not used for long: is suspended
	FlawRotate  Flaw = "rotate"  // its secret is older than it should become
	FlawDamaged Flaw = "damaged" // its row was changed in the database
)

// Finding is a service with its flaws.
type Finding struct {
	Service string // "svc_…"
	Owner   string // a person's id, or empty
	Flaws   []Flaw
	// Ends is when it dies or is suspended by itself because of them; zero: it is not.
	Ends time.Time
}

// page is how many services are looked at in one reading.
const page = 500

// Findings returns the services within the stores of who that have a flaw, in
// order of their ids.
func (i *Identity) Findings(ctx context.Context, who strongroom.Actor) (out []Finding, err error) {
	err = i.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(serviceList, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		out = nil
		return i.each(&v.Reader, func(k Key, f Finding) {
			if len(f.Flaws) > 0 && within(who, k.Stores, k.AllStores || k.Damaged) == nil {
				out = append(out, f)
			}
		})
	})
	return out, err
}

// Tally counts the services that go on and those with each flaw. It names nobody
// and is for gauges and the doctor.
func (i *Identity) Tally(ctx context.Context) (services int, flaws map[Flaw]int, err error) {
	err = i.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		services, flaws = 0, map[Flaw]int{}
		return i.each(r, func(_ Key, f Finding) {
			services++
			for _, x := range f.Flaws {
				flaws[x]++
			}
		})
	})
	return services, flaws, err
}

// each calls fn for every service that goes on.
func (i *Identity) each(r *db.Reader, fn func(Key, Finding)) error {
	for after := ""; ; {
		rows, err := liveKeys(r, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.id
			k, err := i.openAccount(row)
			if err != nil {
				fn(Key{ID: row.id, Damaged: true}, Finding{Service: row.id, Flaws: []Flaw{FlawDamaged}})
				continue
			}
			if !k.Expires.After(r.Now()) {
				continue
			}
			f, err := i.judge(r, k)
			if err != nil {
				return err
			}
			fn(k, f)
		}
		if len(rows) < page {
			return nil
		}
	}
}

// judge says what is wrong with a service now.
func (i *Identity) judge(r *db.Reader, k Key) (Finding, error) {
	f := Finding{Service: k.ID, Owner: k.Owner}
	if i.exempt(k) {
		return f, nil
	}
	now := r.Now()
	ends := func(t time.Time) {
		if !t.IsZero() && (f.Ends.IsZero() || t.Before(f.Ends)) {
			f.Ends = t
		}
	}
	if k.Owner == "" {
		f.Flaws = append(f.Flaws, FlawUnowned)
		ends(k.Grace)
	} else {
		o, err := i.o.Owner(r, k.Owner, now)
		if err != nil {
			return f, err
		}
		switch o {
		case OwnerActive:
		case OwnerAway:
			f.Flaws = append(f.Flaws, FlawAway)
		default:
			f.Flaws = append(f.Flaws, FlawOrphan)
			ends(now)
		}
	}
	if idle := k.seen().Add(i.o.Unused); !now.Before(idle) {
		f.Flaws = append(f.Flaws, FlawUnused)
		if k.Suspended.IsZero() {
			ends(idle.Add(UnusedGrace))
		}
	}
	if k.RotateEvery > 0 && !now.Before(k.Rotated.Add(k.RotateEvery)) {
		f.Flaws = append(f.Flaws, FlawRotate)
	}
	return f, nil
}

// exempt reports whether nobody has to own or use a key: one of a test instance
// that was made without an owner. Whoever moves the clock there to watch records die
// must not find the keys dead as well.
func (i *Identity) exempt(k Key) bool {
	return i.o.Environment == strongroom.Test && k.Owner == ""
}

// seen returns when something last happened with a service.
func (k Key) seen() time.Time {
	return slices.MaxFunc([]time.Time{k.Created, k.Rotated, k.Used, k.Resumed}, time.Time.Compare)
}

// Tended says what [Identity.Tend] did.
type Tended struct{ Warned, Revoked, Suspended int }

// Tend has come to pass what is due: a key that nobody owns is given [Unowned] and
// then dies, so does one whose owner is gone, and one that is not used for long is
// suspended. Each is an event. The sweeper calls it; doing it again does nothing
// more.
func (i *Identity) Tend(ctx context.Context) (t Tended, err error) {
	due := map[string]strongroom.Action{}
	err = i.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		clear(due)
		return i.each(r, func(k Key, f Finding) {
			if a, _ := next(k, f, r.Now()); a.Name != "" {
				due[k.ID] = a
			}
		})
	})
	if err != nil {
		return t, err
	}
	for _, id := range slices.Sorted(mapKeys(due)) {
		did, err := i.tend(ctx, id, due[id])
		if err != nil {
			return t, err
		}
		switch did {
		case serviceWarn:
			t.Warned++
		case serviceSuspend:
			t.Suspended++
		case keyRevoke:
			t.Revoked++
		}
	}
	return t, nil
}

func mapKeys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// next returns what is due for a service, the zero action if nothing is.
func next(k Key, f Finding, now time.Time) (strongroom.Action, audit.Term) {
	has := func(x Flaw) bool { return slices.Contains(f.Flaws, x) }
	switch {
	case has(FlawOrphan):
		return keyRevoke, audit.Word("orphan")
	case has(FlawUnowned) && !k.Grace.IsZero() && !now.Before(k.Grace):
		return keyRevoke, audit.Word("unowned")
	case has(FlawUnowned) && k.Grace.IsZero():
		return serviceWarn, audit.Word("unowned")
	case has(FlawUnused) && k.Suspended.IsZero() && !now.Before(f.Ends):
		return serviceSuspend, audit.Word("unused")
	}
	return strongroom.Action{}, audit.Term{}
}

// tend does what is due for one service, if it still is.
func (i *Identity) tend(ctx context.Context, id string, a strongroom.Action) (did strongroom.Action, err error) {
	sweeper := strongroom.System("sweeper")
	err = i.o.Guard.Do(ctx, sweeper, func(_ context.Context, tx *guard.Tx) error {
		did = strongroom.Action{}
		k, err := i.handle(tx, sweeper, a, id)
		if err != nil {
			return err
		}
		f, err := i.judge(&tx.Reader, k)
		if err != nil {
			return err
		}
		still, why := next(k, f, tx.Now())
		if still != a || !k.Revoked.IsZero() {
			return nil // somebody was quicker
		}
		did = a
		tx.Note("reason", why)
		switch a {
		case keyRevoke:
			return revoke(tx, id, db.Micros(tx.Now()))
		case serviceSuspend:
			k.Suspended = tx.Now()
			tx.Ends(id)
		case serviceWarn:
			k.Grace = tx.Now().Add(Unowned)
			tx.Note("until_us", db.Micros(k.Grace))
		}
		return i.save(tx, k)
	})
	i.forget(id)
	return did, err
}
