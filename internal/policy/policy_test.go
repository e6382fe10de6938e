package policy_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/policy"
)

func (f *fixture) propose(who strongroom.Actor, files []authz.File) policy.Version {
	f.t.Helper()
	v, _, err := f.Propose(f.t.Context(), who, files)
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

func (f *fixture) number() int64 {
	n, _ := f.law.Number()
	return n
}

// A version that allows more comes into force with a second person and not
// without.
func TestObligation_2_3_2_WiderNeedsTwo(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Security)
	auditor, str := f.person(authz.Auditor), store(strongroom.NewID("str"))
	if f.ask(auditor, "record.read", str, guard.Context{}) {
		t.Fatal("the auditor reads records already")
	}
	v, change, err := f.Propose(t.Context(), author, own(wider))
	if err != nil || !change.Widens || v.Number != 1 || v.State != policy.Proposed || v.Author != author.ID {
		t.Fatalf("%+v, %+v, %v", v, change, err)
	}
	for name, step := range map[string]func(context.Context, strongroom.Actor, string) (policy.Version, error){
		"approves": f.Approve, "activates": f.Activate,
	} {
		if _, err := step(t.Context(), author, v.ID); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("the author %s: %v", name, err)
		}
	}
	if f.ask(auditor, "record.read", str, guard.Context{}) || f.number() != 0 {
		t.Fatal("it is in force without a second person")
	}
	v = must[policy.Version](t)(f.Approve(t.Context(), other, v.ID))
	if v.State != policy.Approved || v.Decider != other.ID || f.number() != 0 {
		t.Fatalf("%+v", v)
	}
	v = must[policy.Version](t)(f.Activate(t.Context(), author, v.ID))
	if v.State != policy.Active || f.number() != 1 || !f.ask(auditor, "record.read", str, guard.Context{}) {
		t.Fatalf("%+v is not in force", v)
	}
	// The log says who, which and that it widens.
	events := f.events("policy.approve")
	if len(events) != 4 || !slices.Contains(events[0].Policies, "guards/four-eyes-policy") {
		t.Fatalf("%+v", events)
	}
	last := events[len(events)-1]
	if last.Actor.ID != author.ID || last.Resource.ID != v.ID || len(last.Notes) != 3 || last.Notes[2].Value != f.law.Engine().Digest() {
		t.Errorf("%+v", last)
	}
}

// An approval counts for the policies that were in force when it was given.
func TestApprovalIsForWhatWasInForce(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Owner)
	v := f.propose(author, own(wider))
	must[policy.Version](t)(f.Approve(t.Context(), other, v.ID))
	must[policy.Version](t)(f.Activate(t.Context(), author, f.propose(author, own(narrower)).ID))
	if _, err := f.Activate(t.Context(), author, v.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Fatalf("an old approval counts for new policies: %v", err)
	}
	must[policy.Version](t)(f.Approve(t.Context(), other, v.ID))
	if v = must[policy.Version](t)(f.Activate(t.Context(), author, v.ID)); v.State != policy.Active {
		t.Fatalf("%+v", v)
	}
	list := must[[]policy.Version](t)(f.List(t.Context(), author, 0, 10))
	if len(list) != 2 || list[0].State != policy.Superseded || list[1].State != policy.Active || list[1].Files != nil {
		t.Errorf("%+v", list)
	}
}

// The author alone puts a narrower version in force, here and in other processes.
func TestNarrowerNeedsNobody(t *testing.T) {
	f := fresh(t)
	author, operator, str := f.person(authz.Owner), f.person(authz.Operator), store(strongroom.NewID("str"))
	elsewhere := must[*policy.Law](t)(f.open(false))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- elsewhere.Run(ctx) }()
	v, change, err := f.Propose(t.Context(), author, own(narrower))
	if err != nil || change.Widens {
		t.Fatalf("%+v, %v", change, err)
	}
	if !f.ask(operator, "record.list", str, guard.Context{}) {
		t.Fatal("a proposal is in force")
	}
	must[policy.Version](t)(f.Activate(t.Context(), author, v.ID))
	if f.ask(operator, "record.list", str, guard.Context{}) {
		t.Error("the version is not in force here")
	}
	for deadline := time.Now().Add(time.Second); ; time.Sleep(5 * time.Millisecond) {
		if n, loads := elsewhere.Number(); n == 1 && loads {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("another process does not follow within a second")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if again := must[*policy.Law](t)(f.open(false)); again.Engine() == nil {
		t.Error("a restart forgets the version")
	}
	// What the configuration forbids stays forbidden.
	labels := strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_labels"}
	d := f.law.Engine().Decide(authz.Request{
		Actor: f.service(authz.Application), Action: strongroom.Action{Name: "record.reveal"}, Resource: labels,
		Purpose: strongroom.Tax, HasReference: true,
	})
	if d.Allow || !slices.Equal(d.Policies, []string{"conf/no-phones"}) {
		t.Errorf("%+v", d)
	}
}

// A forbid is not harmless: one that stops erasing or revoking needs two.
func TestStoppingNeedsTwo(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Owner)
	v, change, err := f.Propose(t.Context(), author, own(`@id("own/stop") forbid (principal, action == Action::"retention.sweep", resource);`))
	if err != nil || change.Widens || !change.Stops {
		t.Fatalf("%+v, %v", change, err)
	}
	if _, err := f.Activate(t.Context(), author, v.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("the author alone stops the sweep: %v", err)
	}
	must[policy.Version](t)(f.Activate(t.Context(), other, v.ID))
}

