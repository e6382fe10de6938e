package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"strongroom"
	"strongroom/internal/web"
)

// The table from kinds to status codes, written down a second time: a kind added
// without a status fails here.
var wantStatus = map[strongroom.Kind]int{
	strongroom.Internal: 500, strongroom.Invalid: 400, strongroom.Unauthenticated: 401, strongroom.Denied: 403,
	strongroom.NotFound: 404, strongroom.Conflict: 409, strongroom.Held: 423, strongroom.Erased: 410,
	strongroom.Exhausted: 429, strongroom.TooLarge: 413, strongroom.Unavailable: 503,
}

func TestStatusIsTotal(t *testing.T) {
	for k := strongroom.Internal; ; k++ {
		if k > strongroom.Internal && k.String() == strongroom.Internal.String() {
			if len(wantStatus) != int(k) {
				t.Errorf("%d kinds have a status, %d exist", len(wantStatus), k)
			}
			break // past the last kind
		}
		want, known := wantStatus[k]
		if !known {
			t.Errorf("kind %v has no status", k)
		}
		if got := web.Status(fmt.Errorf("wrapped: %w", strongroom.Faultf(k, "x", "x"))); got != want {
			t.Errorf("%v: status %d, want %d", k, got, want)
		}
	}
	if got := web.Status(strongroom.Faultf(200, "x", "x")); got != 500 {
		t.Errorf("an unknown kind: %d, want 500", got)
	}
}

func TestStatusOfOtherErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("anything"), 500},
		{context.Canceled, 503}, {context.DeadlineExceeded, 503}, {os.ErrDeadlineExceeded, 408},
		{&http.MaxBytesError{Limit: 1}, 413},
		{strongroom.Faultf(strongroom.Invalid, web.CodeMethod, "x"), 405},
		{strongroom.Faultf(strongroom.Unavailable, web.CodeBadGateway, "x"), 502},
		{strongroom.Faultf(strongroom.Unavailable, "upstream-size", "x"), 502},
		{strongroom.Faultf(strongroom.Unavailable, web.CodeGatewayTime, "x"), 504},
		{strongroom.Faultf(strongroom.Invalid, web.CodeBadGateway, "x"), 400},
		{strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "x"), 415},
		{strongroom.Faultf(strongroom.Invalid, web.CodeHeaders, "x"), 431},
		{strongroom.Faultf(strongroom.Denied, web.CodeMethod, "x"), 403}, // codes refine Invalid only
	} {
		if got := web.Status(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

func TestProblem(t *testing.T) {
	w := httptest.NewRecorder()
	cause := errors.New("row jane.doe@example.com is there")
	web.WriteProblem(w, strongroom.Faultf(strongroom.Exhausted, "budget", "the budget is used up").Advise("wait").Because(cause), "req_1")
	if w.Code != 429 || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	var got web.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := web.Problem{Type: "urn:strongroom:problem:budget", Title: "exhausted", Status: 429,
		Detail: "the budget is used up", Hint: "wait", Code: "budget", Request: "req_1"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if w := httptest.NewRecorder(); true {
		web.WriteProblem(w, strongroom.Faultf(strongroom.Unauthenticated, "key", "no"), "")
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Error("401 without a challenge")
		}
	}
}

// A fault whose words break the rule and hold a value must not carry it out.
func TestProblemDropsPersonalWords(t *testing.T) {
	leaky := strongroom.Faultf(strongroom.Invalid, "reference", "bad reference jane.doe@example.com").Advise("ask jane.doe@example.com")
	p := web.ProblemOf(leaky, "")
	if b, _ := json.Marshal(p); strings.Contains(string(b), "jane") {
		t.Errorf("the problem repeats the value: %s", b)
	}
	p = web.ProblemOf(strongroom.Faultf(strongroom.Invalid, "jane@example.com", "x"), "")
	if strings.Contains(p.Type+p.Code, "jane") {
		t.Errorf("the code repeats the value: %+v", p)
	}
	if p := web.ProblemOf(errors.New("jane"), ""); strings.Contains(fmt.Sprintf("%+v", p), "jane") {
		t.Errorf("an unknown error's text leaves: %+v", p)
	}
}

func TestCauseNamesNoValue(t *testing.T) {
	err := strongroom.Faultf(strongroom.Unavailable, "db", "the database is gone").
		Because(fmt.Errorf("insert (jane): %w", errors.Join(errors.New("jane"), &fs.PathError{Op: "open", Path: "/jane", Err: syscall.ENOSPC})))
	got := web.Cause(err).Value.String()
	if strings.Contains(got, "jane") {
		t.Errorf("the cause holds the value: %s", got)
	}
	for _, want := range []string{"unavailable db", "no space left"} {
		if !strings.Contains(got, want) {
			t.Errorf("the cause %q does not say %q", got, want)
		}
	}
	if web.Cause(nil).Key == "" {
		t.Error("no attribute for nil")
	}
	_ = slog.Any("cause", got)
}
