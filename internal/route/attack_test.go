package route_test

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/route"
	"strongroom/internal/vault"
	"strongroom/internal/web"
)

// take puts an order with the given values of a shopper into the vault; fill knows their
// tokens then.
func (h *house) take(values map[string]string) {
	h.t.Helper()
	text, err := json.Marshal(map[string]any{"order": map[string]any{"id": "7002", "shippingAddress": values}})
	if err != nil {
		h.t.Fatal(err)
	}
	in, err := h.vault.Ingest(context.Background(), h.app, vault.In{Store: h.store, Resource: "orders", Version: "v2", Platform: "shopify", How: "api", Body: text})
	if err != nil {
		h.t.Fatal(err)
	}
	var got struct {
		Order struct{ ShippingAddress map[string]string }
	}
	if err := json.Unmarshal(in.Body, &got); err != nil {
		h.t.Fatal(err)
	}
	for name, token := range got.Order.ShippingAddress {
		h.tokens[name] = token
	}
}

// refused is how many calls the log says were denied or came to nothing.
func (h *house) refused() (n int) {
	for _, e := range h.ground.Events(h.t, "route.send") {
		if e.Outcome == audit.Denied || e.Outcome == audit.Failure {
			n++
		}
	}
	return n
}

const places = `{"name":"places","upstream":"UPSTREAM","purpose":"fulfilment","budget":{"calls":500,"tokens":5000},"calls":[
 {"method":"POST","path":"/json","body":"json","places":[{"in":"json","at":"/to","classes":["name"]},
   {"in":"json","at":"/page","classes":["name"],"inside":"html"},{"in":"json","at":"/link","classes":["name"],"inside":"url"},
   {"in":"json","at":"/many","classes":["name"],"inside":"plain","lines":true},
   {"in":"header","at":"X-To","classes":["name"]},{"in":"query","at":"to","classes":["name"]}],"answer":{"as":"status"}},
 {"method":"POST","path":"/form","body":"form","places":[{"in":"form","at":"to","classes":["name"]}],"answer":{"as":"status"}},
 {"method":"POST","path":"/xml","body":"xml","places":[{"in":"xml","at":"/o/to","classes":["name"]},{"in":"xml","at":"/o/@to","classes":["name"]}],"answer":{"as":"status"}},
 {"method":"POST","path":"/zpl","body":"text","places":[{"in":"text","classes":["name"],"inside":"zpl"}],"answer":{"as":"status"}},
 {"method":"POST","path":"/text","body":"text","places":[{"in":"text","classes":["name"],"inside":"plain"}],"answer":{"as":"status"}}]}`

