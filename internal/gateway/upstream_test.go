package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/iotest"
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

// Between two tries there is a pause that grows and is not the same for everybody; a
// platform that says when to come again is asked no sooner, and not at all where that
// is long.
func TestUpstreamWaits(t *testing.T) {
	const first, long = gateway.FirstWait, gateway.LongWait
	second := func(n int) func() string { return func() string { return strconv.Itoa(n) } }
	date := func(d time.Duration) func() string {
		return func() string { return time.Now().UTC().Add(d).Format(http.TimeFormat) }
	}
	for _, c := range []struct {
		name        string
		after       func() string
		least, most time.Duration
		calls       int64
	}{
		{"says nothing", nil, (first + 2*first) / 2, first + 2*first, 3},
		{"says no time", func() string { return "soon" }, (first + 2*first) / 2, first + 2*first, 3},
		{"in a second", second(1), 2 * time.Second, 2 * time.Second, 3},
		{"as late as may be", second(int(long / time.Second)), 2 * long, 2 * long, 3},
		{"too late", second(int(long/time.Second) + 1), 0, 0, 1},
		{"at a date", date(time.Second), 2 * time.Second, 2 * time.Second, 3},
		{"at a date that is far", date(time.Hour), 0, 0, 1},
		{"at a date that is over", date(-time.Hour), (first + 2*first) / 2, first + 2*first, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := map[time.Duration]bool{}
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					f := &far{}
					f.say = func(r *http.Request) (*http.Response, error) {
						res, err := says(http.StatusServiceUnavailable, 0, 0)(r)
						if err == nil && c.after != nil {
							res.Header.Set("Retry-After", c.after())
						}
						return res, err
					}
					begun := time.Now()
					status, _, err := gateway.Ask(t.Context(), gateway.Outward(f), http.MethodGet, 0)
					took := time.Since(begun)
					seen[took] = true
					if err != nil || status != http.StatusServiceUnavailable || f.calls.Load() != c.calls || took < c.least || took > c.most {
						t.Errorf("%d, %v after %v and %d calls", status, err, took, f.calls.Load())
					}
				})
			}
			if c.least < c.most && len(seen) < 2 {
				t.Error("all pauses are the same")
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

// An answer that begins well and breaks off is a failure of the platform's; one that
// nobody reads to its end is none.
func TestCircuitJudgesBodies(t *testing.T) {
	open := func(t *testing.T, f *far, g *gateway.Gateway) bool {
		t.Helper()
		before := f.calls.Load()
		f.say = says(http.StatusOK, 0, 0, "fine")
		_, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0)
		if open := code(err) == "circuit-open"; open != (f.calls.Load() == before) {
			t.Error(err)
		}
		return err != nil
	}
	for _, c := range []struct {
		name string
		one  func(t *testing.T, g *gateway.Gateway)
		open bool
	}{
		{"broken", func(t *testing.T, g *gateway.Gateway) {
			if _, text, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); code(err) != "upstream-failed" || string(text) != "one," {
				t.Errorf("%q, %v", text, err)
			}
		}, true},
		{"left by the caller", func(t *testing.T, g *gateway.Gateway) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			if _, _, err := gateway.Ask(ctx, g, http.MethodPost, time.Second); err == nil {
				t.Error("it was answered")
			}
		}, false},
		{"not read to the end", func(t *testing.T, g *gateway.Gateway) {
			if err := gateway.Drop(t.Context(), g); err != nil {
				t.Error(err)
			}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &far{}
				g := gateway.Outward(f)
				for range gateway.BreakAfter {
					f.say = breaks
					c.one(t, g)
				}
				if got := open(t, f, g); got != c.open {
					t.Errorf("open: %v", got)
				}
			})
		})
	}
}

// breaks answers well and breaks off after a part.
func breaks(r *http.Request) (*http.Response, error) {
	res, err := says(http.StatusOK, 0, time.Second, "one,")(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(res.Body, iotest.ErrReader(io.ErrUnexpectedEOF)), res.Body}
	}
	return res, err
}

// What went out before a circuit opened says nothing of the platform as it is now.
func TestCircuitHearsNothingLate(t *testing.T) {
	const late = 25 * time.Second
	for name, end := range map[string]func(*http.Request) (*http.Response, error){
		"well":  says(http.StatusOK, 0, late, "late"),
		"badly": says(http.StatusInternalServerError, late, 0),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &far{say: end}
				g := gateway.Outward(f)
				done := make(chan error)
				began := time.Now()
				go func() {
					_, _, err := gateway.Ask(context.WithoutCancel(t.Context()), g, http.MethodPost, 0)
					done <- err
				}()
				synctest.Wait()
				time.Sleep(late - gateway.BreakFor)
				f.say = says(http.StatusInternalServerError, 0, 0)
				time.Sleep(time.Second)
				for range gateway.BreakAfter {
					_, _, _ = gateway.Ask(t.Context(), g, http.MethodPost, 0) // it fails
				}
				opened := time.Now()
				<-done
				if took := time.Since(began); took < late {
					t.Fatalf("it came after %v", took)
				}
				if _, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); code(err) != "circuit-open" {
					t.Errorf("an old answer closed the circuit: %v", err)
				}
				time.Sleep(time.Until(opened.Add(gateway.BreakFor)))
				f.say = says(http.StatusOK, 0, 0, "fine")
				if _, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); err != nil {
					t.Errorf("an old failure kept it open: %v", err)
				}
			})
		})
	}
}