// Nobody locks the policies behind himself; and where it happened all the same,
// the OS user on the spot has a way out.
func TestLockout(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Security)
	v := f.propose(author, own(`@id("own/lock") forbid (principal in Role::"owner", action == Action::"policy.approve", resource);`))
	if _, err := f.Activate(t.Context(), author, v.ID); !strongroom.IsKind(err, strongroom.Conflict) || f.number() != 0 {
		t.Fatalf("an owner locks the owners out: %v", err)
	}
	must[policy.Version](t)(f.Activate(t.Context(), other, v.ID)) // who still may, may
	law := must[*policy.Law](t)(f.open(true))
	if !law.Engine().Decide(authz.Request{
		Actor:  strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{authz.Maintenance}, AllStores: true, Door: "command"},
		Action: strongroom.Action{Name: "policy.reset"}, Resource: strongroom.Resource{Type: "Policy", ID: "policies"},
	}).Allow {
		t.Error("the way out is closed")
	}
}

func TestRefusedProposals(t *testing.T) {
	f := fresh(t)
	owner := f.person(authz.Owner)
	many := make([]authz.File, policy.MaxFiles+1)
	for name, files := range map[string][]authz.File{
		"syntax":            own(`permit (principal`),
		"schema":            own(strings.Replace(wider, "record.read", "record.raed", 1)),
		"role":              own(strings.Replace(wider, `Role::"auditor"`, `Role::"auditer"`, 1)),
		"guards":            {{Name: "guards.cedar", Text: []byte(wider)}},
		"name of another":   own(strings.Replace(wider, "own/auditor", "conf/no-phones", 1)),
		"file twice":        {own(wider)[0], own(narrower)[0]},
		"file of conf":      {{Name: "conf.cedar", Text: []byte(wider)}},
		"not a name":        {{Name: "a b.cedar", Text: []byte(wider)}},
		"e-mail in a note":  own("// ask jane.doe@example.com\n" + wider),
		"phone in words":    own(`@says("call +49 30 901820") ` + wider),
		"address of a home": own("// from 203.0.113.77\n" + wider),
		"not text":          own(wider + "\x00"),
		"too large":         own(strings.Repeat("// x\n", policy.MaxBytes/5+1)),
		"too many":          many,
	} {
		v, _, err := f.Propose(t.Context(), owner, files)
		if !strongroom.IsKind(err, strongroom.Invalid) && !strongroom.IsKind(err, strongroom.TooLarge) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		if err != nil && (strings.Contains(err.Error(), "jane") || strings.Contains(err.Error(), "901820") || strings.Contains(err.Error(), "auditer")) {
			t.Errorf("%s: the fault repeats what was sent: %v", name, err)
		}
	}
	network := own(`@id("own/net") forbid (principal is Person, action == Action::"key.add", resource) unless { context has source && context.source.isInRange(ip("192.0.2.0/24")) };`)
	if _, _, err := f.Propose(t.Context(), owner, network); err != nil {
		t.Errorf("a network is refused: %v", err)
	}
	if problems, err := f.Check(t.Context(), owner, own("permit (principal")); err != nil || len(problems) != 1 {
		t.Errorf("%v, %v", problems, err)
	}
	for _, who := range []strongroom.Actor{f.person(authz.Privacy), f.person(authz.Auditor), f.service(authz.Application)} {
		if _, _, err := f.Propose(t.Context(), who, own(narrower)); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%v proposes: %v", who.Roles, err)
		}
	}
	stale := f.person(authz.Owner)
	stale.Standing.Verified = time.Now().Add(-16 * time.Minute)
	if _, _, err := f.Propose(t.Context(), stale, own(narrower)); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an old second factor proposes: %v", err)
	}
	if _, err := f.Approve(t.Context(), f.service(authz.Owner), f.propose(owner, own(narrower)).ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("a key approves: %v", err)
	}
}

