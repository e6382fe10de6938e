package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/app"
	"strongroom/internal/web"
)

func TestTrustedProxiesAreChecked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for text, want := range map[string]string{
		`[]`:                                 "",
		`["192.0.2.10"]`:                     "",
		`["192.0.2.10/32", "2001:db8::/48"]`: "",
		`["0.0.0.0/0"]`:                      "so wide",
		`["::/0"]`:                           "so wide",
		`["10.0.0.0/7"]`:                     "so wide",
		`["2001:d00::/24"]`:                  "so wide",
		`["2001:db8::/31"]`:                  "so wide",
		`["10.0.0.0/8", "2001:db8::/32"]`:    "",
		`["proxy.example.com"]`:              "neither an address",
		`["fe80::1%eth0"]`:                   "neither an address",
		`["::ffff:192.0.2.1/128"]`:           "neither an address",
		`[` + strings.Repeat(`"192.0.2.1",`, 65) + `]`: "too many",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		body := "environment: test\nroot: {file: " + dir + ".root/root.key}\ntrusted_proxies: " + text + "\n"
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.LoadConfig(dir, file)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}

// served serves an instance with lines added to its configuration and returns its
// address.
func served(t *testing.T, lines string) (dir, url string) {
	t.Helper()
	dir, _ = instance(t)
	file := filepath.Join(dir, app.ConfigName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, lines...), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done, ready := make(chan error, 1), make(chan string, 1)
	go func() { done <- a.Serve(ctx, func(url string) { ready <- url }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return dir, <-ready
}

// ask begins a sign-in as forwarded for an address.
func ask(t *testing.T, url, forwarded string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/session/begin", strings.NewReader(`{"email":"nobody@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	if forwarded != "" {
		req.Header.Set("X-Forwarded-For", forwarded)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Behind a trusted proxy each caller is a source of its own; without one a header
// changes nothing about who is counted.
func TestSourcesBehindAProxy(t *testing.T) {
	spend := func(url, forwarded string) (status int) {
		for range web.LimitBurst + 100 { // more than comes back meanwhile
			if status = ask(t, url, forwarded); status != http.StatusOK {
				return status
			}
		}
		return status
	}
	// spent asks a few times: one may be let in by what comes back meanwhile.
	spent := func(url, forwarded string) bool {
		for range 20 {
			if ask(t, url, forwarded) == http.StatusTooManyRequests {
				return true
			}
		}
		return false
	}
	t.Run("trusted", func(t *testing.T) {
		_, url := served(t, "trusted_proxies: [127.0.0.1]\n")
		if got := spend(url, "192.0.2.9"); got != http.StatusTooManyRequests {
			t.Fatalf("a source without end is answered %d", got)
		}
		if got := ask(t, url, "192.0.2.10"); got != http.StatusOK {
			t.Errorf("its neighbour is answered %d", got)
		}
		if !spent(url, "198.51.100.7, 192.0.2.9") {
			t.Error("who claims another address in front of the own is never refused")
		}
	})
	t.Run("a proxy that names nobody", func(t *testing.T) {
		_, url := served(t, "trusted_proxies: [127.0.0.1]\n")
		if got := ask(t, url, ""); got != http.StatusBadRequest {
			t.Errorf("its call is answered %d", got)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s is answered %d", path, res.StatusCode)
			}
		}
	})
	t.Run("planted: not trusted", func(t *testing.T) {
		_, url := served(t, "")
		if got := spend(url, "192.0.2.9"); got != http.StatusTooManyRequests {
			t.Fatalf("a source without end is answered %d", got)
		}
		if !spent(url, "192.0.2.10") {
			t.Error("who claims another address is never refused")
		}
	})
}

func TestDoctorFindsAProxyThatIsNotTrusted(t *testing.T) {
	state := func(dir string) app.State {
		list, err := app.Doctor(t.Context(), app.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if f.Check == "proxies" {
				return f.State
			}
		}
		t.Fatalf("doctor does not look: %+v", list)
		return ""
	}
	for name, x := range map[string]struct {
		lines, forwarded string
		want             app.State
	}{
		"behind a proxy that is not named": {"public_url: https://vault.example.com\n", "192.0.2.9", app.Warn},
		"behind one that is":               {"public_url: https://vault.example.com\ntrusted_proxies: [127.0.0.1]\n", "192.0.2.9", app.OK},
		"somebody tries":                   {"", "192.0.2.9", app.OK},
		"nothing is forwarded":             {"public_url: https://vault.example.com\n", "", app.OK},
	} {
		t.Run(name, func(t *testing.T) {
			dir, url := served(t, x.lines)
			ask(t, url, x.forwarded)
			if got := state(dir); got != x.want {
				t.Errorf("doctor says %s", got)
			}
		})
	}
}

// Every door counts who is not known, and all count together.
func TestSourcesAtEveryDoor(t *testing.T) {
	_, url := served(t, "")
	call := func(method, path, header, value string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, value)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	doors := map[string]func() int{
		"API":         func() int { return call("GET", "/v1/session", "Authorization", "Bearer nonsense") },
		"directories": func() int { return call("GET", "/scim/v2/Users", "Authorization", "Bearer nonsense") },
		"pages":       func() int { return call("POST", "/signin", "Sec-Fetch-Site", "same-origin") },
	}
	for name, door := range doors {
		if got := door(); got == http.StatusTooManyRequests || got >= http.StatusInternalServerError {
			t.Errorf("planted: the first call to %s is answered %d", name, got)
		}
	}
	for range web.LimitBurst + 100 {
		ask(t, url, "")
	}
	for name, door := range doors {
		if got := door(); got != http.StatusTooManyRequests {
			t.Errorf("past the limit %s answers %d", name, got)
		}
	}
}

// TestObligation_2_5_4_DoorsThatCannotSeal: where TLS ends at somebody who is not trusted,
// pages and the door of directories are closed to the network, which is counted.
func TestObligation_2_5_4_DoorsThatCannotSeal(t *testing.T) {
	for conf, closed := range map[string]bool{"terminates_tls: untrusted\n": true, "terminates_tls: trusted\n": false} {
		_, url := served(t, conf)
		for _, path := range []string{"/signin", "/documents", "/scim/v2/Users"} {
			res, err := http.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			if err := errors.Join(err, res.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if got := res.StatusCode == http.StatusForbidden && bytes.Contains(text, []byte("untrusted-tls")); got != closed {
				t.Errorf("%q %s: %d %.100s", conf, path, res.StatusCode, text)
			}
		}
	}
}
