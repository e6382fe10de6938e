package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/device"
	"strongroom/internal/federation"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/seal"
	"strongroom/internal/session"
)

// openPeople opens what knows persons, as app does.
func (f *fixture) openPeople(g *guard.Guard, ring *keys.Ring, ks *keys.Keys, law *policy.Law) {
	const env = strongroom.Test
	cheap := seal.Params{Time: 1, Memory: 19 << 10, Threads: 1}
	f.people = people.New(people.Options{
		Guard: g, Environment: env, Key: ring.InstanceKey("people"), Cost: cheap, Real: f.real,
		Owners: func(r *db.Reader, now time.Time) ([]string, error) { return f.access.Owners(r, now) },
		Roles: func(r *db.Reader, person string, now time.Time) ([]string, error) {
			return f.access.Roles(r, person, now)
		},
		Founded: []people.Hook{func(tx *guard.Tx, person string) error { return f.access.FoundTx(tx, person) }},
		Changed: []people.Hook{func(tx *guard.Tx, person string) error {
			_, err := f.sessions.RevokeOthersTx(tx, person)
			return err
		}},
		Ended: []people.Hook{func(tx *guard.Tx, person string) error {
			_, err := f.sessions.RevokeAllTx(tx, person)
			return errors.Join(err, f.federation.Ended(tx, person))
		}},
	})
	f.devices = device.New(device.Options{Guard: g, Environment: env, Key: ring.InstanceKey("device"), Person: f.people.Exists, Real: f.real})
	f.sessions = session.New(session.Options{
		Guard: g, Environment: env, Key: ring.InstanceKey("session"), People: session.Directory(f.people), Real: f.real,
		Rights: func(r *db.Reader, person string, now time.Time) (session.Granted, error) {
			x, err := f.access.Rights(r, person, now)
			return session.Granted(x), err
		},
	})
	f.access = access.New(access.Options{
		Guard: g, Environment: env, Key: ring.InstanceKey("access"), People: f.people, Services: f.identity, Logged: ks.Logged,
		Changed: f.sessions.Forget,
	})
	f.book = policy.New(policy.Options{Guard: g, Law: law, Decisions: policy.FromLog(f.log)})
	var err error
	f.federation, err = federation.New(federation.Options{
		Guard: g, Environment: env, Key: ring.InstanceKey("federation"), People: f.people, Access: noDirectory{},
		Open: func(*guard.Tx, federation.Entry) (federation.Token, error) { panic("nobody signs on here") },
		Ways: []federation.Way{{Name: "session", Open: f.sessions.HasOpen}},
	})
	f.must(err)
}

// noDirectory asks for nothing: no directory and no provider is configured.
type noDirectory struct{ federation.Access }

const (
	ownerName  = "Ottilie Vandersmissen"
	ownerEmail = "ottilie@vandersmissen.example"
	goodWords  = "Grau-7-Nebel-Ufer!"
)

// owner makes the first owner and returns the token of the link.
func (f *fixture) owner() (id, link string) {
	f.t.Helper()
	who := strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:0", Roles: []string{authz.TestEverything}, AllStores: true, Door: "command"}
	p, l, err := f.people.Found(context.Background(), who, people.Spec{Name: ownerName, Email: ownerEmail, Employment: people.Employee})
	f.must(err)
	return p.ID, l.Token.Reveal()
}

// user calls the API as a person's browser: without the key of all things.
type user struct {
	f      *fixture
	token  string // of the session
	secret string // of the authenticator app
	codes  []string
}

func (u *user) call(method, path, body string) answer {
	u.f.t.Helper()
	auth := header{"Authorization", ""}
	if u.token != "" {
		auth[1] = "Bearer " + u.token
	}
	return u.f.call(method, path, body, auth, header{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
}

// want is call for what must be answered with a status.
func (u *user) want(status int, method, path, body string, into any) answer {
	u.f.t.Helper()
	a := u.call(method, path, body)
	if a.status != status {
		u.f.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if into != nil {
		u.f.must(jsonInto(a.body, into))
	}
	return a
}

// code returns a code of the app, and moves real time on so that it is a new one.
func (u *user) code() string {
	u.f.t.Helper()
	u.f.real.SetOffset(u.f.real.Offset() + 30*time.Second)
	code, err := totp.GenerateCodeCustom(u.secret, u.f.real.Now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	u.f.must(err)
	return code
}

// enrol leads through an enrolment by password and app.
func (u *user) enrol(link string) {
	u.f.t.Helper()
	var e struct{ Token string }
	u.want(http.StatusOK, "POST", "/v1/enrol", `{"link":"`+link+`"}`, &e)
	u.want(http.StatusNoContent, "POST", "/v1/enrol/password", `{"token":"`+e.Token+`","password":"`+goodWords+`"}`, nil)
	var t struct{ Secret string }
	u.want(http.StatusOK, "POST", "/v1/enrol/totp", `{"token":"`+e.Token+`"}`, &t)
	u.secret = strings.ReplaceAll(t.Secret, " ", "")
	u.want(http.StatusNoContent, "POST", "/v1/enrol/totp/confirm", `{"token":"`+e.Token+`","code":"`+u.code()+`"}`, nil)
	var r struct {
		Codes []string `json:"recovery_codes"`
	}
	u.want(http.StatusOK, "POST", "/v1/enrol/complete", `{"token":"`+e.Token+`"}`, &r)
	u.codes = r.Codes
}

// signIn opens a session.
func (u *user) signIn(email string) {
	u.f.t.Helper()
	var ch struct{ Challenge string }
	u.want(http.StatusOK, "POST", "/v1/session/begin", `{"email":"`+email+`"}`, &ch)
	u.want(http.StatusOK, "POST", "/v1/session/password", `{"challenge":"`+ch.Challenge+`","password":"`+goodWords+`"}`, nil)
	u.opened("/v1/session/totp", `{"challenge":"`+ch.Challenge+`","code":"`+u.code()+`"}`)
}

func (u *user) opened(path, body string) {
	u.f.t.Helper()
	var o struct{ Token string }
	u.want(http.StatusOK, "POST", path, body, &o)
	u.token = o.Token
}