func TestStates(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Owner)
	v := f.propose(author, own(narrower))
	if v = must[policy.Version](t)(f.Withdraw(t.Context(), author, v.ID)); v.State != policy.Withdrawn {
		t.Fatalf("%+v", v)
	}
	for name, step := range map[string]func(context.Context, strongroom.Actor, string) (policy.Version, error){
		"approve": f.Approve, "activate": f.Activate, "withdraw": f.Withdraw,
	} {
		if _, err := step(t.Context(), other, v.ID); !strongroom.IsKind(err, strongroom.Conflict) {
			t.Errorf("%s a withdrawn version: %v", name, err)
		}
		for _, id := range []string{strongroom.NewID("pol"), "pol_x", "jane doe", ""} {
			if _, err := step(t.Context(), other, id); !strongroom.IsKind(err, strongroom.NotFound) {
				t.Errorf("%s %q: %v", name, id, err)
			}
			if _, err := step(t.Context(), f.person(authz.Privacy), id); !strongroom.IsKind(err, strongroom.Denied) {
				t.Errorf("%s %q by privacy: %v", name, id, err)
			}
		}
	}
	if _, _, err := f.Get(t.Context(), author, "jane doe"); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("get: %v", err)
	}
	got, change, err := f.Get(t.Context(), author, v.ID)
	if err != nil || len(got.Files) != 1 || string(got.Files[0].Text) != narrower || change.Widens || len(change.Steps) != 1 {
		t.Errorf("%+v, %+v, %v", got, change, err)
	}
	now := must[policy.Version](t)(f.Current(t.Context(), author))
	if now.Number != 0 || now.State != policy.Active || len(now.Files) != 1 {
		t.Errorf("%+v", now)
	}
}

func TestRollback(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Owner)
	must[policy.Version](t)(f.Activate(t.Context(), author, f.propose(author, own(narrower)).ID))
	back, change, err := f.Rollback(t.Context(), author, 0)
	if err != nil || !change.Widens || back.State != policy.Proposed || f.number() != 1 {
		t.Fatalf("a forbid is gone without a second person: %+v, %+v, %v", back, change, err)
	}
	must[policy.Version](t)(f.Activate(t.Context(), other, back.ID))
	if f.number() != 2 {
		t.Fatal("not rolled back")
	}
	back, change, err = f.Rollback(t.Context(), author, 1)
	if err != nil || change.Widens || back.State != policy.Active || back.Restores != 1 || f.number() != 3 {
		t.Fatalf("%+v, %+v, %v", back, change, err)
	}
	if _, _, err := f.Rollback(t.Context(), author, 99); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("%v", err)
	}
}

// What was edited does not load: a start is refused with what to do, a process
// that runs denies everything, and the OS user on the spot can go back.
func TestEditedVersionIsNotInForce(t *testing.T) {
	for name, edit := range map[string]func(tx *db.Tx) error{
		"files": func(tx *db.Tx) error {
			_, err := tx.Exec(`update policy_version set sealed = $1`, []byte("permit (principal, action, resource);"))
			return err
		},
		"state": func(tx *db.Tx) error {
			_, err := tx.Exec(`update policy_version set state = 4`)
			return err
		},
		"pointer": func(tx *db.Tx) error {
			_, err := tx.Exec(`update policy_current set number = 0, turn = turn + 1`)
			return err
		},
		"row gone": func(tx *db.Tx) error {
			_, err := tx.Exec(`delete from policy_version`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			author := f.person(authz.Owner)
			elsewhere := must[*policy.Law](t)(f.open(false))
			must[policy.Version](t)(f.Activate(t.Context(), author, f.propose(author, own(narrower)).ID))
			if err := f.db.Update(t.Context(), edit); err != nil {
				t.Fatal(err)
			}
			if _, err := f.open(false); !strongroom.IsKind(err, strongroom.Conflict) || !strings.Contains(err.Error(), "strongroom policy reset") {
				t.Fatalf("a start with an edited version: %v", err)
			}
			elsewhere.Follow(t.Context())
			if elsewhere.Engine() != nil {
				t.Error("a process that runs goes on with something else")
			}
			spot := strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{authz.Maintenance}, AllStores: true, Door: "command"}
			if err := f.Reset(t.Context(), author); !strongroom.IsKind(err, strongroom.Denied) {
				t.Errorf("an owner resets from afar: %v", err)
			}
			if _, err := f.open(true); err != nil {
				t.Fatalf("the fallback: %v", err)
			}
			if err := f.Reset(t.Context(), spot); err != nil {
				t.Fatal(err)
			}
			elsewhere.Follow(t.Context())
			if n, loads := elsewhere.Number(); n != 0 || !loads {
				t.Errorf("after the reset: %d, %v", n, loads)
			}
			if _, err := f.open(false); err != nil {
				t.Error(err)
			}
			if events := f.events("policy.reset"); len(events) != 2 {
				t.Errorf("%+v", events)
			}
		})
	}
}

