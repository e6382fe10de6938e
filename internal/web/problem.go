package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"strongroom"
	"strongroom/internal/classify"
)

// Problem is a problem detail (RFC 9457), the only shape of an error answer.
type Problem struct {
	Type    string `json:"type"`              // urn:strongroom:problem:<code>
	Title   string `json:"title"`             // the kind of fault in words
	Status  int    `json:"status"`            // the HTTP status
	Detail  string `json:"detail"`            // what happened and why
	Hint    string `json:"hint,omitempty"`    // what to do next
	Code    string `json:"code"`              // stable, machine-readable
	Request string `json:"request,omitempty"` // the request's id, as in the log
}

// How many seconds a caller is told to wait before trying again: what is
// unavailable may be back soon, a budget comes back slowly, a source is forgiven a
// few calls a second.
const (
	retryUnavailable = 1
	retryExhausted   = 60
	retrySource      = 5
)

// ProblemOf describes err for the caller. It holds the words of the first fault
// in err's chain, never the text of a cause.
func ProblemOf(err error, request string) Problem {
	f := faultOf(err)
	p := Problem{
		Title: f.Kind.String(), Status: Status(err), Detail: clean(f.What, f.Kind),
		Hint: clean(f.Hint, f.Kind), Code: f.Code, Request: request,
	}
	if p.Code == "" || strongroom.CheckName("code", p.Code) != nil {
		p.Code = strings.ReplaceAll(f.Kind.String(), " ", "-")
	}
	if f.Hint == "" {
		p.Hint = ""
	}
	p.Type = "urn:strongroom:problem:" + p.Code
	return p
}

// clean is the second lock behind the rule that a fault's text holds no value:
// words in which the detector finds personal data do not leave.
func clean(s string, k strongroom.Kind) string {
	if _, found := classify.Has([]byte(s)); found {
		return k.String()
	}
	return s
}

// WriteProblem answers with the problem err stands for.
func WriteProblem(w http.ResponseWriter, err error, request string) {
	p := ProblemOf(err, request)
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="strongroom"`)
	}
	p.SetRetryAfter(h)
	w.WriteHeader(p.Status)
	body, _ := json.Marshal(p)         // strings and an int: cannot fail
	_, _ = w.Write(append(body, '\n')) // the caller may have gone; nobody is left to tell
}

// SetRetryAfter says in the headers of an answer after how many seconds to come
// again, where that helps.
func (p Problem) SetRetryAfter(h http.Header) {
	after := 0
	switch {
	case p.Status == http.StatusServiceUnavailable:
		after = retryUnavailable
	case p.Code == CodeSource:
		after = retrySource
	case p.Status == http.StatusTooManyRequests:
		after = retryExhausted
	}
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(after))
	}
}

// Cause describes err for the operational log without repeating a value: faults
// by code, errors of the system by their number's text, all others by type.
func Cause(err error) slog.Attr {
	var parts []string
	for ; err != nil && len(parts) < 8; err = errors.Unwrap(err) {
		switch e := err.(type) {
		case *strongroom.Fault:
			parts = append(parts, e.Kind.String()+" "+e.Code)
		case syscall.Errno:
			parts = append(parts, e.Error())
		case interface{ Unwrap() []error }:
			for _, sub := range e.Unwrap() {
				parts = append(parts, Cause(sub).Value.String())
			}
		default:
			parts = append(parts, fmt.Sprintf("%T", err))
		}
	}
	return slog.String("cause", strings.Join(parts, " > "))
}
