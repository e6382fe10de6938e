package policy

import (
	"context"
	"math"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// MaxList is how many versions one call of [Book.List] returns at most.
const MaxList = 200

// read runs fn once who may read the policies and that is recorded.
func (b *Book) read(ctx context.Context, who strongroom.Actor, id string, fn func(r *db.Reader) error) error {
	if id != "" && !strongroom.IsID("pol", id) {
		id = "" // what cannot be named in the log is not there
	}
	return b.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actRead, resource(id), guard.Context{}); err != nil {
			return err
		}
		return fn(&v.Reader)
	})
}

// Current returns the version in force with its files; version 0 has those of the
// configuration.
func (b *Book) Current(ctx context.Context, who strongroom.Actor) (v Version, err error) {
	err = b.read(ctx, who, "", func(r *db.Reader) error {
		_, v, err = b.o.Law.inForce(r)
		return err
	})
	if err != nil {
		return Version{}, err
	}
	if v.Number == 0 {
		v.Files = b.o.Law.with(nil)
	}
	return v, nil
}

// List returns versions with numbers below before, newest first and without their
// files, at most limit of them. 0 begins with the newest; version 0 is not listed.
func (b *Book) List(ctx context.Context, who strongroom.Actor, before int64, limit int) (out []Version, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	err = b.read(ctx, who, "", func(r *db.Reader) error {
		rows, err := listRows(r, before, min(max(limit, 1), MaxList))
		if err != nil {
			return err
		}
		out = make([]Version, len(rows))
		for i, row := range rows {
			if out[i], err = b.o.Law.safe.open(row); err != nil {
				return err
			}
			out[i].Files = nil
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Get returns a version with its files, and how it differs from what is in force.
func (b *Book) Get(ctx context.Context, who strongroom.Actor, id string) (v Version, change authz.Change, err error) {
	err = b.read(ctx, who, id, func(r *db.Reader) error {
		row, err := rowByID(r, id)
		if strongroom.IsKind(err, strongroom.NotFound) {
			return errNoVersion()
		}
		if err == nil {
			v, err = b.o.Law.safe.open(row)
		}
		return err
	})
	if err != nil {
		return Version{}, change, err
	}
	change, _, err = b.compare(ctx, v)
	return v, change, err
}

// Question asks why somebody may or may not.
type Question struct {
	Kind      strongroom.ActorKind
	Subject   string // the account's id
	Action    string
	Resource  strongroom.Resource
	Purpose   strongroom.Purpose
	Reference bool     // an order or case is named
	Classes   []string // of the fields asked for; none: not said
	Device    string   // what calls; empty: as is known of the account
	// Shown is how long ago two factors were shown; negative: never.
	Shown time.Duration
	// Door is where the call comes in; empty is http.
	Door string
}

// Explain answers a question by the policies in force and by what is known of the
// subject today. Faults: NotFound for an account that is not there.
func (b *Book) Explain(ctx context.Context, who strongroom.Actor, q Question) (authz.Explanation, error) {
	var now time.Time
	err := b.read(ctx, who, "", func(r *db.Reader) error {
		now = r.Now()
		return nil
	})
	if err != nil {
		return authz.Explanation{}, err
	}
	subject, ok, err := b.actor(ctx, q.Kind, q.Subject)
	if err != nil {
		return authz.Explanation{}, err
	}
	if !ok {
		return authz.Explanation{}, strongroom.Faultf(strongroom.NotFound, "account", "there is no such account")
	}
	if subject.Door = q.Door; q.Door == "" {
		subject.Door = "http"
	}
	if q.Device != "" {
		subject.Standing.Device = q.Device
	}
	r := authz.Request{
		Actor: subject, Action: strongroom.Action{Name: q.Action}, Resource: q.Resource,
		Purpose: q.Purpose, HasReference: q.Reference, Now: now, Real: now,
	}
	r.Actor.Standing.Verified = time.Time{}
	if q.Shown >= 0 {
		r.Actor.Standing.Verified = now.Add(-q.Shown)
	}
	if len(q.Classes) > 0 {
		r.Context = map[string]any{"classes": q.Classes}
	}
	return b.o.Law.Engine().Explain(r), nil
}

func (b *Book) actor(ctx context.Context, kind strongroom.ActorKind, id string) (strongroom.Actor, bool, error) {
	if kind == strongroom.SystemActor {
		return strongroom.Actor{Kind: kind, ID: id, Roles: []string{authz.SystemRole}, AllStores: true, Door: "job"}, true, nil
	}
	if b.o.Actors == nil {
		return strongroom.Actor{}, false, nil
	}
	return b.o.Actors(ctx, kind, id)
}
