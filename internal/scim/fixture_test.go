package scim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/federation"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/scim"
	"strongroom/internal/seal"
)

// fixture is the door over a real server, database, log and policies, with real
// keys of service accounts. Requests and grants are in memory.
type fixture struct {
	over error // what the limit of strangers says
	*httptest.Server
	people *people.People
	dir    *federation.Federation
	guard  *guard.Guard
	log    *audit.Log
	clock  *strongroom.Clock
	key    string // of a directory
	wrong  string // of an application
	rights *rights
	owners []string

	mu     sync.Mutex
	closed []string // who lost sessions, keys and grants
}

func fresh(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), rights: &rights{open: map[string]people.Spec{}, made: map[string]string{}}}
	ground := guardtest.Open(t, f.clock, people.Schema(), identity.Schema(), federation.Schema())
	f.log = ground.Log
	f.guard = ground.Start(t, strongroom.Test, guard.Options{})
	f.people = people.New(people.Options{
		Guard: f.guard, Environment: strongroom.Test, Key: seal.NewKey(), Cost: seal.Params{Time: 1, Memory: 19 << 10, Threads: 1},
		Owners: func(*db.Reader, time.Time) ([]string, error) { return f.owners, nil },
		Ended: []people.Hook{func(tx *guard.Tx, id string) error {
			tx.AfterCommit(func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.closed = append(f.closed, id)
			})
			return f.dir.Ended(tx, id)
		}},
	})
	var err error
	f.dir, err = federation.New(federation.Options{
		Guard: f.guard, Environment: strongroom.Test, Key: seal.NewKey(), People: f.people, Access: f.rights,
		Open: func(*guard.Tx, federation.Entry) (federation.Token, error) { return nil, nil },
		Mappings: []federation.Mapping{
			{Source: federation.SCIM, Group: "Strongroom operators", Role: "operator", AllStores: true, Case: strongroom.NewID("req")},
		},
	})
	must(t, err)
	ids := identity.New(identity.Options{Guard: f.guard, Environment: strongroom.Test, Key: seal.NewKey(), Clock: f.clock})
	for role, at := range map[string]*string{authz.Provisioner: &f.key, authz.Application: &f.wrong} {
		_, secret, err := ids.CreateKey(t.Context(), boss(), identity.KeySpec{Label: role, Roles: []string{role}, AllStores: true})
		must(t, err)
		*at = secret.Reveal()
	}
	f.Server = httptest.NewServer(scim.New(scim.Options{
		Directory: f.dir, Who: ids.Authenticate, Base: "https://vault.example.com/scim/v2",
		Limit: func(netip.Addr) error { return f.over },
	}))
	t.Cleanup(f.Close)
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func boss() strongroom.Actor { return guardtest.Person("", time.Now(), authz.Owner) }

// ask makes a request as a directory and returns what came back.
func (f *fixture) ask(t testing.TB, method, path string, body []byte) (int, map[string]any, http.Header) {
	t.Helper()
	return f.askAs(t, f.key, method, path, body)
}

func (f *fixture) askAs(t testing.TB, key, method, path string, body []byte, more ...string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.URL+scim.Prefix+path, bytes.NewReader(body))
	must(t, err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	for i := 0; i+1 < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode == http.StatusNoContent {
		if len(text) > 0 {
			t.Errorf("%s %s: a body with 204", method, path)
		}
		return res.StatusCode, nil, res.Header
	}
	if got := res.Header.Get("Content-Type"); got != "application/scim+json" {
		t.Errorf("%s %s: %d %s", method, path, res.StatusCode, got)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	return res.StatusCode, out, res.Header
}

// rights is package access as these tests need it.
type rights struct {
	mu   sync.Mutex
	open map[string]people.Spec
	made map[string]string
	held map[string]bool // person and role
}

func (x *rights) AskTx(tx *guard.Tx, spec people.Spec) (string, error) {
	id := strongroom.NewID("req")
	tx.AfterCommit(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.open[id] = spec
	})
	return id, people.RefuseShared(spec.Name, spec.Email, false)
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

func (x *rights) set(tx *guard.Tx, person, role string, to bool) {
	tx.AfterCommit(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.held == nil {
			x.held = map[string]bool{}
		}
		x.held[person+" "+role] = to
	})
}

func (x *rights) EnsureTx(tx *guard.Tx, person string, m federation.Mapping) error {
	x.set(tx, person, m.Role, true)
	return nil
}

func (x *rights) RetractTx(tx *guard.Tx, person string, m federation.Mapping) error {
	x.set(tx, person, m.Role, false)
	return nil
}

func (x *rights) has(person, role string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.held[person+" "+role]
}

func (x *rights) waiting() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.open)
}

var approval = strongroom.Action{Name: "request.approve", Class: 3001, Activity: 99}

// approve approves the request that waits, and lets the person enrol.
func (f *fixture) approve(t testing.TB) string {
	t.Helper()
	f.rights.mu.Lock()
	var id string
	var spec people.Spec
	for id, spec = range f.rights.open {
	}
	delete(f.rights.open, id)
	f.rights.mu.Unlock()
	if id == "" {
		t.Fatal("no request waits")
	}
	var p people.Person
	must(t, f.guard.Do(t.Context(), boss(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(approval, strongroom.Resource{Type: "Request", ID: id}, guard.Context{}); err != nil {
			return err
		}
		var err error
		p, err = f.people.AddTx(tx, spec, id)
		return err
	}))
	f.rights.mu.Lock()
	f.rights.made[id] = p.ID
	f.rights.mu.Unlock()
	link, err := f.people.Invite(t.Context(), boss(), p.ID)
	must(t, err)
	e, err := f.people.Enrol(t.Context(), link.Token.Reveal(), "http")
	must(t, err)
	who, err := f.people.Enrolling(t.Context(), e.Token.Reveal(), "http")
	must(t, err)
	must(t, f.people.SetPassword(t.Context(), who, nil, []byte("Quick-Violin7-Clouds")))
	_, app, err := f.people.AddTOTP(t.Context(), who)
	must(t, err)
	k, err := otp.NewKeyFromURL(app.Reveal())
	must(t, err)
	code, err := totp.GenerateCodeCustom(k.Secret(), time.Now(), totp.ValidateOpts{Period: uint(k.Period()), Digits: k.Digits(), Algorithm: k.Algorithm()})
	must(t, err)
	must(t, f.people.ConfirmTOTP(t.Context(), who, code))
	_, err = f.people.Complete(t.Context(), who)
	must(t, err)
	if _, err := f.dir.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func (f *fixture) state(t testing.TB, person string) people.State {
	t.Helper()
	p, err := f.people.Get(t.Context(), boss(), person)
	must(t, err)
	return p.State
}
