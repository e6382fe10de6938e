package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/gateway"
	"strongroom/internal/intake"
)

// far is a platform that a test plays, in the time of the test.
type far struct {
	calls atomic.Int64
	say   func(r *http.Request) (*http.Response, error)
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	f.calls.Add(1)
	return f.say(r)
}

func (f *far) CredentialTx(*db.Reader, string) (intake.Connection, error) {
	return intake.Connection{}, nil
}

func (f *far) Way(string) (http.RoundTripper, string, error) {
	return f, "https://far.example", nil
}

// parts is a body whose parts come with a pause before each. It ends with its call.
type parts struct {
	ctx   context.Context
	list  []string
	pause time.Duration
}

func (p *parts) Read(b []byte) (int, error) {
	if len(p.list) == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(p.pause):
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
	n := copy(b, p.list[0])
	p.list = p.list[1:]
	return n, nil
}

func (p *parts) Close() error { return nil }

func says(status int, after, pause time.Duration, list ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(after):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: &parts{r.Context(), list, pause}}, nil
	}
}

// A platform may take its time until it answers and between two parts of an answer,
// and no more; a caller that is slow to read is none of its faults.
func TestUpstreamTimes(t *testing.T) {
	const little = time.Second
	for _, c := range []struct {
		name               string
		after, pause, rest time.Duration
		code               string
		took               time.Duration
	}{
		{"at once", 0, 0, 0, "", 0},
		{"begins late", gateway.HeadTime - little, 0, 0, "", gateway.HeadTime - little},
		{"never begins", gateway.HeadTime + little, 0, 0, "upstream-slow", gateway.HeadTime},
		{"goes on slowly", 0, gateway.QuietTime - little, 0, "", 3 * (gateway.QuietTime - little)},
		{"stands still", 0, gateway.QuietTime + little, 0, "upstream-slow", gateway.QuietTime},
		{"begins late, goes on slowly", gateway.HeadTime - little, gateway.QuietTime - little, 0, "", gateway.HeadTime + 3*gateway.QuietTime - 4*little},
		{"is read slowly", 0, 0, gateway.QuietTime + little, "", 3 * (gateway.QuietTime + little)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &far{say: says(http.StatusOK, c.after, c.pause, "one,", "two,", "three")}
				begun := time.Now()
				// A call that changes something is made once.
				_, text, err := gateway.Ask(t.Context(), gateway.Outward(f), http.MethodPost, c.rest)
				if code(err) != c.code || err == nil && string(text) != "one,two,three" {
					t.Errorf("%q, %v", text, err)
				}
				if took := time.Since(begun); took != c.took {
					t.Errorf("it took %v, not %v", took, c.took)
				}
				if n := f.calls.Load(); n != 1 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

// A packed answer that stands still is late as well, and no broken one.
func TestUpstreamPackedStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(bytes.Repeat([]byte("order "), 10_000))
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		whole := b.String()
		f := &far{}
		f.say = func(r *http.Request) (*http.Response, error) {
			res, err := says(http.StatusOK, 0, gateway.QuietTime+1, whole[:20], whole[20:])(r)
			if err == nil {
				res.Header.Set("Content-Encoding", "gzip")
			}
			return res, err
		}
		if _, _, err := gateway.Ask(t.Context(), gateway.Outward(f), http.MethodPost, 0); code(err) != "upstream-slow" {
			t.Error(err)
		}
	})
}

// What changes nothing is asked for again while the platform is away; what changes
// something is not.
func TestUpstreamTriesAgain(t *testing.T) {
	for method, want := range map[string]int64{http.MethodGet: gateway.Tries, http.MethodHead: gateway.Tries, http.MethodPost: 1, http.MethodPut: 1, http.MethodDelete: 1} {
		synctest.Test(t, func(t *testing.T) {
			f := &far{say: says(http.StatusServiceUnavailable, 0, 0)}
			status, _, err := gateway.Ask(t.Context(), gateway.Outward(f), method, 0)
			if err != nil || status != http.StatusServiceUnavailable || f.calls.Load() != want {
				t.Errorf("%s: %d, %v, %d calls", method, status, err, f.calls.Load())
			}
		})
	}
}

// After failures one after another a store is left alone for a while; then one call
// tries, and what becomes of it decides for the others.
func TestCircuitRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := says(http.StatusInternalServerError, 0, 0), says(http.StatusOK, 0, 0, "fine")
		f := &far{say: bad}
		g := gateway.Outward(f)
		ask := func() string {
			_, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0)
			return code(err)
		}
		want := func(when, want string, calls int64) {
			t.Helper()
			before := f.calls.Load()
			if got, n := ask(), f.calls.Load()-before; got != want || n != calls {
				t.Errorf("%s: %q after %d calls", when, got, n)
			}
		}
		for range gateway.BreakAfter {
			want("it fails", "", 1)
		}
		want("it failed often", "circuit-open", 0)
		time.Sleep(gateway.BreakFor - time.Millisecond)
		want("a moment too early", "circuit-open", 0)
		time.Sleep(time.Millisecond)
		want("one tries and fails", "", 1)
		want("it is left alone again", "circuit-open", 0)

		// While one tries, the others are still refused.
		time.Sleep(gateway.BreakFor)
		f.say = says(http.StatusOK, time.Second, 0, "fine")
		done := make(chan string)
		go func() { done <- ask() }()
		synctest.Wait()
		want("another one tries", "circuit-open", 0)
		if got := <-done; got != "" {
			t.Errorf("the one that tried: %s", got)
		}
		f.say = good
		want("it is well", "", 1)
		for range gateway.BreakAfter - 1 { // what failed before is forgotten
			f.say = bad
			want("it fails anew", "", 1)
		}
		f.say = good
		want("it is well in time", "", 1)
	})
}

// A caller that leaves while it tries leaves the try to the next one.
func TestCircuitOutlivesCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{say: says(http.StatusInternalServerError, 0, 0)}
		g := gateway.Outward(f)
		for range gateway.BreakAfter {
			_, _, _ = gateway.Ask(t.Context(), g, http.MethodPost, 0) // it fails
		}
		time.Sleep(gateway.BreakFor)
		f.say = says(http.StatusOK, time.Second, 0, "fine")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := gateway.Ask(ctx, g, http.MethodPost, 0); err == nil {
			t.Error("a caller that left was answered")
		}
		if _, text, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); err != nil || string(text) != "fine" {
			t.Errorf("%q, %v", text, err)
		}
	})
}
