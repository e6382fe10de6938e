package intake

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Retry bounds how long the client insists. The zero value means the defaults.
type Retry struct {
	Tries   int           // requests for one page; 0 means 6
	Base    time.Duration // the first wait, doubled each time; 0 means 300 ms
	Cap     time.Duration // the longest wait of our own; 0 means 30 s
	MaxWait time.Duration // the longest wait that Retry-After may ask for; 0 means 2 minutes
	// Sleep waits; nil waits in real time. Tests set it.
	Sleep func(ctx context.Context, d time.Duration) error
}

func (r Retry) filled() Retry {
	if r.Tries == 0 {
		r.Tries = 6
	}
	if r.Base == 0 {
		r.Base = 300 * time.Millisecond
	}
	if r.Cap == 0 {
		r.Cap = 30 * time.Second
	}
	if r.MaxWait == 0 {
		r.MaxWait = 2 * time.Minute
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	return r
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff returns how long to wait before try n+1 (n from 1): doubled each time
// and spread over half to one and a half, so that many clients do not come back
// together.
func (r Retry) backoff(n int) time.Duration {
	d := r.Cap
	if n < 20 {
		d = min(r.Base<<(n-1), r.Cap)
	}
	return d/2 + rand.N(d)
}

// RetryAfter returns how long an answer asks to wait (RFC 9110, 10.2.3): seconds or a
// date. ok is false where it does not say.
func RetryAfter(h http.Header, now time.Time) (d time.Duration, ok bool) {
	s := h.Get("Retry-After")
	if s == "" {
		return 0, false
	}
	if n, err := strconv.Atoi(s); err == nil {
		if n > 1<<30 {
			n = 1 << 30
		}
		return max(0, time.Duration(n)*time.Second), true
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}
