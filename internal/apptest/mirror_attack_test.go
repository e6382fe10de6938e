package apptest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/apptest"
)

// refusals returns how many events of the mirror say that something was refused.
func refusals(t testing.TB, i *apptest.Instance) (n int) {
	t.Helper()
	for _, e := range i.Events() {
		var v struct {
			StatusID int `json:"status_id"`
		}
		if err := json.Unmarshal(e, &v); err != nil {
			t.Fatal(err)
		}
		if v.StatusID == 2 && bytes.Contains(e, []byte(`"mirror.`)) {
			n++
		}
	}
	return n
}

// What a caller may try: each is refused before anything goes out, and each is an
// event.
func TestObligation_3_6_3_MirrorRefusesCallers(t *testing.T) {
	m := newMirrored(t)
	other := m.tokenOf(t, "jasmine-lamps.example.com")
	before := refusals(t, m.Instance)
	store := "/ecartapi/" + m.stores[larkspur]
	big := `{"order":{"note":"` + strings.Repeat("x", 2<<20) + `"}}`
	for name, c := range map[string]struct {
		method, path, body, kind, packed string
		status                           int
		code                             string
	}{
		"a call nobody knows":       {"GET", store + "/api/v2/transactions", "", "", "", 403, "endpoint"},
		"a call that never passes":  {"POST", store + "/api/v2/webhooks", `{}`, "", "", 403, "endpoint"},
		"credentials of others":     {"GET", store + "/api/v2/accesses/me/5", "", "", "", 403, "endpoint"},
		"another method":            {"PATCH", store + "/api/v2/orders/1", `{}`, "", "", 400, "mirror-path"},
		"a trace":                   {"TRACE", store + "/api/v2/orders/1", "", "", "", 400, "mirror-path"},
		"up the path":               {"GET", store + "/api/v2/orders/../apps", "", "", "", 400, "mirror-path"},
		"up the path, hidden":       {"GET", store + "/api/v2/orders/%2e%2e/apps", "", "", "", 400, "mirror-path"},
		"a hidden slash":            {"GET", store + "/api/v2/orders%2f1", "", "", "", 400, "mirror-path"},
		"a hidden hidden slash":     {"GET", store + "/api/v2/orders/1%252f..%252fapps", "", "", "", 400, "mirror-path"},
		"a backslash":               {"GET", store + "/api/v2/orders/..%5capps", "", "", "", 400, "mirror-path"},
		"two slashes":               {"GET", store + "/api/v2//orders", "", "", "", 400, "mirror-path"},
		"a slash too many":          {"GET", store + "/api/v2/orders/", "", "", "", 400, "mirror-path"},
		"a parameter in the path":   {"GET", store + "/api/v2/orders;a=b", "", "", "", 400, "mirror-path"},
		"a line in the path":        {"GET", store + "/api/v2/orders/1%0d%0aX-Evil:%201", "", "", "", 400, "mirror-path"},
		"a line in the query":       {"GET", store + "/api/v2/orders?name=%0d%0aX-Evil:%201", "", "", "", 400, "query"},
		"a name in the path":        {"GET", store + "/api/v2/customers/ana@example.com", "", "", "", 400, "mirror-path"},
		"another version":           {"GET", store + "/api/v9/orders", "", "", "", 400, "mirror-path"},
		"no call":                   {"GET", store + "/oauth/authorize", "", "", "", 400, "mirror-path"},
		"an unknown store":          {"GET", "/ecartapi/str_00000000000000000000000000/api/v2/orders", "", "", "", 404, "store"},
		"no store":                  {"GET", "/ecartapi/larkspur/api/v2/orders", "", "", "", 404, "store"},
		"a token in the path":       {"GET", store + "/api/v2/customers/" + other, "", "", "", 403, "token-place"},
		"a token in the query":      {"GET", store + "/api/v2/customers?email=" + other, "", "", "", 403, "token-place"},
		"a token where none is put": {"PUT", store + "/api/v2/orders/1", `{"order":{"tags":["` + other + `"]}}`, "", "", 403, "token-place"},
		"a token of another store":  {"PUT", store + "/api/v2/orders/1", `{"order":{"email":"` + other + `"}}`, "", "", 400, "token"},
		"a foreign address":         {"POST", store + "/api/v2/services/carriers", `{"carrier":{"url":"https://evil.example/"}}`, "", "", 403, "address"},
		"a body that is too large":  {"POST", store + "/api/v2/orders", big, "", "", 413, "size"},
		"a packed body":             {"POST", store + "/api/v2/orders", "\x1f\x8b", "", "gzip", 415, "media-type"},
		"another type":              {"POST", store + "/api/v2/orders", `<order/>`, "application/xml", "", 403, "content-type"},
		"a form":                    {"POST", store + "/api/v2/orders", `a=b`, "application/x-www-form-urlencoded", "", 403, "content-type"},
		"no JSON":                   {"POST", store + "/api/v2/orders", `{"a":`, "", "", 400, "json"},
		"too deep":                  {"POST", store + "/api/v2/orders", strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), "", "", 413, "depth"},
		"a body where none belongs": {"DELETE", store + "/api/v2/orders/1", `{}`, "", "", 400, "body"},
		"a forged cursor":           {"GET", store + "/api/v2/orders?cursor=sr1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "", "", 400, "cursor"},
		"a forged cursor in second": {"GET", store + "/api/v2/orders?cursor=x&cursor=sr1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "", "", 400, "cursor"},
	} {
		m.platform.calls()
		var body io.Reader
		if c.body != "" {
			body = strings.NewReader(c.body)
		}
		req, err := http.NewRequest(c.method, m.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(c.path, "?")
		plain, err := url.PathUnescape(path)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Path, req.URL.RawPath, req.URL.RawQuery = plain, path, query
		req.Header.Set("Authorization", "Bearer "+m.Made.APIKey)
		if c.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if c.kind != "" {
			req.Header.Set("Content-Type", c.kind)
		}
		if c.packed != "" {
			req.Header.Set("Content-Encoding", c.packed)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ := io.ReadAll(res.Body) // what there is of it is judged
		res.Body.Close()
		if res.StatusCode != c.status || !bytes.Contains(text, []byte(`"code":"`+c.code+`"`)) {
			t.Errorf("%s: %d %s", name, res.StatusCode, text)
		}
		if strings.Contains(string(text), "evil") || strings.Contains(string(text), "ana@") {
			t.Errorf("%s: the answer repeats what was sent", name)
		}
		n := refusals(t, m.Instance)
		if n != before+1 && c.code != "token" { // that is an event of the reveal
			t.Errorf("%s: %d events", name, n-before)
		}
		before = n
		if calls := m.platform.calls(); len(calls) > 0 {
			t.Errorf("%s: %s went out", name, calls[0].path)
		}
	}
}

// Two requests in one: the mirror makes requests of its own, so nothing of a
// caller's framing reaches the platform. What our own server makes of such a head is
// not looked at here.
func TestMirrorPassesNoFraming(t *testing.T) {
	m := newMirrored(t)
	host := strings.TrimPrefix(m.URL, "http://")
	for name, head := range map[string]string{
		"two lengths":         "Content-Length: 5\r\nContent-Length: 50\r\n",
		"length and chunks":   "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"chunks, spelt oddly": "Transfer-Encoding: xchunked\r\n",
		"a folded header":     "X-A: b\r\n c\r\nContent-Length: 0\r\n",
		"a space in a header": "Content-Length : 5\r\n",
		"a bare line":         "X-A: b\nX-B: c\r\n\r\n",
	} {
		m.platform.calls()
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /ecartapi/%s/api/v2/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n0\r\n\r\nGET /api/v2/apps HTTP/1.1\r\nHost: evil\r\n\r\n",
			m.stores[larkspur], m.Made.APIKey, head)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // a minute would only make it slower
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && res.StatusCode < 400 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
		conn.Close()
		for _, c := range m.platform.calls() {
			if c.path != "/api/v2/orders" || len(c.body) > 0 {
				t.Errorf("%s: %s %s went out with %q", name, c.method, c.path, c.body)
			}
		}
	}
	// A header that a caller makes up stays here.
	a := m.Call(apptest.Request{Path: m.path(larkspur, "v2/orders/count"), Header: http.Header{
		"X-Forwarded-Host": {"evil.example"}, "X-Http-Method-Override": {"DELETE"}, "Cookie": {"a=b"}, "Connection": {"Authorization"}}})
	calls := m.platform.calls()
	if a.Status != http.StatusOK || len(calls) != 1 {
		t.Fatalf("%d, %d calls", a.Status, len(calls))
	}
	for k := range calls[0].header {
		switch k {
		case "Accept", "Accept-Encoding", "Authorization", "User-Agent":
		default:
			t.Errorf("%s went out", k)
		}
	}
}

// What a platform may answer: nothing of it reaches the caller, and what the mirror
// refuses by itself is an event.
func TestMirrorRefusesAnswers(t *testing.T) {
	m := newMirrored(t)
	before := refusals(t, m.Instance)
	const secret = "Anacleta Quilombola"
	text := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		shop   string
		say    http.HandlerFunc
		status int
		code   string
		event  bool
	}{
		{"a redirect", "", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/"+secret, http.StatusFound)
		}, 502, "upstream-redirect", true},
		{"a page", "", text(200, "text/html", "<p>"+secret), 403, "content-type", true},
		{"a file", "", text(200, "application/pdf", secret), 403, "content-type", true},
		{"no type", "", func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil; fmt.Fprint(w, secret) }, 403, "content-type", true},
		{"no JSON", "", text(200, "application/json", `{"orders":[`+secret), 502, "upstream-answer", true},
		{"no list", "", text(200, "application/json", `"`+secret+`"`), 502, "upstream-answer", true},
		{"nothing", "", text(200, "application/json", ``), 502, "upstream-answer", true},
		{"a list of texts", "", text(200, "application/json", `{"orders":["`+secret+`"]}`), 502, "upstream-answer", true},
		{"an order without id", "", text(200, "application/json", `{"orders":[{"email":"`+secret+`"}]}`), 502, "upstream-answer", true},
		{"too deep", "", text(200, "application/json", `{"orders":[{"id":"1","meta":`+strings.Repeat(`[`, 100)+strings.Repeat(`]`, 100)+`}]}`), 502, "upstream-answer", true},
		{"an endless order", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"orders":[{"id":"1","note":"`)
			for range 200 {
				if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
					return
				}
			}
		}, 502, "upstream-size", true},
		{"a bomb", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, `{"success":true,"count":"1","products":[`)
			for range 400 {
				if _, err := io.WriteString(z, strings.Repeat(" ", 64<<10)); err != nil {
					return
				}
			}
			z.Close()
		}, 502, "upstream-", true},
		{"another packing", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, secret)
		}, 502, "upstream-failed", false},
		{"a wrong packing", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, secret)
		}, 502, "upstream-failed", false},
		{"a failure", "", text(500, "text/plain", secret), 502, "upstream-failed", false},
		{"a timeout", "", text(504, "text/plain", secret), 504, "upstream-slow", false},
		{"a refusal", "", text(404, "application/json", `{"message":"no order of `+secret+`"}`), 404, "", false},
		{"tokens of ours", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"orders":[{"id":"1","email":"srt_`+strings.Repeat("0", 34)+`"}]}`)
		}, 502, "upstream-answer", true},
		{"the wrong credential", "bugambilia-casa.example.com", text(401, "application/json", `{"message":"`+secret+`"}`), 502, "upstream-token", true},
	} {
		if c.shop == "" {
			c.shop = larkspur
		}
		m.platform.say(t, c.say)
		a := m.Call(apptest.Request{Path: m.path(c.shop, "v2/orders")})
		if a.Status != c.status || !bytes.Contains(a.Body, []byte(c.code)) {
			t.Errorf("%s: %d %s", c.name, a.Status, a.Body)
		}
		if bytes.Contains(a.Body, []byte("Anacleta")) || strings.Contains(fmt.Sprint(a.Header), "169.254") {
			t.Errorf("%s: the answer holds %s", c.name, a.Body)
		}
		if c.status >= 500 && !bytes.Contains(a.Body, []byte(`"request":"req_`)) {
			t.Errorf("%s: the answer has no reference: %s", c.name, a.Body)
		}
		n := refusals(t, m.Instance)
		if c.event != (n == before+1) {
			t.Errorf("%s: %d events", c.name, n-before)
		}
		before = n
	}
}