// A value that was written to break out of its place stays a value, or nothing leaves.
func TestObligation_3_1_5_NoValueEndsItsPlace(t *testing.T) {
	h := open(t, nil)
	h.put(places, "")
	const js, formType, xmlType, zpl = "application/json", "application/x-www-form-urlencoded", "application/xml", "application/zpl"
	for name, c := range map[string]struct {
		value, path, kind, body string
		header                  string // of X-To
		body2, uri              string // what the upstream hears; neither: it hears nothing
		code                    string
	}{
		"a line break in a header":  {value: "Ana\r\nX-Admin: 1", path: "json", kind: js, body: `{}`, header: "{{firstName}}", code: "value-place"},
		"a line feed in a header":   {value: "Ana\nX-Admin: 1", path: "json", kind: js, body: `{}`, header: "{{firstName}}", code: "value-place"},
		"a NUL in a header":         {value: "Ana\x00", path: "json", kind: js, body: `{}`, header: "{{firstName}}", code: "value-place"},
		"marks in a header":         {value: "Zoë\u2028x", path: "json", kind: js, body: `{}`, header: "{{firstName}}", code: "value-place"},
		"letters no header has":     {value: "Zoë", path: "json", kind: js, body: `{}`, header: "{{firstName}}", code: "value-place"},
		"JSON":                      {value: `Ana","admin":true,"x":"`, path: "json", kind: js, body: `{"to":"{{firstName}}"}`, body2: `{"to":"Ana\",\"admin\":true,\"x\":\""}`},
		"a backslash in JSON":       {value: `Ana\`, path: "json", kind: js, body: `{"to":"{{firstName}}","x":""}`, body2: `{"to":"Ana\\","x":""}`},
		"lines in JSON":             {value: "Ana\nB", path: "json", kind: js, body: `{"many":"{{firstName}}!"}`, body2: `{"many":"Ana\nB!"}`},
		"lines where none are":      {value: "Ana\nB", path: "json", kind: js, body: `{"to":"{{firstName}}"}`, code: "value-place"},
		"a tag in HTML":             {value: `<script>x()</script>`, path: "json", kind: js, body: `{"page":"<p>{{firstName}}</p>"}`, body2: htmlJSON(`<p>&#60;script&#62;x&#40;&#41;&#60;&#47;script&#62;</p>`)},
		"an attribute in HTML":      {value: `a onclick=x`, path: "json", kind: js, body: `{"page":"<p title={{firstName}}>"}`, body2: htmlJSON(`<p title=a&#32;onclick&#61;x>`)},
		"a quote in HTML":           {value: `a' onclick='x`, path: "json", kind: js, body: `{"page":"<p title='{{firstName}}'>"}`, body2: htmlJSON(`<p title='a&#39;&#32;onclick&#61;&#39;x'>`)},
		"a parameter in a link":     {value: "a&admin=1#/../", path: "json", kind: js, body: `{"link":"https://x.example/?q={{firstName}}"}`, body2: `{"link":"https://x.example/?q=a%26admin%3D1%23%2F..%2F"}`},
		"a field of a form":         {value: "Ana&admin=1;b=%26", path: "form", kind: formType, body: "to={{firstName}}&x=1", body2: "to=Ana%26admin%3D1%3Bb%3D%2526&x=1"},
		"a parameter of the query":  {value: "a&admin=1# HTTP/1.1", path: "json?to={{firstName}}", kind: js, body: `{}`, body2: `{}`, uri: "/json?to=a%26admin%3D1%23+HTTP%2F1.1"},
		"a line break in the query": {value: "a\r\nHost: x", path: "json?to={{firstName}}", kind: js, body: `{}`, code: "value-place"},
		"an element of XML":         {value: `</to><admin/><to>`, path: "xml", kind: xmlType, body: `<o><to>{{firstName}}</to></o>`, body2: `<o><to>&lt;/to&gt;&lt;admin/&gt;&lt;to&gt;</to></o>`},
		"the end of CDATA":          {value: `]]><admin/>`, path: "xml", kind: xmlType, body: `<o><to><![CDATA[{{firstName}}]]></to></o>`, body2: `<o><to>]]&gt;&lt;admin/&gt;</to></o>`},
		"an attribute of XML":       {value: `a" admin="1`, path: "xml", kind: xmlType, body: `<o to='{{firstName}}'/>`, body2: `<o to="a&#34; admin=&#34;1"/>`},
		"an entity of XML":          {value: `&xxe;`, path: "xml", kind: xmlType, body: `<o><to>{{firstName}}</to></o>`, body2: `<o><to>&amp;xxe;</to></o>`},
		"a command of ZPL":          {value: "Ana^FS^XZ^XA", path: "zpl", kind: zpl, body: "^XA^FD{{firstName}}^FS^XZ", code: "value-place"},
		"a control of ZPL":          {value: "~JR", path: "zpl", kind: zpl, body: "^XA^FD{{firstName}}^FS^XZ", code: "value-place"},
		"another caret of ZPL":      {value: "Ana!FS!XZ", path: "zpl", kind: zpl, body: "^XA^CC!!FD{{firstName}}!FS!XZ", code: "token-place"},
		"another tilde of ZPL":      {value: "!JR", path: "zpl", kind: zpl, body: "^XA^ct!^FD{{firstName}}^FS^XZ", code: "token-place"},
		"ZPL by a plain text":       {value: "Ana^FS^XZ", path: "text", kind: zpl, body: "^XA^FD{{firstName}}^FS^XZ", code: "content-type"},
		"a table by a plain text":   {value: "=1+1,x", path: "text", kind: "text/csv", body: "a,{{firstName}}", code: "content-type"},
		"a plain text":              {value: "Ana^FS", path: "text", kind: "text/plain", body: "To {{firstName}}", body2: "To Ana^FS"},
	} {
		t.Run(name, func(t *testing.T) {
			h.take(map[string]string{"firstName": c.value})
			before, refused := len(h.calls()), h.refused()
			var header []string
			if c.header != "" {
				header = []string{"X-To", c.header}
			}
			_, err := h.send("POST", "/route/places/"+c.path, c.kind, c.body, header...)
			got := h.calls()[before:]
			if c.code != "" {
				if guardtest.Code(err) != c.code || len(got) != 0 || h.refused() == refused {
					t.Errorf("%v, the upstream heard %d calls, %d events; want %s", err, len(got), h.refused()-refused, c.code)
				}
				if err != nil && strings.Contains(err.Error(), c.value) {
					t.Error("the fault repeats the value")
				}
				return
			}
			if err != nil || len(got) != 1 {
				t.Fatal(err, len(got))
			}
			if got[0].body != c.body2 || c.uri != "" && got[0].uri != c.uri || got[0].header.Get("X-Admin") != "" {
				t.Errorf("the upstream heard %s %s", got[0].uri, got[0].body)
			}
		})
	}
}

// htmlJSON is a page as a member of JSON.
func htmlJSON(page string) string {
	text, _ := json.Marshal(map[string]string{"page": page}) // strings marshal
	return string(text)
}

// far is an upstream behind TLS, reached under the name that its certificate has.
type far struct {
	*httptest.Server
	dialled atomic.Int64
}

func newFar(t *testing.T, serve http.HandlerFunc) *far {
	f := &far{Server: httptest.NewUnstartedServer(serve)}
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are meant
	f.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			f.dialled.Add(1)
		}
	}
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *far) pin() string {
	sum := sha256.Sum256(f.Certificate().RawSubjectPublicKeyInfo)
	return "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
}

