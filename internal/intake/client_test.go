package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/intake"
	"strongroom/internal/sim"
)

// quick is a retry policy that notes how long it would have waited.
func quick(waits *[]time.Duration) intake.Retry {
	return intake.Retry{Sleep: func(ctx context.Context, d time.Duration) error {
		if waits != nil {
			*waits = append(*waits, d)
		}
		return ctx.Err()
	}}
}

func newClient(t *testing.T, base, token string, waits *[]time.Duration) *intake.Client {
	t.Helper()
	c, err := intake.NewClient(intake.ClientOptions{Base: base, Token: intake.NewSecret(token), Retry: quick(waits), Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collect reads all pages and returns the ids of the objects.
func collect(t *testing.T, c *intake.Client, resource string, w intake.Window, cursor string) (ids []string, pages []intake.Page) {
	t.Helper()
	for p, err := range c.Pages(context.Background(), resource, w, cursor) {
		if err != nil {
			t.Fatal(err)
		}
		var l map[string]json.RawMessage
		var objects []struct{ ID any }
		if err := errors.Join(json.Unmarshal(p.Body, &l), json.Unmarshal(l[resource], &objects)); err != nil {
			t.Fatal(err)
		}
		if len(objects) != p.Records {
			t.Errorf("a page of %d objects says %d", len(objects), p.Records)
		}
		for _, o := range objects {
			ids = append(ids, fmt.Sprint(o.ID))
		}
		pages = append(pages, p)
	}
	return ids, pages
}

func distinct(ids []string) int {
	seen := map[string]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	return len(seen)
}

func TestClientReadsEveryPage(t *testing.T) {
	for _, quirks := range []sim.Quirks{{}, sim.AllQuirks()} {
		s := sim.New(sim.Options{Seed: 1, Orders: 150, Quirks: quirks})
		srv := httptest.NewServer(s.Handler())
		defer srv.Close()
		for _, st := range s.Stores() {
			c := newClient(t, srv.URL, st.Token, nil)
			ids, pages := collect(t, c, "orders", intake.Window{}, "")
			if distinct(ids) != 150 || quirks == (sim.Quirks{}) && len(ids) != 150 {
				t.Errorf("%s: %d ids, %d different, want 150", st.Platform, len(ids), distinct(ids))
			}
			// From the cursor of a page the rest comes, and nothing else.
			rest, _ := collect(t, c, "orders", intake.Window{}, pages[2].Next)
			seen := 0
			for _, p := range pages[:3] {
				seen += p.Records
			}
			if quirks == (sim.Quirks{}) && len(rest) != 150-seen {
				t.Errorf("%s: %d behind the cursor, want %d", st.Platform, len(rest), 150-seen)
			}
			if requests, retries := c.Stats(); quirks == (sim.Quirks{}) && retries != 0 || requests < 10 {
				t.Errorf("%s: %d requests, %d retries", st.Platform, requests, retries)
			}
		}
	}
}

// script answers requests one after another.
func script(t *testing.T, answers ...func(w http.ResponseWriter, r *http.Request)) (*httptest.Server, *int) {
	n := new(int)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *n >= len(answers) {
			t.Errorf("request %d is one too many", *n+1)
			return
		}
		*n++
		answers[*n-1](w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, n
}

func status(code int, retryAfter string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, `{"message":"jane.doe@example.com"}`)
	}
}

func body(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

const empty = `{"success":true,"orders":[],"page":{"next":null}}`

func first(c *intake.Client) error {
	for _, err := range c.Pages(context.Background(), "orders", intake.Window{}, "") {
		return err
	}
	return nil
}

func TestRetries(t *testing.T) {
	soon := time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat)
	var waits []time.Duration
	srv, n := script(t, status(429, "7"), status(503, soon), status(500, ""), body(`{"success":true,"orders":[{"id":`),
		body("<html>"), body(empty))
	if err := first(newClient(t, srv.URL, "secret", &waits)); err != nil || *n != 6 || len(waits) != 5 {
		t.Fatalf("%v after %d requests and waits %v", err, *n, waits)
	}
	if waits[0] != 7*time.Second || waits[1] < 35*time.Second || waits[1] > 40*time.Second {
		t.Errorf("Retry-After is not kept: %v", waits)
	}
	if waits[2] < 300*time.Millisecond || waits[2] > 2*time.Second || waits[3] < 600*time.Millisecond {
		t.Errorf("the back-off is %v", waits[2:])
	}
}

func TestFaultsSayNothing(t *testing.T) {
	secret := "the-token-of-the-store"
	for _, c := range []struct {
		name    string
		answers []func(http.ResponseWriter, *http.Request)
		kind    strongroom.Kind
		tries   int
	}{
		{"token", []func(http.ResponseWriter, *http.Request){status(401, "")}, strongroom.Denied, 1},
		{"missing", []func(http.ResponseWriter, *http.Request){status(404, "")}, strongroom.NotFound, 1},
		{"bad request", []func(http.ResponseWriter, *http.Request){status(422, "")}, strongroom.Invalid, 1},
		{"always failing", []func(http.ResponseWriter, *http.Request){status(502, ""), status(502, ""), status(502, ""), status(502, ""), status(502, ""), status(502, "")}, strongroom.Unavailable, 6},
		{"waits too long", []func(http.ResponseWriter, *http.Request){status(429, "86400")}, strongroom.Unavailable, 1},
		{"redirect", []func(http.ResponseWriter, *http.Request){func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example.com/", http.StatusFound)
		}}, strongroom.Invalid, 1},
	} {
		srv, n := script(t, c.answers...)
		err := first(newClient(t, srv.URL, secret, nil))
		if !strongroom.IsKind(err, c.kind) || *n != c.tries {
			t.Errorf("%s: %v (%v) after %d requests", c.name, err, strongroom.KindOf(err), *n)
		}
		if strings.Contains(fmt.Sprint(err), "jane.doe") || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: the fault repeats what was sent: %v", c.name, err)
		}
	}
	// Nobody listens: the address, whose query may hold anything, stays out.
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	for _, err := range newClient(t, srv.URL, secret, nil).Pages(context.Background(), "orders", intake.Window{}, "email=jane.doe%40example.com") {
		if !strongroom.IsKind(err, strongroom.Unavailable) || strings.Contains(err.Error(), "jane") {
			t.Errorf("unreachable: %v", err)
		}
	}
}

