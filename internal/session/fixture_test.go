package session_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/seal"
	"strongroom/internal/session"
)

// fixture is a Sessions over a real database, log and policies.
type fixture struct {
	*session.Sessions
	t       testing.TB
	people  *crowd
	ground  *guardtest.Ground
	db      *db.DB
	log     *audit.Log
	guard   *guard.Guard
	clock   *strongroom.Clock // of data
	real    *strongroom.Clock
	key     seal.Key
	journal bytes.Buffer // the operational log

	mu      sync.Mutex
	refused []string
}

func fresh(t testing.TB, schemas ...db.Schema) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: new(strongroom.Clock), real: new(strongroom.Clock), key: seal.NewKey()}
	f.people = &crowd{key: seal.NewKey(), all: map[string]*person{}}
	f.ground = guardtest.Open(t, f.clock, append([]db.Schema{session.Schema()}, schemas...)...)
	f.db, f.log = f.ground.DB, f.ground.Log
	f.guard = f.ground.Start(t, strongroom.Production, guard.Options{Real: f.real})
	f.Sessions = f.another(nil)
	return f
}

// patient is the profile with a stricter first wait: the clock of a test goes on, and
// the second of the product passes while a busy machine answers.
func patient() session.Profile {
	p := session.DefaultProfile()
	p.FirstWait = time.Minute
	return p
}

// another returns a second Sessions over the same database, as another process
// or the same after a restart has it.
func (f *fixture) another(change func(*session.Options)) *session.Sessions {
	o := session.Options{
		Guard: f.guard, Environment: strongroom.Production, Key: f.key, People: f.people, Rights: f.people.rights,
		Relying: relying, Real: f.real, Profile: patient(), Log: slog.New(slog.NewTextHandler(&f.journal, nil)),
		Refused: func(_ context.Context, _ netip.Addr, code string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.refused = append(f.refused, code)
		},
	}
	if change != nil {
		change(&o)
	}
	return session.New(o)
}

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	chrome  = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)

func from(addr string) session.Caller {
	return session.Caller{Source: netip.MustParseAddr(addr), Agent: firefox}
}

// pass moves real time, and with it the steps of authenticator apps.
func (f *fixture) pass(d time.Duration) { f.real.SetOffset(f.real.Offset() + d) }

// code returns the code a person's app shows now, a fresh one each time.
func (f *fixture) code(x *person) string {
	f.t.Helper()
	f.people.mu.Lock()
	last, secret := x.step, x.totp
	f.people.mu.Unlock()
	for now := f.real.Now(); ; now = f.real.Now() {
		if now.Unix()/30 > last {
			return codeAt(f.t, secret, now)
		}
		f.pass(factor.TOTPStep)
	}
}

// half goes as far as the right password.
func (f *fixture) half(x *person, c session.Caller) session.Challenge {
	f.t.Helper()
	ch := must(f.Begin(f.t.Context(), x.email, c))(f.t)
	return must(f.Password(f.t.Context(), ch.ID, []byte(rightPassword), c))(f.t)
}

// signIn signs a person in with password and app.
func (f *fixture) signIn(x *person, c session.Caller) session.Opened {
	f.t.Helper()
	ch := f.half(x, c)
	return must(f.TOTP(f.t.Context(), ch.ID, f.code(x), c))(f.t)
}

// guess tries a password at an address.
func (f *fixture) guess(email, typed string, c session.Caller) error {
	f.t.Helper()
	ch, err := f.Begin(f.t.Context(), email, c)
	if err != nil {
		return err
	}
	_, err = f.Password(f.t.Context(), ch.ID, []byte(typed), c)
	return err
}

// holds reports whether a token is good for a caller.
func (f *fixture) holds(o session.Opened, c session.Caller) bool {
	f.t.Helper()
	_, err := f.Authenticate(f.t.Context(), o.Token.Reveal(), c)
	if err != nil && !strongroom.IsKind(err, strongroom.Unauthenticated) {
		f.t.Fatal(err)
	}
	return err == nil
}

// actor returns who acts in a session.
func (f *fixture) actor(o session.Opened, c session.Caller) strongroom.Actor {
	f.t.Helper()
	return must(f.Authenticate(f.t.Context(), o.Token.Reveal(), c))(f.t)
}

func security() strongroom.Actor {
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{"security"}, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Trained: true, Pledged: true},
	}
}

// security is somebody of security who has just shown two factors.
func (f *fixture) security() strongroom.Actor {
	who := security()
	who.Standing.Verified = f.real.Now()
	return who
}

// events returns the events of an action, all if it is empty.
func (f *fixture) events(action string) (out []audit.Event) {
	f.t.Helper()
	for _, e := range f.ground.Events(f.t) {
		if action == "" || e.Action.Name == action {
			out = append(out, e)
		}
	}
	return out
}

// note returns a note of an event, nil without one.
func note(e audit.Event, key string) any {
	for _, n := range e.Notes {
		if n.Key == key {
			if w, ok := n.Value.(audit.Term); ok {
				return w.String()
			}
			return n.Value
		}
	}
	return nil
}

func code(err error) string {
	if f, ok := err.(*strongroom.Fault); ok {
		return f.Code
	}
	return ""
}

func wantCode(t testing.TB, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Fatalf("got %v (code %q), want code %q", err, code(err), want)
	}
}

// disk returns every byte of the database's files, and of the log.
func (f *fixture) disk() []byte {
	f.t.Helper()
	all := f.ground.Disk(f.t, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(all, f.journal.Bytes()...)
}

// codeAt returns the code of a secret at a time.
func codeAt(t testing.TB, s factor.TOTPSecret, at time.Time) string {
	t.Helper()
	return must(totp.GenerateCode(strings.ReplaceAll(s.Text().Reveal(), " ", ""), at))(t)
}