func (f *far) roots() string {
	text, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})))
	return string(text)
}

// route is a specification that leads to f; more is put among its members.
func (f *far) route(name, more string) string {
	_, port, _ := net.SplitHostPort(f.Listener.Addr().String())
	return `{"name":"` + name + `","upstream":"https://example.com:` + port + `","purpose":"fulfilment","budget":{"calls":50,"tokens":50},` + more +
		`"calls":[{"method":"POST","path":"/x","body":"json","places":[{"in":"json","at":"/to","classes":["name"]}],"answer":{"as":"shape","shape":{"id":"code"}}}]}`
}

// A call goes to the host, the address and the key that two people named, over TLS, or
// not at all.
func TestObligation_2_5_1_RoutesLeadWhereTwoPeopleSaid(t *testing.T) {
	var heard atomic.Int64
	f := newFar(t, func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		w.Header().Set("Connection", "close") // each call dials
		_, _ = io.WriteString(w, `{"id":"ok"}`)
	})
	good := `"roots":` + f.roots() + `,"pins":["` + f.pin() + `"],`
	other := `"roots":` + f.roots() + `,"pins":["sha256/` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"],`
	for name, c := range map[string]struct {
		more  string
		leads []string // what the name leads to, one call after the other
		code  string   // of the last call; the ones before succeed
	}{
		"planted: it is what was named":                 {good, []string{"127.0.0.1"}, ""},
		"another key":                                   {other, []string{"127.0.0.1"}, "upstream-pin"},
		"an unknown root":                               {``, []string{"127.0.0.1"}, "upstream-certificate"},
		"a private address":                             {good, []string{"10.0.0.5"}, "upstream-address"},
		"a metadata service":                            {good, []string{"169.254.169.254"}, "upstream-address"},
		"a shared address":                              {good, []string{"100.64.0.1"}, "upstream-address"},
		"a mapped address":                              {good, []string{"::ffff:10.0.0.5"}, "upstream-address"},
		"one of two is private":                         {good, []string{"127.0.0.1 192.168.1.1"}, "upstream-address"},
		"rebound between calls":                         {good, []string{"127.0.0.1", "10.0.0.5"}, "upstream-address"},
		"a metadata service in a network that is named": {good + `"networks":["169.254.0.0/16"],`, []string{"169.254.169.254"}, "upstream-address"},
	} {
		t.Run(name, func(t *testing.T) {
			var at atomic.Int64
			h := open(t, func(o *route.Options) {
				o.Lookup = func(context.Context, string) (out []netip.Addr, err error) {
					for _, a := range strings.Fields(c.leads[min(int(at.Load()), len(c.leads)-1)]) {
						out = append(out, netip.MustParseAddr(a))
					}
					return out, nil
				}
			})
			h.put(f.route("far", c.more), "")
			for i := range c.leads {
				at.Store(int64(i))
				before, dialled, refused := heard.Load(), f.dialled.Load(), h.refused()
				_, err := h.send("POST", "/route/far/x", "application/json", `{"to":"{{firstName}}"}`)
				if i < len(c.leads)-1 || c.code == "" {
					if err != nil || heard.Load() != before+1 {
						t.Fatal(err)
					}
					continue
				}
				guardtest.Want(t, name, err, strongroom.Unavailable, c.code)
				if heard.Load() != before || h.refused() != refused+1 {
					t.Errorf("the host heard %d calls, the log %d events", heard.Load()-before, h.refused()-refused)
				}
				if c.code == "upstream-address" && f.dialled.Load() != dialled {
					t.Error("it was dialled")
				}
			}
		})
	}
}

