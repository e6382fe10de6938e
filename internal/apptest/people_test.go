package apptest_test

import (
	"encoding/base32"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
)

// What is planted of the first owner: personal data and secrets that must be
// nowhere at rest and in no log.
const (
	personAgent    = "Mozilla/5.0 (X11; Linux x86_64; quillwort) Firefox/140.0"
	personPassword = "Grau-7-Nebel-Ufer!"
)

// TestAccountsLeaveNothingInClear has a person enrol and sign in over the API and
// looks for name, address, password, secret, recovery codes, tokens and user agent
// in the database, the log, the keys and the operational log.
func TestAccountsLeaveNothingInClear(t *testing.T) {
	i := apptest.Start(t, apptest.Options{Cluster: apptest.NewCluster(t, false), Owner: app.FirstOwner{Name: apptest.OwnerName, Email: apptest.OwnerEmail}})
	p := person{Instance: i}
	_, link, _ := strings.Cut(i.Made.Link, "#")
	p.enrol(link)
	p.signIn()
	var who struct{ ID string }
	p.want(http.StatusOK, "GET", "/v1/session", nil, &who)
	if who.ID != i.Made.Owner {
		t.Errorf("signed in as %s", who.ID)
	}
	p.want(http.StatusForbidden, "GET", "/v1/people", nil, nil) // untrained
	values := append(p.codes, apptest.OwnerName, apptest.OwnerEmail, "Vandersmissen", "quillwort", personPassword, p.secret, link, p.token)
	scan := apptest.NewScanner(values)
	for _, h := range scan.Scan(i.Bytes()...) {
		t.Errorf("leak: %v", h)
	}
	i.Stop()
	for _, h := range scan.Scan(i.Bytes()...) {
		t.Errorf("leak after the stop: %v", h)
	}
	// The planted negative: what is there is found.
	if len(scan.Scan(apptest.Part{Name: "planted", Bytes: []byte("from " + apptest.OwnerEmail)})) == 0 {
		t.Error("the scan finds nothing")
	}
}

// TestObligation_2_1_6_TrainedAtOnce: what was recorded counts in the very next call of a
// session, as what was not recorded yet did before.
func TestObligation_2_1_6_TrainedAtOnce(t *testing.T) {
	i := apptest.Start(t, apptest.Options{Owner: app.FirstOwner{Name: apptest.OwnerName, Email: apptest.OwnerEmail}})
	p := person{Instance: i}
	_, link, _ := strings.Cut(i.Made.Link, "#")
	p.enrol(link)
	p.signIn()
	stands := func() (trained, pledged bool) {
		var who struct{ Trained, Pledged bool }
		p.want(http.StatusOK, "GET", "/v1/session", nil, &who)
		return who.Trained, who.Pledged
	}
	for n, topic := range []string{"data-protection", "it-security"} {
		if trained, _ := stands(); trained {
			t.Errorf("trained after %d of two trainings", n)
		}
		p.want(http.StatusNoContent, "POST", "/v1/trainings", map[string]string{"topic": topic, "version": "2026-1"}, nil)
	}
	if trained, pledged := stands(); !trained || pledged {
		t.Errorf("after both trainings: trained %v, pledged %v", trained, pledged)
	}
	for _, pledge := range []string{"confidentiality", "acceptable-use"} {
		p.want(http.StatusNoContent, "POST", "/v1/pledges", map[string]string{"pledge": pledge, "version": "2026-1"}, nil)
	}
	if trained, pledged := stands(); !trained || !pledged {
		t.Errorf("after both pledges: trained %v, pledged %v", trained, pledged)
	}
}

// person is somebody with a browser.
type person struct {
	*apptest.Instance
	token, secret string
	codes         []string
	steps         int // codes that were used
}

func (p *person) want(status int, method, path string, in, out any) {
	r := apptest.Request{Method: method, Path: path, Body: in, Key: "none", Header: http.Header{"User-Agent": {personAgent}}}
	if p.token != "" {
		r.Key = p.token
	}
	p.Want(status, r, out)
}

// code is one of the app that was not used: from the step before this one on.
func (p *person) code() string {
	at := time.Now().Add(time.Duration(p.steps-1) * 30 * time.Second)
	p.steps++
	text, err := totp.GenerateCodeCustom(p.secret, at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		panic(err)
	}
	return text
}

func (p *person) enrol(link string) {
	var e struct{ Token string }
	p.want(http.StatusOK, "POST", "/v1/enrol", map[string]string{"link": link}, &e)
	p.want(http.StatusNoContent, "POST", "/v1/enrol/password", map[string]string{"token": e.Token, "password": personPassword}, nil)
	var app struct{ Secret string }
	p.want(http.StatusOK, "POST", "/v1/enrol/totp", map[string]string{"token": e.Token}, &app)
	p.secret = strings.ReplaceAll(app.Secret, " ", "")
	if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.secret); err != nil {
		panic(err)
	}
	p.want(http.StatusNoContent, "POST", "/v1/enrol/totp/confirm", map[string]string{"token": e.Token, "code": p.code()}, nil)
	var done struct {
		Codes []string `json:"recovery_codes"`
	}
	p.want(http.StatusOK, "POST", "/v1/enrol/complete", map[string]string{"token": e.Token}, &done)
	p.codes = done.Codes
}

func (p *person) signIn() {
	var ch struct{ Challenge string }
	p.want(http.StatusOK, "POST", "/v1/session/begin", map[string]string{"email": apptest.OwnerEmail}, &ch)
	p.want(http.StatusOK, "POST", "/v1/session/password", map[string]string{"challenge": ch.Challenge, "password": personPassword}, nil)
	var o struct{ Token string }
	p.want(http.StatusOK, "POST", "/v1/session/totp", map[string]string{"challenge": ch.Challenge, "code": p.code()}, &o)
	p.token = o.Token
}
