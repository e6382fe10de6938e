package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/federation/optest"
)

// office is a served instance whose owner signs in at a provider.
type office struct {
	t    *testing.T
	dir  string
	base string
	op   *optest.Provider
	made app.Made
	stop func()
}

func newOffice(t *testing.T) *office {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.MkdirTemp("", "sr-") // the path of a socket is short
	ok(err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	t.Setenv("XDG_STATE_HOME", filepath.Join(root, "state"))
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(err)
	address := l.Addr().String()
	ok(l.Close())
	o := &office{t: t, dir: filepath.Join(root, "data"), base: "http://" + address, op: optest.New(t, "ottilie@vandersmissen.example", "sub-of-ottilie")}
	secret, ca := o.op.Files(t)
	conf := app.Config{Environment: strongroom.Test, Listen: address, TLS: "off", PublicURL: o.base}
	conf.SignOn.Providers = []app.ProviderConfig{{
		Name: "company", Issuer: o.op.URL, ClientID: optest.ClientID, ClientSecretFile: secret, CAFile: ca, Domains: []string{"vandersmissen.example"}, AMR: [][]string{{"mfa"}},
	}}
	o.made, err = app.Init(t.Context(), o.dir, conf, app.FirstOwner{Name: "Ottilie Vandersmissen", Email: o.op.Email}, nil)
	ok(err)
	a, err := app.Open(t.Context(), app.Options{Dir: o.dir})
	ok(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(string) { close(ready) }) }()
	o.stop = func() {
		if cancel(); ended != nil {
			ok(<-ended)
			ended = nil
		}
	}
	t.Cleanup(o.stop)
	<-ready
	o.enrol()
	return o
}

func (o *office) post(path string, in map[string]string, out any) {
	o.t.Helper()
	text, _ := json.Marshal(in)
	res, err := http.Post(o.base+path, "application/json", bytes.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		o.t.Fatalf("%s: %d %s", path, res.StatusCode, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *office) enrol() {
	o.t.Helper()
	_, link, _ := strings.Cut(o.made.Link, "#")
	var e struct{ Token, Secret string }
	o.post("/v1/enrol", map[string]string{"link": link}, &e)
	o.post("/v1/enrol/password", map[string]string{"token": e.Token, "password": enrolled}, nil)
	o.post("/v1/enrol/totp", map[string]string{"token": e.Token}, &e)
	code, err := totp.GenerateCodeCustom(strings.ReplaceAll(e.Secret, " ", ""), time.Now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		o.t.Fatal(err)
	}
	o.post("/v1/enrol/totp/confirm", map[string]string{"token": e.Token, "code": code}, nil)
	o.post("/v1/enrol/complete", map[string]string{"token": e.Token}, nil)
}

// visit is the browser: it goes from the address to the provider, back to the pages,
// and returns where those lead.
func (o *office) visit(address string) string {
	o.t.Helper()
	res, err := o.op.Client().Get(address)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	to, ok := strings.CutPrefix(res.Header.Get("Refresh"), "0; url=http://127.0.0.1:")
	if !ok || len(res.Cookies()) != 0 {
		o.t.Errorf("the pages lead to %q with %d cookies", res.Header.Get("Refresh"), len(res.Cookies()))
	}
	return "http://127.0.0.1:" + to
}

// signing runs a command that waits for a browser, hands the address to fn and returns
// what the command said.
func (o *office) signing(fn func(address string), args ...string) (code int, said string) {
	o.t.Helper()
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		n := run(context.WithoutCancel(o.t.Context()), append(args, "--provider", "company", "--data", o.dir), strings.NewReader(""), io.Discard, w)
		_ = w.Close()
		done <- n
	}()
	var all strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
			fn(address)
		}
	}
	return <-done, all.String()
}

// TestSignInAtAProvider: the command line waits at loopback for the one answer of its
// own sign-on, and keeps the session; a step-up goes the same way.
func TestSignInAtAProvider(t *testing.T) {
	o := newOffice(t)
	who := func() (code int, text string) {
		var out bytes.Buffer
		code = run(t.Context(), []string{"session", "list", "--data", o.dir, "--json"}, strings.NewReader(""), &out, io.Discard)
		return code, out.String()
	}
	get := func(address string) int {
		t.Helper()
		res, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	code, said := o.signing(func(address string) {
		to := o.visit(address)
		u, _ := url.Parse(to)
		// Planted: an answer of another state, and another page, change nothing.
		for _, bad := range []string{"http://" + u.Host + "/?state=made-up&code=x", "http://" + u.Host + "/other?" + u.RawQuery} {
			if got := get(bad); got != http.StatusNotFound {
				t.Errorf("a stray answer: %d", got)
			}
		}
		if got := get(to); got != http.StatusOK {
			t.Errorf("the answer: %d", got)
		}
	}, "signin")
	if code != 0 || !strings.Contains(said, "signed in as "+o.made.Owner) {
		t.Fatalf("%d: %s", code, said)
	}
	if code, text := who(); code != 0 || !strings.Contains(text, o.made.Owner) || !strings.Contains(text, `"provider"`) {
		t.Errorf("the session: %d %s", code, text)
	}
	if code, said := o.signing(func(address string) { get(o.visit(address)) }, "session", "step-up"); code != 0 || o.op.Asked.Get("prompt") != "login" {
		t.Errorf("a step-up: %d %s", code, said)
	}
	if code, _ := who(); code != 0 {
		t.Error("the session is gone after the step-up")
	}
	o.op.Claims = func(m map[string]any) { m["amr"] = []string{"pwd"} }
	if code, said := o.signing(func(address string) { get(o.visit(address)) }, "signin"); code != 1 || !strings.Contains(said, "several factors") {
		t.Errorf("one factor: %d %s", code, said)
	}
	o.stop()
	if code, said := o.signing(func(string) { t.Error("an address without a server") }, "signin"); code != 1 || !strings.Contains(said, "strongroom serve") {
		t.Errorf("without a server: %d %s", code, said)
	}
}

// TestProviderAnswersHaveOneOwner: the answer of a program is worth nothing to the
// pages, and to a program without the ticket.
func TestProviderAnswersHaveOneOwner(t *testing.T) {
	o := newOffice(t)
	var b struct{ URL, Ticket string }
	begin := func() url.Values {
		t.Helper()
		res, err := http.Post(o.base+"/v1/session/provider", "application/json", strings.NewReader(`{"provider":"company","port":40404}`))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&b); err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(o.visit(b.URL))
		return u.Query()
	}
	finish := func(ticket string, q url.Values) int {
		t.Helper()
		text, _ := json.Marshal(map[string]string{"ticket": ticket, "state": q.Get("state"), "code": q.Get("code"), "iss": q.Get("iss")})
		res, err := http.Post(o.base+"/v1/session/provider/finish", "application/json", bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	q := begin()
	if got := finish(b.Ticket, q); got != http.StatusOK { // planted: with the ticket it is good, once
		t.Fatalf("%d", got)
	}
	if got := finish(b.Ticket, q); got != http.StatusUnauthorized {
		t.Errorf("a second time: %d", got)
	}
	q = begin()
	if got := finish("another", q); got != http.StatusUnauthorized {
		t.Errorf("another ticket: %d", got)
	}
	for body, want := range map[string]int{`{"provider":"company","port":80}`: 400, `{"provider":"company","port":70000}`: 400, `{"provider":"nobody","port":40404}`: 404} {
		res, err := http.Post(o.base+"/v1/session/provider", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("%s: %d", body, res.StatusCode)
		}
	}
}
