package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
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
		{"never", func() string { return "99999999999" }, 0, 0, 1},
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

// The mirror speaks HTTP/2 with a platform that does, and unpacks what comes packed.
func TestUpstreamSpeaksHTTP2(t *testing.T) {
	said := make(chan string, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said <- r.Proto + " " + r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, err := io.WriteString(z, "an answer")
		if err := errors.Join(err, z.Close()); err != nil {
			t.Error(err)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	tr := gateway.Transport()
	tr.TLSClientConfig.RootCAs = x509.NewCertPool()
	tr.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	defer tr.CloseIdleConnections()
	status, text, err := gateway.Ask(t.Context(), gateway.Outward(there{tr, s.URL}), http.MethodGet, 0)
	if err != nil || status != http.StatusOK || string(text) != "an answer" {
		t.Fatalf("%d %q, %v", status, text, err)
	}
	if got := <-said; got != "HTTP/2.0 gzip" {
		t.Errorf("the platform was asked by %s", got)
	}
}

// there is a platform at a real address.
type there struct {
	http.RoundTripper
	base string
}

func (there) CredentialTx(*db.Reader, string) (intake.Connection, error) {
	return intake.Connection{}, nil
}

func (p there) Way(string) (http.RoundTripper, string, error) { return p.RoundTripper, p.base, nil }