// An answer that is meant to harm ends the call: nothing of it reaches the application,
// and the log says so.
func TestObligation_3_6_3_AnswersThatAttack(t *testing.T) {
	h := open(t, nil)
	h.put(strings.Replace(labels, `"calls":[`, `"limits":{"seconds":60,"bytes":100000},"calls":[`, 1), "")
	h.put(strings.NewReplacer(`"name":"labels"`, `"name":"hurried"`, `"calls":[`, `"limits":{"seconds":1},"calls":[`).Replace(labels), "")
	var elsewhere atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(trap.Close)
	h.reply = attack(trap.URL)
	cases := map[string]string{
		"bomb": "upstream-packed", "bomb unasked": "upstream-answer", "long": "upstream-body", "endless": "upstream-body", "header": "upstream-header",
		"redirect 302": "upstream-redirect", "redirect 307": "upstream-redirect", "redirect 308": "upstream-redirect",
		"hangs": web.CodeGatewayTime, "hangs in the body": web.CodeGatewayTime, "deep": "upstream-answer", "split": "upstream-reach",
	}
	before := h.refused()
	var wait sync.WaitGroup
	for name, code := range cases {
		by := "labels"
		if strings.HasPrefix(name, "hangs") {
			by = "hurried" // these wait for its second
		}
		wait.Go(func() {
			w, err := h.send("POST", "/route/"+by+"/v2/shipments?mode="+strings.ReplaceAll(name, " ", "+"), "application/json", shipment)
			guardtest.Want(t, name, err, strongroom.Unavailable, code)
			if w.Body.Len() != 0 {
				t.Errorf("%s: the application got %d bytes", name, w.Body.Len())
			}
		})
	}
	wait.Wait()
	if n := h.refused() - before; n != len(cases) {
		t.Errorf("the log has %d events of %d attacks", n, len(cases))
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// attack answers as the parameter mode says.
func attack(trap string) func(w http.ResponseWriter, r *http.Request, body string) {
	return func(w http.ResponseWriter, r *http.Request, _ string) {
		mode := r.URL.Query().Get("mode")
		switch mode {
		case "bomb", "bomb unasked":
			if mode == "bomb" {
				w.Header().Set("Content-Encoding", "gzip")
			}
			z := gzip.NewWriter(w)
			for range 8 {
				_, _ = z.Write(make([]byte, 1<<20))
			}
			_ = z.Close()
		case "long":
			_, _ = w.Write(make([]byte, 100001))
		case "endless":
			for {
				if _, err := w.Write(make([]byte, 1<<15)); err != nil {
					return
				}
			}
		case "header":
			w.Header().Set("X-Long", strings.Repeat("a", 64<<10))
		case "hangs":
			<-r.Context().Done()
		case "hangs in the body":
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "deep":
			_, _ = io.WriteString(w, strings.Repeat("[", 50000))
		case "split":
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}")
				_ = c.Close()
			}
		default:
			var code int
			switch mode {
			case "redirect 302":
				code = http.StatusFound
			case "redirect 307":
				code = http.StatusTemporaryRedirect
			default:
				code = http.StatusPermanentRedirect
			}
			w.Header().Set("Location", trap)
			w.WriteHeader(code)
		}
	}
}