// TestTokenStaysHome follows a list whose next page names another host.
func TestTokenStaysHome(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host got %q", r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	srv, n := script(t,
		body(`{"success":true,"page":{"next":"`+thief.URL+`/steal?page=2"},"orders":[{"id":"1"}]}`),
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/v2/orders" || r.URL.RawQuery != "page=2" || r.Header.Get("Authorization") != "Bearer secret" {
				t.Errorf("second page asked for as %s with %q", r.URL, r.Header.Get("Authorization"))
			}
			fmt.Fprint(w, empty)
		})
	collect(t, newClient(t, srv.URL, "secret", nil), "orders", intake.Window{}, "")
	if *n != 2 {
		t.Errorf("%d requests", *n)
	}
	for _, base := range []string{"http://api.ecartapi.com", "http://10.0.0.1", "ftp://x", "https://user@api.ecartapi.com", "api.ecartapi.com", "https://a/?q=1"} {
		if _, err := intake.NewClient(intake.ClientOptions{Base: base, Token: intake.NewSecret("x")}); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("base %s is accepted: %v", base, err)
		}
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		text    string
		records int
	}{
		{`[{"id":1},{"id":2}]`, 2},                                      // native, without envelope
		{`{"orders":[ {"id":1} , {"id":2,"n":"]}\""} , null ]}`, 3},     // native, without page
		{`{"page":{"next":null},"orders":[],"more":{"a":[1,{}]}}`, 0},   //
		{`{"success":"true","orders":[],"page":null}`, 0},               //
		{` {"orders" : [ "a" , 1 , true ] , "page" : { } } ` + "\n", 3}, // odd, but a list
	} {
		srv, _ := script(t, body(c.text))
		for p, err := range newClient(t, srv.URL, "x", nil).Pages(context.Background(), "orders", intake.Window{}, "") {
			if err != nil || p.Records != c.records || !json.Valid(p.Body) || p.Next != "" {
				t.Errorf("%s: %d records, %v, next %q: %s", c.text, p.Records, err, p.Next, p.Body)
			}
		}
	}
	for _, text := range []string{"", "null", "17", `"orders"`, `{}`, `{"orders":{}}`, `{"orders":[}`, `{"orders":[]`, `{"orders":[]}x`, `{"orders":[]}{}`, "{\"orders\":[\"\\", `{"orders":[1,]}`,
		`{"orders":[],"page":{"next":"?page=2&x=` + strings.Repeat("x", 5000) + `"}}`, `{"orders":[],"page":{"next":"https://a:b:c/?page=2"}}`, `{"orders":[],"page":{"next":"/orders"}}`} {
		srv := httptest.NewServer(http.HandlerFunc(body(text)))
		err := first(newClient(t, srv.URL, "x", nil))
		srv.Close()
		if !strongroom.IsKind(err, strongroom.Unavailable) {
			t.Errorf("%q passes as a list: %v", text, err)
		}
	}
}

