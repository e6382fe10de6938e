package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// stand shows what a person must before anything else.
func (u *user) stand() {
	u.f.t.Helper()
	for _, topic := range []string{"data-protection", "it-security"} {
		u.want(http.StatusNoContent, "POST", "/v1/trainings", `{"topic":"`+topic+`","version":"2026-1"}`, nil)
	}
	for _, pledge := range []string{"confidentiality", "acceptable-use"} {
		u.want(http.StatusNoContent, "POST", "/v1/pledges", `{"pledge":"`+pledge+`","version":"2026-1"}`, nil)
	}
	u.renewed()
}

// hire has an account made by a request.
func (u *user) hire(email, role string) string {
	u.f.t.Helper()
	var q struct{ ID string }
	u.want(http.StatusCreated, "POST", "/v1/requests", `{"kind":"account","reason":"joins the desk","roles":["`+role+
		`"],"all_stores":true,"person":{"name":"Petra Lindqvist","email":"`+email+`","employment":"employee"}}`, &q)
	var d struct{ Subject string }
	u.f.get("POST", "/v1/requests/"+q.ID+"/approve", `{}`, &d)
	return d.Subject
}

// join hires somebody and signs them in.
func (u *user) join(email, role string) (*user, string) {
	u.f.t.Helper()
	id := u.hire(email, role)
	var l struct{ Link string }
	u.want(http.StatusOK, "POST", "/v1/people/"+id+"/invite", "", &l)
	_, token, _ := strings.Cut(l.Link, "#")
	n := &user{f: u.f}
	n.enrol(token)
	n.signIn(email)
	n.stand()
	return n, id
}

// first is the first owner, signed in.
func (f *fixture) first() (*user, string) {
	f.t.Helper()
	id, link := f.owner()
	u := &user{f: f}
	u.enrol(link)
	u.signIn(ownerEmail)
	u.stand()
	return u, id
}

func TestNobodyWalksIntoTheAccountOfAnOwner(t *testing.T) {
	f := serve(t, nil)
	o, id := f.first()
	op, _ := o.join("petra@lindqvist.example", "operator")
	second := o.hire("aurel@brandt.example", "owner")
	if a := op.call("POST", "/v1/people/"+second+"/invite", ""); a.status != http.StatusForbidden {
		t.Errorf("an operator invites an owner to be: %d", a.status)
	}
	o.want(http.StatusOK, "POST", "/v1/people/"+second+"/invite", "", nil)
	sec, _ := o.join("sille@lindqvist.example", "security")
	if a := sec.call("POST", "/v1/people/"+id+"/reset", ""); a.status != http.StatusForbidden {
		t.Errorf("security resets the owner: %d", a.status)
	}
}

// Who changes how they sign in may do so because somebody else holds a session.
func TestAChangedPasswordEndsOtherSessions(t *testing.T) {
	for name, change := range map[string]func(u *user){
		"password": func(u *user) {
			u.want(http.StatusNoContent, "POST", "/v1/account/password", `{"old":"`+goodWords+`","new":"Blau-8-Regen-Pfad!"}`, nil)
		},
		"recovery codes": func(u *user) { u.want(http.StatusOK, "POST", "/v1/account/recovery-codes", "", nil) },
	} {
		f := serve(t, nil)
		o, _ := f.first()
		before := &user{f: f, token: o.token}
		o.signIn(ownerEmail)
		f.clock.SetOffset(f.clock.Offset() + 48*time.Hour)
		if a := before.call("GET", "/v1/session", ""); a.status != http.StatusOK {
			t.Fatalf("planted: %s: before the change: %d", name, a.status)
		}
		change(o)
		if a := before.call("GET", "/v1/session", ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s: the other session goes on: %d", name, a.status)
		}
		o.want(http.StatusOK, "GET", "/v1/session", "", nil)
	}
}
