package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/app"
)

// A job that fails and is tried again is said on a line, once a try; one that stands
// still ends the command with what to type, and one that moves does not.
func TestFollowEndsWithoutProgress(t *testing.T) {
	for _, moves := range []bool{false, true} {
		looks := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = io.WriteString(w, `{"job":"job_1"}`)
				return
			}
			looks++
			state, records := "waiting", 0
			if moves {
				records = looks
				if looks == 6 {
					state = "done"
				}
			}
			fmt.Fprintf(w, `{"id":"job_1","state":%q,"code":"unreachable","tries":1,"due_at":"2026-11-20T12:00:00Z","progress":{"records":%d}}`, state, records)
		}))
		var errs bytes.Buffer
		c := &client{conn: &app.Client{HTTP: s.Client()}, base: s.URL}
		_, err := c.startJob(&globals{ctx: t.Context(), out: io.Discard, errs: &errs}, "/v1/x", nil, "records", 400*time.Millisecond)
		s.Close()
		if strings.Count(errs.String(), "EcartAPI cannot be reached), next try at 2026-11-20T12:00:00Z") != 1 {
			t.Errorf("said %q", errs.String())
		}
		if moves != (err == nil) || !moves && !strings.Contains(err.Error(), "strongroom job show job_1") {
			t.Errorf("moves %v: %v", moves, err)
		}
	}
}
