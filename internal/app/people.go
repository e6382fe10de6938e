package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/db"
	"strongroom/internal/device"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/session"
)

// openPeople opens what knows persons: the register, their devices, sessions and
// rights, and the book of policies. What ends a person ends all of it in the same
// commit.
func (a *App) openPeople() {
	env, relying := a.conf.Environment, a.conf.relying()
	a.people = people.New(a.peopleOptions())
	a.devices = device.New(device.Options{
		Guard: a.guard, Environment: env, Key: a.ring.InstanceKey("device"), Person: a.people.Exists, Log: a.log,
	})
	a.sessions = session.New(session.Options{
		Guard: a.guard, Environment: env, Key: a.ring.InstanceKey("session"), People: session.Directory(a.people),
		Rights: a.rights, Relying: relying, Refused: a.refuse, Log: a.log,
	})
	a.access = access.New(access.Options{
		Guard: a.guard, Environment: env, Key: a.ring.InstanceKey("access"), People: a.people, Services: a.identity,
		Logged: a.keys.Logged, CheckStore: a.vault.CheckStore, Changed: a.sessions.Forget, Refused: a.refuse, Log: a.log,
	})
	a.book = policy.New(policy.Options{
		Guard: a.guard, Law: a.law, Decisions: policy.FromLog(a.audit), Actors: a.actorToday, SameHand: a.identity.SameHand,
		Log: a.log,
	})
}

// peopleOptions joins the register of persons to what ends, and decides, with it.
func (a *App) peopleOptions() people.Options {
	env, relying := a.conf.Environment, a.conf.relying()
	return people.Options{
		Guard: a.guard, Environment: env, Key: a.ring.InstanceKey("people"), Words: a.conf.Passwords.words(),
		Breached: a.conf.Passwords.breached(), Relying: relying, Log: a.log,
		Owners: func(r *db.Reader, now time.Time) ([]string, error) { return a.access.Owners(r, now) },
		Roles: func(r *db.Reader, person string, now time.Time) ([]string, error) {
			return a.access.Roles(r, person, now)
		},
		Recorder: a.conf.Training.recorder(env), Proof: env == strongroom.Production,
		Versions: a.conf.Training.versions(), TrainingLife: a.conf.Training.life(), SameHand: a.identity.SameHand, Owned: a.identity.Owned,
		Guess: func(ctx context.Context, who strongroom.Actor) (people.Guess, error) {
			return a.sessions.Guess(ctx, who)
		},
		Recovered: []people.Hook{func(tx *guard.Tx, person string) error { return a.sessions.UnlockTx(tx, person) }},
		Founded:   []people.Hook{func(tx *guard.Tx, person string) error { return a.access.FoundTx(tx, person) }},
		Recorded: []people.Hook{func(tx *guard.Tx, person string) error {
			tx.AfterCommit(func() { a.sessions.Forget(person) })
			return nil
		}},
		Changed:   []people.Hook{a.endOtherSessions},
		Suspended: []people.Hook{a.endSessions, func(tx *guard.Tx, person string) error { return a.federation.Suspended(tx, person) }},
		Barred:    []people.Hook{a.identity.SuspendOwnedTx},
		Ended:     a.leaverHooks(),
	}
}

func (a *App) endSessions(tx *guard.Tx, person string) error {
	_, err := a.sessions.RevokeAllTx(tx, person)
	return err
}

func (a *App) endOtherSessions(tx *guard.Tx, person string) error {
	_, err := a.sessions.RevokeOthersTx(tx, person)
	return err
}

// rights are what a person's grants come to, as sessions take them.
func (a *App) rights(r *db.Reader, person string, now time.Time) (session.Granted, error) {
	g, err := a.access.Rights(r, person, now)
	return session.Granted(g), err
}

