package sim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Quirks are the documented oddities, each off in the zero value. Rates are
// shares of the requests (or records) between 0 and 1.
type Quirks struct {
	// MixedScalars writes half of the orders with bare numbers and booleans; else
	// all are strings.
	MixedScalars bool
	// DateFormats writes each order's dates in any of six styles, whatever its
	// platform uses.
	DateFormats bool
	// OddShapes leaves a customer empty here and there, and puts null among the
	// items.
	OddShapes bool
	// Throttle answers 429 with Retry-After: in seconds or as a date, by turns.
	Throttle float64
	// RetryAfter is what Throttle and Fail ask for; 0 means now. It is rounded up
	// to a second.
	RetryAfter time.Duration
	// Fail answers 500, 502 or 503.
	Fail float64
	// Slow waits for SlowFor before an answer.
	Slow    float64
	SlowFor time.Duration
	// Malformed answers 200 with a body that is no JSON: cut off, or a page of
	// HTML.
	Malformed float64
	// Duplicates repeats the last record of the page before, as a list does that
	// grows while it is read, and delivers a webhook twice.
	Duplicates float64
}

// AllQuirks returns every oddity at a rate that a client should live with, and
// no waiting.
func AllQuirks() Quirks {
	return Quirks{
		MixedScalars: true, DateFormats: true, OddShapes: true,
		Throttle: 0.05, Fail: 0.05, Slow: 0.02, SlowFor: 20 * time.Millisecond, Malformed: 0.03, Duplicates: 0.1,
	}
}

// fault is what goes wrong with one request.
type fault int

const (
	none fault = iota
	throttled
	failed
	broken
)

// draw decides about the next request: what goes wrong and whether it is slow.
func (s *Sim) draw() (fault, *rand.Rand) {
	n := s.requests.Add(1)
	r := rand.New(rand.NewPCG(mix(s.o.Seed, n, 11), n))
	q := s.o.Quirks
	x := r.Float64()
	switch {
	case x < q.Throttle:
		return throttled, r
	case x < q.Throttle+q.Fail:
		return failed, r
	case x < q.Throttle+q.Fail+q.Malformed:
		return broken, r
	}
	return none, r
}

// hinder lets a request go wrong; it reports whether an answer has been given.
func (s *Sim) hinder(w http.ResponseWriter, req *http.Request) bool {
	f, r := s.draw()
	q := s.o.Quirks
	if q.Slow > 0 && r.Float64() < q.Slow {
		select {
		case <-time.After(q.SlowFor):
		case <-req.Context().Done():
			return true
		}
	}
	after := (q.RetryAfter + time.Second - 1) / time.Second * time.Second
	switch f {
	case throttled:
		if r.IntN(2) == 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(after/time.Second)))
		} else {
			w.Header().Set("Retry-After", time.Now().Add(after).UTC().Format(http.TimeFormat))
		}
		w.Header().Set("X-RateLimit-Remaining", "0")
		refuse(w, http.StatusTooManyRequests, "Too many requests")
	case failed:
		code := []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[r.IntN(3)]
		if code == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", fmt.Sprint(int(after/time.Second)))
		}
		refuse(w, code, http.StatusText(code))
	case broken:
		if r.IntN(2) == 0 {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html><body><h1>Application error</h1></body></html>")
		} else {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"success":true,"orders":[{"id":"6120448`)
		}
	}
	return f != none
}