// A platform that fails is left alone after a while, and tried again.
func TestMirrorCircuit(t *testing.T) {
	m := newMirrored(t)
	m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	at := apptest.Request{Path: m.path(larkspur, "v2/orders/count")}
	last := 0
	for range 10 {
		last = m.Call(at).Status
	}
	if n := len(m.platform.calls()); last != http.StatusServiceUnavailable || n >= 10 {
		t.Errorf("%d calls went out, the last answer was %d", n, last)
	}
	m.platform.say(t, nil)
	m.Want(http.StatusOK, apptest.Request{Path: m.path("wattle-post.example.com", "v3/orders/count")}, nil)
}

// A long answer takes the memory of a chunk and leaves chunk by chunk; one that
// fails in the middle is cut off.
func TestMirrorStreams(t *testing.T) {
	m := newMirrored(t)
	shop := m.world.Stores()[0]
	order := m.world.Body(shop.Name, shop.Orders-1)
	write := func(w http.ResponseWriter, n int, end string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"success":true,"orders":[`)
		for i := range n {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			o := bytes.Replace(order, []byte(`"id":"`), fmt.Appendf(nil, `"id":"%d`, 100000+i), 1)
			if _, err := w.Write(o); err != nil {
				return
			}
		}
		fmt.Fprint(w, end)
	}
	const n = 2000
	m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, n, `],"page":{"next":"https://up.example/api/v2/orders?page=2&q=ana%40example.com","previous":null}}`)
	})
	var page struct {
		Success bool
		Orders  []struct{ ID, Email string }
		Page    struct{ Next string }
	}
	m.Want(http.StatusOK, apptest.Request{Path: m.path(larkspur, "v2/orders")}, &page)
	if len(page.Orders) != n || !page.Success {
		t.Fatalf("%d orders", len(page.Orders))
	}
	for _, o := range page.Orders {
		if !strings.HasPrefix(o.Email, "srt_") {
			t.Fatalf("order %s has the address %s", o.ID, o.Email)
		}
	}
	// The link holds somebody's address, so it is sealed, and leads on all the same.
	if !strings.Contains(page.Page.Next, "cursor=sr1.") || strings.Contains(page.Page.Next, "ana") {
		t.Errorf("the link is %s", page.Page.Next)
	}
	m.platform.calls()
	m.platform.say(t, nil)
	res, body := get(t, page.Page.Next, m.Made.APIKey)
	calls := m.platform.calls()
	if res.StatusCode != http.StatusOK || len(calls) != 1 || !strings.Contains(calls[0].query, "ana%40example.com") {
		t.Errorf("%d %s, %+v", res.StatusCode, body[:min(200, len(body))], calls)
	}

	m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) { write(w, n, `,{"id":`) })
	a, err := m.Do(apptest.Request{Path: m.path(larkspur, "v2/orders")})
	if err == nil {
		t.Errorf("an answer that failed in the middle looks whole: %d bytes", len(a.Body))
	}
}
