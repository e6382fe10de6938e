package people_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// The people of these tests. No byte of them may be found anywhere at rest.
const (
	janeName, janeMail = "Jane Margarethe Überwasser", "jane.ueberwasser@kitchen.example"
	liName, liMail     = "李娜", "li.na@kitchen.example"
	goodPassword       = "Quick-Violin7-Clouds"
	otherPassword      = "old 88 Tulips Singing!"
)

// fixture is a People over a real database, log and policies.
type fixture struct {
	*people.People
	ground *guardtest.Ground
	db     *db.DB
	log    *audit.Log
	guard  *guard.Guard
	clock  *strongroom.Clock // data
	real   *strongroom.Clock
	opts   people.Options
	lines  bytes.Buffer
	owners []string
	ended  []string
	closed []string
	hook   error // what the hooks answer
}

func fresh(t testing.TB, change ...func(*people.Options)) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), real: new(strongroom.Clock)}
	f.ground = guardtest.Open(t, f.clock, people.Schema())
	f.db, f.log = f.ground.DB, f.ground.Log
	logger := slog.New(slog.NewTextHandler(&f.lines, nil))
	f.guard = f.ground.Start(t, strongroom.Production, guard.Options{Logger: logger})
	hook := func(to *[]string) []people.Hook {
		return []people.Hook{func(_ *guard.Tx, id string) error {
			if f.hook == nil {
				*to = append(*to, id)
			}
			return f.hook
		}}
	}
	f.opts = people.Options{
		Guard: f.guard, Environment: strongroom.Production, Key: seal.NewKey(), Real: f.real, Log: logger,
		Cost:    seal.Params{Time: 1, Memory: 19 << 10, Threads: 1},
		Words:   []string{"Kubikulus"},
		Relying: factor.Relying{ID: "vault.example.com", Origins: []string{"https://vault.example.com"}, Name: "Strongroom"},
		Owners:  func(*db.Reader, time.Time) ([]string, error) { return f.owners, nil },
		Founded: []people.Hook{func(_ *guard.Tx, id string) error { f.owners = append(f.owners, id); return f.hook }},
		Ended:   hook(&f.ended), Suspended: hook(&f.closed),
	}
	for _, c := range change {
		c(&f.opts)
	}
	f.People = people.New(f.opts)
	return f
}

// actor is a person with roles who has shown everything.
func (f *fixture) actor(id string, roles ...string) strongroom.Actor {
	return guardtest.Person(id, f.real.Now(), roles...)
}

// boss is an owner who is nobody of the register.
func (f *fixture) boss() strongroom.Actor {
	who := f.actor(strongroom.NewID("usr"), authz.Owner)
	who.Standing.Verified = time.Now() // the time of the guard, which no test moves
	return who
}

func maintenance() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{authz.Maintenance}, AllStores: true, Door: "socket"}
}

func jane() people.Spec {
	return people.Spec{Name: janeName, Email: janeMail, Employment: people.Employee, Source: "hand"}
}

func li() people.Spec {
	return people.Spec{Name: liName, Email: liMail, Employment: people.Contractor, Source: "hand"}
}

// approve is a request's approval: some decision, and the account in its commit.
var approval = strongroom.Action{Name: "request.approve", Class: 3001, Activity: 99}

// add adds a person by an approved request.
func (f *fixture) add(t testing.TB, s people.Spec) people.Person {
	t.Helper()
	x, err := f.tryAdd(s, strongroom.NewID("req"))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (f *fixture) tryAdd(s people.Spec, by string) (x people.Person, err error) {
	err = f.do(f.boss(), func(tx *guard.Tx) error {
		x, err = f.AddTx(tx, s, by)
		return err
	})
	return x, err
}

// do runs fn in a transaction that was decided about.
func (f *fixture) do(who strongroom.Actor, fn func(tx *guard.Tx) error) error {
	return f.guard.Do(context.Background(), who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(approval, strongroom.Resource{Type: "Request", ID: strongroom.NewID("req")}, guard.Context{}); err != nil {
			return err
		}
		return fn(tx)
	})
}

