package federation_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/federation"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// The people of these tests. No byte of them may be found at rest or in the log.
const (
	janeName, janeMail = "Jane Margarethe Überwasser", "jane.ueberwasser@kitchen.example"
	omarName, omarMail = "Omar Haddad", "omar.haddad@kitchen.example"
)

// fixture is a Federation over a real database, log and policies, with people, and
// with sessions, keys and rights in memory.
type fixture struct {
	*federation.Federation
	people   *people.People
	guard    *guard.Guard
	ground   *guardtest.Ground
	db       *db.DB
	log      *audit.Log
	clock    *strongroom.Clock
	real     *strongroom.Clock
	opts     federation.Options
	rights   *rights
	doors    *doors
	lines    bytes.Buffer
	owners   []string
	owned    map[string][]string // keys, by who owns them
	enrolled int

	mu      sync.Mutex
	refused []string
}

func fresh(t testing.TB, change ...func(*federation.Options)) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), real: new(strongroom.Clock), doors: &doors{open: map[string][]string{}}}
	f.ground = guardtest.Open(t, f.clock, people.Schema(), federation.Schema())
	f.db, f.log = f.ground.DB, f.ground.Log
	logger := slog.New(slog.NewTextHandler(&f.lines, nil))
	f.guard = f.ground.Start(t, strongroom.Production, guard.Options{Logger: logger})
	f.people = people.New(people.Options{
		Guard: f.guard, Environment: strongroom.Production, Key: seal.NewKey(), Real: f.real, Log: logger,
		Cost:      seal.Params{Time: 1, Memory: 19 << 10, Threads: 1},
		Relying:   factor.Relying{ID: "vault.example.com", Origins: []string{"https://vault.example.com"}, Name: "Strongroom"},
		Owners:    func(*db.Reader, time.Time) ([]string, error) { return f.owners, nil },
		Owned:     func(_ *db.Reader, person string) ([]string, error) { return f.owned[person], nil },
		Suspended: []people.Hook{func(tx *guard.Tx, id string) error { return f.Suspended(tx, id) }},
		Ended: []people.Hook{func(tx *guard.Tx, id string) error {
			tx.AfterCommit(func() { f.doors.closeAll(id); f.rights.forget(id) })
			return f.Ended(tx, id)
		}},
	})
	f.rights = &rights{people: f.people, made: map[string]string{}, open: map[string]people.Spec{}, cases: map[string]string{}}
	f.opts = federation.Options{
		Guard: f.guard, Environment: strongroom.Production, Key: seal.NewKey(), People: f.people, Access: f.rights,
		Open: f.openSession, Callback: "https://vault.example.com/v1/sign-on/callback", Real: f.real, Log: logger,
		Ways: []federation.Way{f.doors.way("session"), f.doors.way("key"), f.doors.way("grant")},
		Refused: func(_ context.Context, _ netip.Addr, code string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.refused = append(f.refused, code)
		},
	}
	for _, c := range change {
		c(&f.opts)
	}
	var err error
	if f.Federation, err = federation.New(f.opts); err != nil {
		t.Fatal(err)
	}
	return f
}

// doors are the sessions, keys and grants somebody has, in memory.
type doors struct {
	mu   sync.Mutex
	open map[string][]string // by person
	// leaky is the planted mistake: ending a person leaves a session open.
	leaky bool
}

func (d *doors) add(person, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[person] = append(d.open[person], what)
}

func (d *doors) closeAll(person string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := d.open[person]
	delete(d.open, person)
	if d.leaky && slices.Contains(left, "session") {
		d.open[person] = []string{"session"}
	}
}

func (d *doors) has(person, what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.open[person], what)
}

func (d *doors) way(name string) federation.Way {
	return federation.Way{Name: name, Open: func(_ *db.Reader, person string, _ time.Time) (bool, error) { return d.has(person, name), nil }}
}

// secret stands for the token of a session.
type secret string

func (s secret) Reveal() string { return string(s) }

