package apptest_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/db"
)

// beside opens the database of an instance that serves.
func beside(t *testing.T, i *apptest.Instance) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), database(i))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// full has the database refuse new records, as a full disk does, until the function it
// returns is called.
func full(t *testing.T, d *db.DB) (free func()) {
	t.Helper()
	run := func(lite, pg func(tx *db.Tx) error) {
		fn := lite
		if d.Engine() == db.Postgres {
			fn = pg
		}
		if err := d.Update(t.Context(), fn); err != nil {
			t.Error(err)
		}
	}
	run(func(tx *db.Tx) error {
		_, err := tx.Exec("create trigger test_full before insert on vault_record begin select raise(abort, 'full'); end")
		return err
	}, func(tx *db.Tx) error {
		_, err := tx.Exec("create function test_full() returns trigger language plpgsql as $$ begin raise exception 'full'; end $$")
		if err == nil {
			_, err = tx.Exec("create trigger test_full before insert on vault_record for each row execute function test_full()")
		}
		return err
	})
	return func() {
		run(func(tx *db.Tx) error {
			_, err := tx.Exec("drop trigger test_full")
			return err
		}, func(tx *db.Tx) error {
			_, err := tx.Exec("drop trigger test_full on vault_record")
			if err == nil {
				_, err = tx.Exec("drop function test_full")
			}
			return err
		})
	}
}

// orders writes the beginning of a page of n orders whose numbers begin at from.
func (m *mirrored) orders(w io.Writer, from, n int, begin string) {
	shop := m.world.Stores()[0]
	order := m.world.Body(shop.Name, shop.Orders-1)
	for i := range n {
		sep := ","
		if i == 0 {
			sep = begin
		}
		o := bytes.Replace(order, []byte(`"id":"`), fmt.Appendf(nil, `"id":"%d`, from+i), 1)
		if _, err := fmt.Fprintf(w, "%s%s", sep, o); err != nil {
			return
		}
	}
}

const (
	pageBegin = `{"success":true,"orders":[`
	pageEnd   = `],"page":{"next":null,"previous":null}}`
)

func jsonPage(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") }

// flush sends what was written on its way.
func flush(t *testing.T, w http.ResponseWriter) {
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Error(err)
	}
}

var shownToken = regexp.MustCompile(`srt_[0-9a-hjkmnp-tv-z]{34}`)

// opens reports whether a token opens, and else why not.
func (m *mirrored) opens(token string) string {
	a := m.Call(apptest.Request{Path: "/v1/reveal",
		Body: map[string]any{"purpose": "fulfilment", "reference": "LL-20933", "tokens": []string{token}}})
	var out struct {
		Code   string
		Values []struct {
			Value json.RawMessage
			Error string
		}
	}
	switch err := json.Unmarshal(a.Body, &out); {
	case err != nil:
		return err.Error()
	case a.Status != http.StatusOK:
		return out.Code
	case len(out.Values) != 1 || (len(out.Values[0].Value) == 0) == (out.Values[0].Error == ""):
		return "not one answer"
	}
	return out.Values[0].Error
}

// isOver reports whether a token does not open because its record is no more.
func isOver(why string) bool { return why == "erased" || why == "expired" || why == "not-found" }

// TestMirrorOnTheWire speaks HTTP/1.1 and HTTP/2 with the mirror while what is behind
// it fails.
func TestMirrorOnTheWire(t *testing.T) {
	m := newMirrored(t, func(c *app.Config) { c.TLS = "auto" })
	base := m.URL + m.path(larkspur, "v2/orders")
	d := beside(t, m.Instance)
	from := 1_000_000
	for _, proto := range []int{1, 2} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: m.Roots()}, ForceAttemptHTTP2: proto == 2}
		t.Cleanup(tr.CloseIdleConnections)
		client := &http.Client{Transport: tr, Timeout: time.Minute}
		ask := func() (*http.Response, error) {
			req, err := http.NewRequest(http.MethodGet, base, nil)
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "Bearer "+m.Made.APIKey)
			res, err := client.Do(req)
			if err == nil && res.ProtoMajor != proto {
				t.Errorf("it speaks HTTP/%d", res.ProtoMajor)
			}
			return res, err
		}
		const many = 1500 // more than one chunk
		t.Run(fmt.Sprintf("whole over %d", proto), func(t *testing.T) {
			from += many
			m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) {
				jsonPage(w)
				m.orders(w, from, many, pageBegin)
				fmt.Fprint(w, pageEnd)
			})
			res, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var page struct{ Orders []json.RawMessage }
			if err := json.NewDecoder(res.Body).Decode(&page); err != nil || len(page.Orders) != many {
				t.Errorf("%d orders, %v", len(page.Orders), err)
			}
		})
		for name, fail := range map[string]func(t *testing.T, w http.ResponseWriter) func(){
			"the platform breaks off": func(*testing.T, http.ResponseWriter) func() { panic(http.ErrAbortHandler) },
			"nothing can be kept":     func(t *testing.T, _ http.ResponseWriter) func() { return full(t, d) },
		} {
			t.Run(fmt.Sprintf("%s over %d", name, proto), func(t *testing.T) {
				from += 2 * many
				begun := make(chan struct{})
				m.platform.say(t, func(w http.ResponseWriter, r *http.Request) {
					jsonPage(w)
					m.orders(w, from, many, pageBegin)
					flush(t, w)
					select {
					case <-begun:
					case <-r.Context().Done():
						return
					}
					defer fail(t, w)()
					m.orders(w, from+many, many, ",")
					fmt.Fprint(w, pageEnd)
					flush(t, w)
					<-r.Context().Done() // until the call was given up
				})
				res, err := ask()
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				first := make([]byte, 1)
				if _, err := io.ReadFull(res.Body, first); err != nil || res.StatusCode != http.StatusOK {
					t.Fatalf("%d, %v", res.StatusCode, err)
				}
				close(begun)
				rest, err := io.ReadAll(res.Body)
				if err == nil {
					t.Errorf("an answer that failed in the middle looks whole: %d bytes", len(rest))
				}
				tokens := shownToken.FindAllString(string(rest), -1)
				if len(tokens) == 0 {
					t.Fatal("nothing came before the failure")
				}
				// What has left was kept.
				if why := m.opens(tokens[len(tokens)-1]); why != "" {
					t.Errorf("the last token that left does not open: %s", why)
				}
			})
		}
		t.Run(fmt.Sprintf("nothing can be kept at first over %d", proto), func(t *testing.T) {
			from += many
			m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) {
				jsonPage(w)
				m.orders(w, from, 1, pageBegin)
				fmt.Fprint(w, pageEnd)
			})
			free := full(t, d)
			res, err := ask()
			free()
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode < 500 || res.Header.Get("Content-Type") != "application/problem+json" || shownToken.Match(text) {
				t.Errorf("%d %s, %v", res.StatusCode, text, err)
			}
			if res, err = ask(); err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("when there is room again: %+v, %v", res, err)
			}
		})
	}
}

