package app

import (
	"context"
	"io"
	"net/http"
	"testing"
)

// A server that does not say what it found is no good news.
func TestDoctorOfASilentServer(t *testing.T) {
	ask := func(status int, body string) []Finding {
		t.Helper()
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		tr := &inProcess{handler: h, mark: func(ctx context.Context) context.Context { return ctx }}
		defer tr.running.Wait()
		return askFindings(t.Context(), &Client{HTTP: &http.Client{Transport: tr}})
	}
	for body, status := range map[string]int{
		`{"code":"denied","detail":"metrics.read is not allowed"}`: http.StatusForbidden,
		`{"code":"not-found","detail":"there is no such path"}`:    http.StatusNotFound,
		`{"findings":[]}`: http.StatusOK,
		`{"findings":`:    http.StatusOK,
	} {
		if f := ask(status, body); len(f) != 1 || f[0].State != Fail || f[0].Check != "inside" || f[0].Advice == "" {
			t.Errorf("%d %s: %+v", status, body, f)
		}
	}
	if f := ask(http.StatusOK, `{"findings":[{"check":"networks","state":"ok","found":"3 rules"}]}`); len(f) != 1 || f[0].State != OK { // planted
		t.Errorf("a server that speaks is taken for silent: %+v", f)
	}
}
