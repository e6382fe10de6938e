package session

import (
	"context"
	"embed"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Options configure a [Sessions]. Guard, Environment, Key, People and Rights are
// required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key    seal.Key
	People People
	Rights Rights
	// Relying is the product as passkeys know it; without it there are none.
	Relying factor.Relying
	// Profile holds the numbers; the zero value is [DefaultProfile].
	Profile Profile
	// Real is real time; nil is the machine's clock.
	Real *strongroom.Clock
	// Recheck is how long a session is trusted without looking again, one second if
	// zero, which is the most. What this process changes counts at once.
	Recheck time.Duration
	// Hashing is how many passwords are verified at a time, 2 if zero: each takes
	// the memory of one Argon2id. Waiting is how many more may wait, 64 if zero.
	Hashing, Waiting int
	// Refused hears of each failure that is nobody's, with the code of the fault; it
	// counts them into the log. It must not block. nil ignores them.
	Refused func(ctx context.Context, source netip.Addr, code string)
	Log     *slog.Logger // operational log; nil discards
}

// Sessions lets persons in. Make it with [New]; it is safe for concurrent use.
type Sessions struct {
	o    Options
	p    Profile
	mac  seal.Key // digests, marks and proofs
	seal seal.Key // challenges and where sessions were opened

	slots chan struct{} // passwords being verified
	line  chan struct{} // these and those that wait

	mu    sync.RWMutex
	known map[[32]byte]*entry // by SHA-256 of the token's text
	met   map[string]bool     // accounts with damaged rows, and whether the log has them
	turn  uint64              // counts changes, so that a load that began before one is not kept
}

// New returns a Sessions. It panics where something required is missing or the
// profile is weaker than the product's: that is a mistake of the program.
func New(o Options) *Sessions {
	if o.Guard == nil || o.Key.IsZero() || o.People == nil || o.Rights == nil {
		panic("session: guard, key, people and rights are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("session: environment is required")
	}
	if o.Profile == (Profile{}) {
		o.Profile = DefaultProfile()
	}
	if err := o.Profile.Check(); err != nil {
		panic("session: " + err.Error())
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.Recheck <= 0 || o.Recheck > time.Second {
		o.Recheck = time.Second
	}
	if o.Hashing <= 0 {
		o.Hashing = 2
	}
	if o.Waiting <= 0 {
		o.Waiting = 64
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	env := []byte(o.Environment)
	return &Sessions{
		o: o, p: o.Profile, known: map[[32]byte]*entry{}, met: map[string]bool{},
		mac: o.Key.Derive("session mac", env), seal: o.Key.Derive("session seal", env),
		slots: make(chan struct{}, o.Hashing), line: make(chan struct{}, o.Hashing+o.Waiting),
	}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "session", FS: schema} }

// tidyEvery is how often stamps of last use are written and what is over is
// removed.
const tidyEvery = 15 * time.Second

// Run writes stamps of last use and removes what is over until ctx ends, then
// writes the last stamps.
func (s *Sessions) Run(ctx context.Context) error {
	t := time.NewTicker(tidyEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.Tidy(context.WithoutCancel(ctx))
		case <-t.C:
			if err := s.Tidy(ctx); err != nil {
				s.o.Log.LogAttrs(ctx, slog.LevelWarn, "the tidying of sessions waits",
					slog.String("kind", strongroom.KindOf(err).String()))
			}
		}
	}
}

// Tidy does once what [Sessions.Run] does again and again.
func (s *Sessions) Tidy(ctx context.Context) error {
	s.tellDamaged(ctx)
	now := s.o.Real.Now()
	stamps := map[string]int64{}
	s.mu.Lock()
	horizon := now.Add(-10 * s.o.Recheck)
	for k, e := range s.known {
		if at := e.used.Load(); at > e.stamped.Load() {
			stamps[e.row.id] = at
			e.stamped.Store(at)
		} else if e.loaded.Before(horizon) {
			delete(s.known, k) // not used for a while: memory follows the callers
		}
	}
	s.mu.Unlock()
	err := s.o.Guard.Quiet(ctx, guard.LastSeen, func(_ context.Context, tx *guard.Tx) error {
		for id, at := range stamps {
			proof := s.useProof(id, at)
			if err := setUsed(tx, id, at, proof[:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.o.Guard.Quiet(ctx, guard.Outcome, func(_ context.Context, tx *guard.Tx) error {
		// A challenge that was used up stays until it is over by any process's clock.
		return expire(tx, db.Micros(now), db.Micros(now.Add(-s.p.Ceremony)), db.Micros(now.Add(-s.p.Forget)), db.Micros(now.Add(-s.p.Known)),
			db.Micros(now.Add(-s.p.Keep)), db.Micros(now.Add(-s.p.Idle-2*tidyEvery))) // another process may have a stamp to write
	})
}

// mark returns the keyed hash of what something is kept under.
func (s *Sessions) mark(kind string, parts ...string) []byte {
	all := [][]byte{[]byte(kind)}
	for _, p := range parts {
		all = append(all, []byte(p))
	}
	m := s.mac.MAC(all...)
	return m[:]
}

// itself is the actor of what the product does about sessions on its own.
func itself() strongroom.Actor { return strongroom.System("session") }

// account describes a person's account to the policies.
func account(id string, who strongroom.Actor) strongroom.Resource {
	return strongroom.Resource{Type: "Account", ID: id, Attrs: map[string]any{"own": own(id, who)}}
}

func own(person string, who strongroom.Actor) bool {
	return who.Kind == strongroom.PersonActor && who.ID == person
}