// openSession is the opener of these tests.
func (f *fixture) openSession(tx *guard.Tx, e federation.Entry) (federation.Token, error) {
	tx.AfterCommit(func() { f.doors.add(e.Person, "session") })
	return secret("session of " + e.Person), nil
}

// rights is package access as these tests need it.
type rights struct {
	people *people.People

	mu    sync.Mutex
	open  map[string]people.Spec // requests that wait
	made  map[string]string      // request to person; "" is refused
	cases map[string]string      // approved cases, and the role each gives
	held  []held
	asked []held
}

type held struct{ person, role, group string }

func (x *rights) AskTx(tx *guard.Tx, spec people.Spec) (string, error) {
	if err := people.RefuseShared(spec.Name, spec.Email, false); err != nil {
		return "", err
	}
	id := strongroom.NewID("req")
	tx.AfterCommit(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.open[id] = spec
	})
	return id, nil
}

func (x *rights) Outcome(_ *db.Reader, request string) (string, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, waits := x.open[request]
	return x.made[request], waits, nil
}

func (x *rights) WithdrawTx(tx *guard.Tx, request string) error {
	tx.AfterCommit(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.open, request)
	})
	return nil
}

func (x *rights) EnsureTx(tx *guard.Tx, person string, m federation.Mapping) error {
	x.mu.Lock()
	decided := m.Case != "" && x.cases[m.Case] == m.Role
	x.mu.Unlock()
	tx.AfterCommit(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		list := &x.asked
		if decided {
			list = &x.held
		}
		if h := (held{person, m.Role, m.Group}); !slices.Contains(*list, h) {
			*list = append(*list, h)
		}
	})
	return nil
}

func (x *rights) RetractTx(tx *guard.Tx, person string, m federation.Mapping) error {
	tx.AfterCommit(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		gone := func(h held) bool { return h == held{person, m.Role, m.Group} }
		x.held, x.asked = slices.DeleteFunc(x.held, gone), slices.DeleteFunc(x.asked, gone)
	})
	return nil
}

func (x *rights) forget(person string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	gone := func(h held) bool { return h.person == person }
	x.held, x.asked = slices.DeleteFunc(x.held, gone), slices.DeleteFunc(x.asked, gone)
}

// state returns who holds what and who asked for what.
func (x *rights) state() (held, asked []held) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.held), slices.Clone(x.asked)
}

// decide approves or refuses the request that waits.
func (f *fixture) decide(t testing.TB, approve bool) people.Person {
	t.Helper()
	f.rights.mu.Lock()
	if len(f.rights.open) != 1 {
		f.rights.mu.Unlock()
		t.Fatalf("%d requests wait", len(f.rights.open))
	}
	var id string
	var spec people.Spec
	for id, spec = range f.rights.open {
	}
	f.rights.mu.Unlock()
	var p people.Person
	if approve {
		p = f.add(t, spec, id)
	}
	f.rights.mu.Lock()
	defer f.rights.mu.Unlock()
	delete(f.rights.open, id)
	f.rights.made[id] = p.ID
	return p
}

var approval = strongroom.Action{Name: "request.approve", Class: 3001, Activity: 99}