// The text of a version is not in the database in clear.
func TestVersionsAreSealed(t *testing.T) {
	f := fresh(t)
	f.propose(f.person(authz.Owner), own(narrower))
	var sealed []byte
	err := f.db.Read(t.Context(), func(r *db.Reader) error {
		return r.QueryRow(`select sealed from policy_version where number = 1`).Scan(&sealed)
	})
	if err != nil || strings.Contains(string(sealed), "operator") || len(sealed) < 50 {
		t.Errorf("%q, %v", sealed, err)
	}
}

func TestExplain(t *testing.T) {
	f := fresh(t)
	operator := f.person(authz.Operator)
	q := policy.Question{
		Kind: strongroom.PersonActor, Subject: operator.ID, Action: "record.reveal",
		Resource: strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_a"}, Purpose: strongroom.Fulfilment, Reference: true,
		Classes: []string{"phone"}, Device: "unmanaged", Shown: -1,
	}
	x, err := f.Explain(t.Context(), f.person(authz.Auditor), q)
	if err != nil || x.Decision.Allow || !slices.Equal(x.Decision.Policies, []string{"guards/step-up", "guards/device"}) {
		t.Fatalf("%+v, %v", x, err)
	}
	q.Device, q.Shown = "managed", time.Minute
	if x, err = f.Explain(t.Context(), f.person(authz.Auditor), q); err != nil || len(x.Nearly) != 1 || len(x.Holders) == 0 {
		t.Fatalf("%+v, %v", x, err)
	}
	q.Subject = strongroom.NewID("usr")
	if _, err = f.Explain(t.Context(), f.person(authz.Auditor), q); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("%v", err)
	}
	if _, err = f.Explain(t.Context(), f.service(authz.Application), q); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("%v", err)
	}
}

func TestParity(t *testing.T) { dbtest.Parity(t, policy.Schema()) }

// Every statement of the package is taken by both engines.
func TestStatements(t *testing.T) {
	f := fresh(t)
	all := dbtest.Statements(t, ".")
	if len(all) < 9 {
		t.Fatalf("%d statements", len(all))
	}
	dbtest.PrepareAll(t, f.db, all)
}

// While versions come and go, every decision is made by one of them as a whole.
func TestSwapUnderDecisions(t *testing.T) {
	f := fresh(t)
	author, other := f.person(authz.Owner), f.person(authz.Owner)
	both := own(`@id("own/a") permit (principal in Role::"auditor", action == Action::"record.read", resource);
		@id("own/b") permit (principal in Role::"auditor", action == Action::"record.read", resource);`)
	reader := f.person(authz.Auditor)
	done := make(chan struct{})
	var wrong atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				d := f.law.Engine().Decide(authz.Request{
					Actor: reader, Action: strongroom.Action{Name: "record.read"}, Resource: store("str_a"), Now: time.Now(), Real: time.Now(),
				})
				if len(d.Policies) == 1 || d.Err != nil {
					wrong.Add(1)
				}
			}
		})
	}
	for range 5 {
		v := f.propose(author, both)
		must[policy.Version](t)(f.Activate(t.Context(), other, v.ID))
		back, _, err := f.Rollback(t.Context(), author, 0)
		if err != nil || back.State != policy.Active {
			t.Fatalf("%+v, %v", back, err)
		}
	}
	close(done)
	wg.Wait()
	if wrong.Load() > 0 {
		t.Errorf("%d decisions saw half a version", wrong.Load())
	}
}