// serviceOwner says how the person stands who owns a service or shall.
func (a *App) serviceOwner(r *db.Reader, person string, now time.Time) (identity.Ownership, error) {
	err := a.people.MaySignIn(r, person, now)
	if err == nil {
		return identity.OwnerActive, nil
	}
	f, ok := errors.AsType[*strongroom.Fault](err)
	switch {
	case !ok || f.Kind != strongroom.Unauthenticated:
		return identity.OwnerUnknown, err
	case f.Code == "no-person":
		return identity.OwnerUnknown, nil
	case f.Code == "ended":
		return identity.OwnerGone, nil
	}
	return identity.OwnerAway, nil // invited, suspended, or outside the dates of employment
}

// actorToday is who an account would be in a call now, for explanations.
func (a *App) actorToday(ctx context.Context, kind strongroom.ActorKind, id string) (who strongroom.Actor, ok bool, err error) {
	if kind != strongroom.PersonActor {
		return a.identity.Actor(ctx, id)
	}
	who = strongroom.Actor{Kind: kind, ID: id, Door: "http"}
	err = a.db.Read(ctx, func(r *db.Reader) error {
		if err := a.people.Exists(r, id); err != nil {
			return err
		}
		g, err := a.access.Rights(r, id, r.Now())
		if err != nil {
			return err
		}
		s, err := a.people.Standing(r, id, r.Now())
		who.Roles, who.Stores, who.AllStores, who.Elevations = g.Roles, g.Stores, g.AllStores, g.Elevations
		who.Standing = strongroom.Standing{Employment: s.Employment, Trained: s.Trained, Pledged: s.Pledged, Device: string(device.Unknown)}
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return strongroom.Actor{}, false, nil
	}
	return who, err == nil, err
}

// tendEvery is how often accounts, rights and services that are over are ended.
// What is over gives no right before that either.
const tendEvery = time.Minute

// papersEvery is how often documents of dead records are removed: each is looked at, and
// nothing opens them before that either.
const papersEvery = time.Hour

// tend ends what is over: accounts past their last day, personal data of those who
// left long ago, requests, grants, and services that nobody owns or uses. What
// fails is tried again the next time and holds up nothing else.
func (a *App) tend(ctx context.Context) error {
	_, ended := a.people.EndDue(ctx)
	_, erased := a.people.Expire(ctx)
	_, _, over := a.access.Expire(ctx)
	_, tended := a.identity.Tend(ctx)
	_, keys := a.messages.Tend(ctx)
	return errors.Join(ended, erased, over, tended, keys, a.tendFederation(ctx), a.tendReviews(ctx), a.requests.Tend(ctx), a.stampUses(ctx))
}

// keepTending tends again and again until ctx ends.
func (a *App) keepTending(ctx context.Context) error {
	t := time.NewTicker(tendEvery)
	defer t.Stop()
	var papers time.Time
	for {
		err := a.tend(ctx)
		if time.Since(papers) >= papersEvery {
			_, lost := a.documents.Tend(ctx)
			if err = errors.Join(err, lost); lost == nil {
				papers = time.Now() // real time: how often this process looks
			}
		}
		if err != nil && ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "accounts that are over wait", slog.String("kind", strongroom.KindOf(err).String()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// publicURL is where people reach the instance: as configured, else the address it
// listens on.
func (c *Config) publicURL() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "https"
	if c.TLS == "off" {
		scheme = "http"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		host = c.Listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	if err == nil {
		host = net.JoinHostPort(host, port)
	}
	return scheme + "://" + host
}

// relying is the product as passkeys know it. They need a domain: where people
// reach the instance by an address there are none.
func (c *Config) relying() factor.Relying {
	u, err := url.Parse(c.publicURL())
	if err != nil || net.ParseIP(u.Hostname()) != nil {
		return factor.Relying{}
	}
	return factor.Relying{ID: u.Hostname(), Origins: []string{u.Scheme + "://" + u.Host}, Name: "Strongroom"}
}

// checkPublic refuses an address that a browser could not use, or that would tell
// secrets on the way.
func (c *Config) checkPublic() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	bare := err == nil && u.Host != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" && u.User == nil
	if !bare || u.Scheme != "https" && (c.Environment != strongroom.Test || u.Scheme != "http") {
		return strongroom.Faultf(strongroom.Invalid, "public-url", "public_url is https:// with a host, and nothing after it").
			Advise("write it such as https://strongroom.example.com")
	}
	return nil
}