func (f *fixture) add(t testing.TB, spec people.Spec, request string) (p people.Person) {
	t.Helper()
	err := f.guard.Do(t.Context(), f.boss(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(approval, strongroom.Resource{Type: "Request", ID: request}, guard.Context{}); err != nil {
			return err
		}
		var err error
		p, err = f.people.AddTx(tx, spec, request)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// member adds somebody who has enrolled.
func (f *fixture) member(t testing.TB, name, mail string) people.Person {
	t.Helper()
	p := f.add(t, people.Spec{Name: name, Email: mail, Employment: people.Employee, Source: "hand"}, strongroom.NewID("req"))
	f.enrol(t, p.ID)
	return p
}

func (f *fixture) enrol(t testing.TB, id string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link, err := f.people.Invite(t.Context(), f.boss(), id)
	must(err)
	e, err := f.people.Enrol(t.Context(), link.Token.Reveal(), "http")
	must(err)
	who, err := f.people.Enrolling(t.Context(), e.Token.Reveal(), "http")
	must(err)
	f.enrolled++ // no password twice
	must(f.people.SetPassword(t.Context(), who, nil, fmt.Appendf(nil, "Quick-Violin%d-Clouds", 10+f.enrolled)))
	_, app, err := f.people.AddTOTP(t.Context(), who)
	must(err)
	must(f.people.ConfirmTOTP(t.Context(), who, codeOfApp(t, app.Reveal(), f.real.Now())))
	_, err = f.people.Complete(t.Context(), who)
	must(err)
	must(f.people.Resume(t.Context(), f.boss(), id)) // another owner than made the link
}

// codeOfApp is what an authenticator app shows that was given the link.
func codeOfApp(t testing.TB, link string, at time.Time) string {
	t.Helper()
	k, err := otp.NewKeyFromURL(link)
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCodeCustom(k.Secret(), at, totp.ValidateOpts{Period: uint(k.Period()), Digits: k.Digits(), Algorithm: k.Algorithm()})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (f *fixture) actor(id string, roles ...string) strongroom.Actor {
	return guardtest.Person(id, f.real.Now(), roles...)
}

func (f *fixture) boss() strongroom.Actor {
	who := f.actor(strongroom.NewID("usr"), authz.Owner)
	who.Standing.Verified = time.Now() // the time of the guard, which no test moves
	return who
}

// directory is the service account of a directory.
func directory() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.ServiceActor, ID: "svc_00000000000000000000000000", Roles: []string{authz.Provisioner}, Door: "http"}
}

func (f *fixture) get(t testing.TB, id string) people.Person {
	t.Helper()
	p, err := f.people.Get(t.Context(), f.boss(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// may returns the code of why a person may not sign in, empty if they may.
func (f *fixture) may(t testing.TB, id string) string {
	t.Helper()
	var err error
	if rerr := f.db.Read(t.Context(), func(r *db.Reader) error {
		err = f.people.MaySignIn(r, id, r.Now())
		return nil
	}); rerr != nil {
		t.Fatal(rerr)
	}
	return code(err)
}

func code(err error) string { return guardtest.Code(err) }

// lastRefused returns the newest code that was counted as nobody's.
func (f *fixture) lastRefused() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.refused) == 0 {
		return ""
	}
	return f.refused[len(f.refused)-1]
}

func (f *fixture) events(t testing.TB) []audit.Event {
	t.Helper()
	return f.ground.Events(t)
}

const (
	dumpUsers  = "select id || person || request, sealed from federation_user order by id"
	dumpMarks  = "select id, name_mark from federation_user order by id"
	dumpGroups = "select id, sealed from federation_group order by id"
	dumpLinks  = "select person || provider, mark from federation_link order by person"
	dumpFlows  = "select 'flow', sealed from federation_flow order by mark"
	dumpLeft   = "select person || ways, proof from federation_leaver order by person"
	spoilLink  = "update federation_link set person = $1"
	spoilUser  = "update federation_user set person = $1"
	spoilLeft  = "update federation_leaver set ways = ''"
	spoilMore  = "insert into federation_leaver (person, left_at, proof) values ($1, $2, $3)"
)

// disk returns every byte at rest: the files on SQLite, the rows on both engines,
// and the two logs.
func (f *fixture) disk(t testing.TB) []byte {
	t.Helper()
	return append(f.ground.Disk(t, func(r *db.Reader, put func(*db.Rows, error)) {
		put(r.Query(dumpUsers))
		put(r.Query(dumpMarks))
		put(r.Query(dumpGroups))
		put(r.Query(dumpLinks))
		put(r.Query(dumpFlows))
		put(r.Query(dumpLeft))
	}), f.lines.Bytes()...)
}

// spoil changes rows behind the product's back.
func spoil(t testing.TB, f *fixture, edit func(tx *db.Tx) error) {
	t.Helper()
	if err := f.db.Update(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
}