func TestSizeAndLoops(t *testing.T) {
	big := httptest.NewServer(http.HandlerFunc(body(`{"orders":["` + strings.Repeat("x", 5000) + `"]}`)))
	defer big.Close()
	c, err := intake.NewClient(intake.ClientOptions{Base: big.URL, Token: intake.NewSecret("x"), MaxBody: 4000, Retry: quick(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if err := first(c); !strongroom.IsKind(err, strongroom.TooLarge) {
		t.Errorf("a page over the limit: %v", err)
	}
	for length := 1; length <= 6; length++ {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page, _ := strconv.Atoi(r.URL.Query().Get("page"))
			if page++; page > 4+length {
				page = 5 // four pages, and then in a circle
			}
			body(fmt.Sprintf(`{"orders":[{}],"page":{"next":"?page=%d"}}`, page))(w, r)
		}))
		n, last := 0, error(nil)
		for _, err := range newClient(t, srv.URL, "x", nil).Pages(context.Background(), "orders", intake.Window{}, "") {
			if n, last = n+1, err; n > 40 {
				t.Fatalf("a circle of %d pages goes on", length)
			}
		}
		srv.Close()
		if !strongroom.IsKind(last, strongroom.Unavailable) {
			t.Errorf("a circle of %d pages: %v", length, last)
		}
	}
	loop := httptest.NewServer(http.HandlerFunc(body(`{"orders":[{}],"page":{"next":"?page=9"}}`)))
	defer loop.Close()
	var last error
	n := 0
	for _, err := range newClient(t, loop.URL, "x", nil).Pages(context.Background(), "orders", intake.Window{}, "") {
		if n, last = n+1, err; n > 5 {
			t.Fatal("the loop goes on")
		}
	}
	if !strongroom.IsKind(last, strongroom.Unavailable) {
		t.Errorf("a list that leads back: %v", last)
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	s := intake.NewSecret("eyJhbGciOi")
	var buf strings.Builder
	slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "a", s, "b", intake.Connection{Token: s})
	j, err := json.Marshal(map[string]any{"a": s, "b": intake.Connection{Token: s}})
	if err != nil {
		t.Fatal(err)
	}
	text := buf.String() + string(j) + fmt.Sprintf("%v %+v %#v %s %q %x %d", s, intake.Connection{Token: s}, s, s, s, s, s)
	if strings.Contains(text, "eyJ") || strings.Contains(text, "65794a") {
		t.Errorf("the secret prints: %s", text)
	}
}
