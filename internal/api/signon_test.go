package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/authz"
	"strongroom/internal/session"
)

// atProvider stands for the sign-on of programs: it notes what it is asked.
type atProvider struct {
	begun []uint16 // ports
	who   strongroom.Actor
}

func (p *atProvider) Begin(_ context.Context, _ string, port uint16, _ session.Caller, who strongroom.Actor) (string, string, time.Time, error) {
	p.begun, p.who = append(p.begun, port), who
	return "https://login.kitchen.example/authorize", "ticket", time.Now().Add(time.Minute), nil
}

func (p *atProvider) Finish(context.Context, url.Values, string, session.Caller) (session.Opened, error) {
	return session.Opened{}, strongroom.Faultf(strongroom.Unauthenticated, "sign-on-over", "this sign-on is over")
}

// TestSignOnOfPrograms: a program waits at a port that no service of the system has; a
// step-up is for who holds a session, and names that session.
func TestSignOnOfPrograms(t *testing.T) {
	p := new(atProvider)
	f := serve(t, func(o *api.Options) { o.SignOn = p })
	u, id := f.first()
	for _, port := range []int{-1, 0, 80, 1023, 65536} {
		body := fmt.Sprintf(`{"provider":"company","port":%d}`, port)
		for _, path := range []string{"/v1/session/provider", "/v1/session/step-up/provider"} {
			if a := u.call("POST", path, body); a.status != http.StatusBadRequest {
				t.Errorf("%s at port %d: %d %s", path, port, a.status, a.body)
			}
		}
	}
	const body = `{"provider":"company","port":40404}`
	key := header{"Authorization", "Bearer " + f.newKey(authz.Owner)}
	if a := f.call("POST", "/v1/session/step-up/provider", body, key); a.status/100 != 4 {
		t.Errorf("a key steps up: %d %s", a.status, a.body)
	}
	if len(p.begun) != 0 {
		t.Errorf("begun at %v", p.begun)
	}
	// Planted: what is right begins, for nobody and for who is signed in.
	f.get("POST", "/v1/session/provider", body, nil)
	if p.who.ID != "" {
		t.Errorf("a sign-in begun as %q", p.who.ID)
	}
	u.want(http.StatusOK, "POST", "/v1/session/step-up/provider", body, nil)
	if len(p.begun) != 2 || p.begun[1] != 40404 || p.who.ID != id || p.who.Session == "" {
		t.Errorf("a step-up begun at %v as %q in %q", p.begun, p.who.ID, p.who.Session)
	}
	if a := f.call("POST", "/v1/session/provider/finish", `{"ticket":"ticket","state":"s"}`); a.status != http.StatusUnauthorized {
		t.Errorf("an answer to nothing: %d %s", a.status, a.body)
	}
	// Without providers there is none.
	if a := serve(t, nil).call("POST", "/v1/session/provider", body); a.status != http.StatusNotFound {
		t.Errorf("no provider: %d %s", a.status, a.body)
	}
}

// TestOwnMistakesAreNoDenials: who sends nonsense about the own account is told so and
// is not recorded as one who may not; a key, which has no account, is.
func TestOwnMistakesAreNoDenials(t *testing.T) {
	f := serve(t, nil)
	u, _ := f.first()
	key := header{"Authorization", "Bearer " + f.newKey(authz.Operator)}
	asked := 0
	for _, rt := range api.Routes() {
		own := strings.HasPrefix(rt.Path, "/v1/account/") || strings.HasPrefix(rt.Path, "/v1/session/")
		if !own || rt.Public || rt.Method != "POST" {
			continue
		}
		asked++
		if a := u.call(rt.Method, rt.Path, "no JSON"); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", rt.Path, a.status, a.body)
		}
		if a := f.call(rt.Method, rt.Path, "no JSON", key); a.status != http.StatusForbidden { // planted
			t.Errorf("a key at %s: %d %s", rt.Path, a.status, a.body)
		}
	}
	if asked < 5 {
		t.Errorf("%d routes", asked)
	}
}