// A row that was edited or moved in the database sends nothing, whoever wrote it there.
func TestObligation_3_6_3_ForgedRoutes(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		edit   func(tx *db.Tx, in, waits string) (int64, error) // of the version in force and of the one that waits
		send   bool                                             // the version in force still sends
		accept bool                                             // the one that waits can still be approved
		shown  bool                                             // the list shows what was edited as damaged
	}{
		"planted: nothing changed": {func(tx *db.Tx, in, _ string) (int64, error) {
			return tx.Exec("update route_version set number = number where id = $1", in)
		}, true, true, false},
		"the one that waits is put in force": {func(tx *db.Tx, in, waits string) (int64, error) {
			if n, err := tx.Exec("update route_version set state = 3 where id = $1", in); err != nil {
				return n, err
			}
			return tx.Exec("update route_version set state = 2 where id = $1", waits)
		}, false, false, true},
		"what is in force waits again": {func(tx *db.Tx, in, _ string) (int64, error) {
			return tx.Exec("update route_version set state = 1 where id = $1", in)
		}, false, true, true},
		"another author": {func(tx *db.Tx, in, _ string) (int64, error) {
			return tx.Exec("update route_version set author = 'usr_x' where id = $1", in)
		}, false, true, true},
		"another's words": {func(tx *db.Tx, in, waits string) (int64, error) {
			return tx.Exec("update route_version set sealed = (select sealed from route_version where id = $2) where id = $1", in, waits)
		}, false, true, true},
		"another's words and proof": {func(tx *db.Tx, in, waits string) (int64, error) {
			return tx.Exec("update route_version set sealed = (select sealed from route_version where id = $2), proof = (select proof from route_version where id = $3) where id = $1", in, waits, waits)
		}, false, true, true},
		"another number": {func(tx *db.Tx, in, _ string) (int64, error) {
			return tx.Exec("update route_version set number = 7 where id = $1", in)
		}, false, true, true},
		"another date": {func(tx *db.Tx, in, _ string) (int64, error) {
			return tx.Exec("update route_version set decided_at = decided_at + 1 where id = $1", in)
		}, false, true, true},
		"another author of the one that waits": {func(tx *db.Tx, _, waits string) (int64, error) {
			return tx.Exec("update route_version set author = 'usr_x' where id = $1", waits)
		}, true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, nil)
			h.put(labels, "")
			list, err := h.List(ctx, h.one, false)
			if err != nil {
				t.Fatal(err)
			}
			active := list[0].ID
			waits, err := h.Propose(ctx, h.one, h.say(strings.Replace(labels, "/v2/", "/v3/", 1)), "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.send("POST", "/route/labels/v2/shipments", "application/json", shipment); err != nil {
				t.Fatal(err) // the way is ready from here on
			}
			err = h.ground.DB.Update(ctx, func(tx *db.Tx) error {
				_, err := c.edit(tx, active, waits.ID)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			before, refused := len(h.calls()), h.refused()
			_, err = h.send("POST", "/route/labels/v2/shipments", "application/json", shipment)
			if c.send != (err == nil) || !c.send && (len(h.calls()) != before || h.refused() != refused+1) {
				t.Errorf("sending: %v, %d calls", err, len(h.calls())-before)
			}
			if c.shown != (h.damaged() > 0) {
				t.Errorf("%d versions are shown as damaged", h.damaged())
			}
			if _, err = h.Approve(ctx, h.two, waits.ID); c.accept != (err == nil) {
				t.Errorf("approving: %v", err)
			}
			if _, err = h.Remove(ctx, h.two, waits.ID); err != nil && c.accept {
				t.Errorf("removing: %v", err)
			}
			if c.shown && h.damaged() == 0 {
				t.Error("a later decision makes the forged row whole")
			}
		})
	}
}

func (h *house) damaged() (n int) {
	h.t.Helper()
	list, err := h.List(context.Background(), h.one, true)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, v := range list {
		if v.Damaged {
			n++
		}
	}
	return n
}