// enrolling adds a person and opens the link.
func (f *fixture) enrolling(t testing.TB, s people.Spec) strongroom.Actor {
	t.Helper()
	x := f.add(t, s)
	link, err := f.Invite(t.Context(), f.boss(), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	return f.follow(t, link)
}

// follow opens a link and returns the actor it leads to.
func (f *fixture) follow(t testing.TB, link people.Link) strongroom.Actor {
	t.Helper()
	e, err := f.Enrol(t.Context(), link.Token.Reveal(), "http")
	if err != nil {
		t.Fatal(err)
	}
	who, err := f.Enrolling(t.Context(), e.Token.Reveal(), "http")
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// totp adds an authenticator app and confirms it.
func (f *fixture) totp(t testing.TB, who strongroom.Actor) factor.TOTPSecret {
	t.Helper()
	secret, _, err := f.AddTOTP(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ConfirmTOTP(t.Context(), who, codeOf(t, secret, f.real.Now())); err != nil {
		t.Fatal(err)
	}
	return secret
}

// member is somebody who has enrolled with a password and an app.
type member struct {
	strongroom.Actor
	secret factor.TOTPSecret
	codes  []factor.Code
}

func (f *fixture) member(t testing.TB, s people.Spec) member {
	t.Helper()
	return f.complete(t, f.enrolling(t, s))
}

func (f *fixture) complete(t testing.TB, who strongroom.Actor) member {
	t.Helper()
	if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); err != nil {
		t.Fatal(err)
	}
	m := member{secret: f.totp(t, who)}
	var err error
	if m.codes, err = f.Complete(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	if f.may(t, who.ID) != "" { // another lets in than whoever made the link
		if err := f.Resume(t.Context(), f.boss(), who.ID); err != nil {
			t.Fatal(err)
		}
	}
	m.Actor = f.actor(who.ID)
	return m
}

// again returns m with two factors shown just now.
func (f *fixture) again(m member) strongroom.Actor { return f.actor(m.ID) }

// get reads a person as an owner does.
func (f *fixture) get(t testing.TB, id string) people.Person {
	t.Helper()
	x, err := f.Get(t.Context(), f.boss(), id)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// may returns the code of why a person may not sign in, empty if they may.
func (f *fixture) may(t testing.TB, id string) string {
	t.Helper()
	var err error
	if rerr := f.db.Read(t.Context(), func(r *db.Reader) error {
		err = f.MaySignIn(r, id, r.Now())
		return nil
	}); rerr != nil {
		t.Fatal(rerr)
	}
	return code(err)
}

func (f *fixture) standing(t testing.TB, id string) (s people.Standing) {
	t.Helper()
	if err := f.db.Read(t.Context(), func(r *db.Reader) (err error) {
		s, err = f.Standing(r, id, r.Now())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func code(err error) string { return guardtest.Code(err) }

// events returns the log, decoded.
func (f *fixture) events(t testing.TB) []audit.Event {
	t.Helper()
	return f.ground.Events(t)
}

// last returns the newest event as action and code.
func (f *fixture) last(t testing.TB) string {
	t.Helper()
	all := f.events(t)
	newest := all[len(all)-1]
	return newest.Action.Name + " " + newest.Code
}

const (
	dumpPersons    = "select id || state, sealed from people_person order by id"
	dumpKeys       = "select person, wrapped from people_key order by person"
	dumpMails      = "select person, digest from people_mail order by person"
	dumpLinks      = "select person, digest from people_link order by person"
	dumpEnrolments = "select person || id, digest from people_enrolment order by person"
	dumpPasswords  = "select person || id, sealed from people_password order by id"
	dumpFactors    = "select person || kind || id, sealed from people_factor order by id"
	dumpLookups    = "select id, lookup from people_factor order by id"
	dumpCeremonies = "select person, sealed from people_ceremony order by person"
	dumpStanding   = "select person || kind || version || recorded_by, proof from people_standing order by person, kind, given_at"
)

// disk returns every byte at rest: the files on SQLite, and on both engines the
// rows. The log is in it, and the operational log.
func (f *fixture) disk(t testing.TB) []byte {
	t.Helper()
	return append(f.ground.Disk(t, func(r *db.Reader, put func(*db.Rows, error)) {
		put(r.Query(dumpPersons))
		put(r.Query(dumpKeys))
		put(r.Query(dumpMails))
		put(r.Query(dumpLinks))
		put(r.Query(dumpEnrolments))
		put(r.Query(dumpPasswords))
		put(r.Query(dumpFactors))
		put(r.Query(dumpLookups))
		put(r.Query(dumpCeremonies))
		put(r.Query(dumpStanding))
	}), f.lines.Bytes()...)
}
