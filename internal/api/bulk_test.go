package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/identity"
)

// stream is a call of bulk ingest whose body goes on as the test goes.
type stream struct {
	t   *testing.T
	in  *io.PipeWriter
	out *bufio.Reader
}

func (f *fixture) stream(t *testing.T, store, token string) *stream {
	t.Helper()
	body, in := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "POST", f.base+store+"/ingest?resource=orders&version=v2&platform=shopify", body)
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
	s := &stream{t: t, in: in}
	go s.send(0)
	res, err := http.DefaultClient.Do(req)
	f.must(err)
	t.Cleanup(func() { _ = res.Body.Close() })
	s.out = bufio.NewReader(res.Body)
	return s
}

// send sends the line of an order.
func (s *stream) send(n int) {
	_, _ = fmt.Fprintf(s.in, `{"id":"%d","createdAt":"2026-10-19T10:00:00.000Z","updatedAt":"2026-10-19T10:00:00.000Z","email":"p@example.com"}`+"\n", 7000+n)
}

// answer returns the next line of the answer, empty at its end.
func (s *stream) answer() string {
	s.t.Helper()
	text, err := s.out.ReadString('\n')
	if err != nil && err != io.EOF {
		s.t.Fatal(err)
	}
	return text
}

// TestObligation_2_2_12_StreamEndsWithItsCaller: a bulk ingest that is under way
// stores nothing more once the key or the session that began it has ended.
func TestObligation_2_2_12_StreamEndsWithItsCaller(t *testing.T) {
	f := serve(t, nil)
	_, store := f.store()
	all := strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "command"}
	key, secret, err := f.identity.CreateKey(t.Context(), all, identity.KeySpec{Label: "stream", Roles: []string{authz.Application}, AllStores: true})
	f.must(err)
	o, _ := f.first()
	u, _ := o.join("petra@lindqvist.example", authz.Operator)
	for name, c := range map[string]struct {
		token string
		end   func()
	}{
		"key":     {secret.Reveal(), func() { f.get("DELETE", "/v1/keys/"+key.ID, "", nil) }},
		"session": {u.token, func() { u.want(http.StatusNoContent, "DELETE", "/v1/session", "", nil) }},
	} {
		s := f.stream(t, store, c.token)
		if got := s.answer(); !strings.Contains(got, "srt_") {
			t.Fatalf("%s, at first: %s", name, got)
		}
		go s.send(1)
		if got := s.answer(); !strings.Contains(got, "srt_") { // planted: it goes on
			t.Fatalf("%s, while it holds: %s", name, got)
		}
		c.end()
		go s.send(2)
		if got := s.answer(); !strings.Contains(got, `"status":401`) {
			t.Errorf("%s, after its end: %s", name, got)
		}
		if got := s.answer(); got != "" {
			t.Errorf("%s, and then: %s", name, got)
		}
	}
}