// A page's tokens leave after the commit that keeps its records.
func TestMirrorTokensLeaveAfterCommit(t *testing.T) {
	m := newMirrored(t)
	answered := make(chan struct{})
	m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) {
		jsonPage(w)
		m.orders(w, 2_000_000, 3, pageBegin)
		fmt.Fprint(w, pageEnd)
		close(answered)
	})
	held, free := make(chan struct{}), make(chan struct{})
	d, locked := beside(t, m.Instance), make(chan error, 1)
	go func() {
		locked <- d.Update(t.Context(), func(tx *db.Tx) error { // of SQLite's writers there is one
			if d.Engine() == db.Postgres {
				if _, err := tx.Exec("lock table vault_record in exclusive mode"); err != nil {
					return err
				}
			}
			close(held)
			<-free
			return nil
		})
	}()
	<-held
	came := make(chan apptest.Answer, 1)
	go func() { came <- m.Call(apptest.Request{Path: m.path(larkspur, "v2/orders")}) }()
	if d.Engine() == db.Postgres { // SQLite cannot even record the call
		<-answered
	}
	select {
	case a := <-came:
		t.Errorf("answered before anything could be kept: %d %.200s", a.Status, a.Body)
	case <-time.After(300 * time.Millisecond):
	}
	close(free)
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
	a := <-came
	tokens := shownToken.FindAllString(string(a.Body), -1)
	if a.Status != http.StatusOK || len(tokens) == 0 || m.opens(tokens[0]) != "" {
		t.Errorf("%d with %d tokens", a.Status, len(tokens))
	}
}

// TestObligation_2_7_1_MirrorOpensNothingOver gives records that were erased, or are
// past their date, while the platform still has them: what their tokens look like is
// as ever, and none opens.
func TestObligation_2_7_1_MirrorOpensNothingOver(t *testing.T) {
	m := newMirrored(t)
	store := m.stores[larkspur]
	at := apptest.Request{Path: m.path(larkspur, "v2/orders"), Query: map[string][]string{"limit": {"4"}}}
	tokens := func() []string {
		t.Helper()
		a := m.Want(http.StatusOK, at, nil)
		list := shownToken.FindAllString(string(a.Body), -1)
		if len(list) == 0 {
			t.Fatal("no tokens")
		}
		return list
	}
	first := tokens()
	if why := m.opens(first[0]); why != "" { // the planted negative
		t.Fatalf("a token of a living record does not open: %s", why)
	}
	records, _ := m.Records(store)
	for _, r := range records {
		if a := m.Erase(store, r.ID); a.Status >= 300 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	for _, tok := range append(first, tokens()...) {
		if why := m.opens(tok); !isOver(why) {
			t.Fatalf("a token of an erased record: %q", why)
		}
	}
	// Of another shop, past every date: first what is still there, then the page anew.
	at.Path = m.path("wattle-post.example.com", "v3/orders")
	if first = tokens(); m.opens(first[0]) != "" {
		t.Fatal("a token of a living record does not open")
	}
	m.Advance(400 * 24 * time.Hour)
	for _, tok := range append(first, tokens()...) {
		if why := m.opens(tok); !isOver(why) {
			t.Fatalf("a token of a record past its date: %q", why)
		}
	}
}
