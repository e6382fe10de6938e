package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"strongroom"
)

// laptop is a device with a key of its own, as one that was entered.
type laptop struct {
	f   *fixture
	id  string
	key *ecdsa.PrivateKey
}

// enter enters a device for a person and has it prove itself.
func (f *fixture) enter(person, label string) laptop {
	f.t.Helper()
	var d struct{ ID, Code string }
	f.get("POST", "/v1/devices", `{"label":"`+label+`","kind":"laptop","owner":"`+person+`","posture":"managed"}`, &d)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(err)
	l := laptop{f, d.ID, key}
	if a := l.call("POST", "/v1/devices/prove", `{"code":"`+d.Code+`"}`, ""); a.status/100 != 2 {
		f.t.Fatalf("the device: %d %s", a.status, a.body)
	}
	return l
}

// proof is a proof of RFC 9449 for a call.
func (l laptop) proof(method, path string) header {
	b64 := base64.RawURLEncoding.EncodeToString
	part := func(v any) string {
		text, err := json.Marshal(v)
		l.f.must(err)
		return b64(text)
	}
	point, err := l.key.PublicKey.Bytes()
	l.f.must(err)
	text := part(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]any{
		"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}}) + "." +
		part(map[string]any{"htm": method, "htu": path, "iat": l.f.real.Now().Unix(), "jti": strongroom.NewID("jti")})
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, l.key, sum[:])
	l.f.must(err)
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return header{"DPoP", text + "." + b64(sig)}
}

func (l laptop) call(method, path, body, token string) answer {
	l.f.t.Helper()
	auth := header{"Authorization", ""}
	if token != "" {
		auth[1] = "Bearer " + token
	}
	return l.f.call(method, path, body, auth, l.proof(method, path), header{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
}

// signIn opens a session on the device.
func (l laptop) signIn(u *user) (token, session string) {
	l.f.t.Helper()
	do := func(path, body string, into any) {
		l.f.t.Helper()
		a := l.call("POST", path, body, "")
		if a.status != http.StatusOK {
			l.f.t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		l.f.must(jsonInto(a.body, into))
	}
	var ch struct{ Challenge string }
	do("/v1/session/begin", `{"email":"`+ownerEmail+`"}`, &ch)
	do("/v1/session/password", `{"challenge":"`+ch.Challenge+`","password":"`+goodWords+`"}`, new(struct{}))
	var o struct{ Token, Session string }
	do("/v1/session/totp", `{"challenge":"`+ch.Challenge+`","code":"`+u.code()+`"}`, &o)
	return o.Token, o.Session
}

// TestObligation_2_2_5_SessionStaysOnItsDevice: a session that a registered device
// opened is bound to it, and ends where another one shows its token.
func TestObligation_2_2_5_SessionStaysOnItsDevice(t *testing.T) {
	f := serve(t, nil)
	id, link := f.owner()
	u := &user{f: f}
	u.enrol(link)
	u.signIn(ownerEmail)
	first, second := f.enter(id, "L-1"), f.enter(id, "L-2")
	token, session := first.signIn(u)
	var list struct {
		Sessions []struct{ ID, Device string }
	}
	if err := jsonInto(first.call("GET", "/v1/sessions", "", token).body, &list); err != nil {
		t.Fatal(err)
	}
	bound := map[string]string{}
	for _, s := range list.Sessions {
		bound[s.ID] = s.Device
	}
	if bound[session] != first.id || len(bound) != 2 {
		t.Errorf("the session of the device is bound to %q, of %v", bound[session], bound)
	}
	if a := first.call("GET", "/v1/session", "", token); a.status != http.StatusOK {
		t.Errorf("on its own device: %d %s", a.status, a.body)
	}
	// Planted: a session that no device opened is bound to none.
	if a := second.call("GET", "/v1/session", "", u.token); a.status != http.StatusOK {
		t.Errorf("a session without a device: %d %s", a.status, a.body)
	}
	if a := second.call("GET", "/v1/session", "", token); a.status != http.StatusUnauthorized || f.problem(a).Code != "session-moved" {
		t.Errorf("on another device: %d %s", a.status, a.body)
	}
	if a := first.call("GET", "/v1/session", "", token); a.status != http.StatusUnauthorized {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}
