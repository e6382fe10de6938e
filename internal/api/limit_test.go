package api_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/web"
)

// Every route that asks for nobody, but those that tell whether the instance lives and what it can, is
// counted for its source before any work, and so is a caller whom nobody knows. Who is known is not.
func TestStrangersAreLimited(t *testing.T) {
	spent, asked := false, 0
	f := serve(t, func(o *api.Options) {
		o.Limit = func(source netip.Addr) error {
			asked++
			if !source.IsLoopback() {
				t.Errorf("counted for %v", source)
			}
			if spent {
				return strongroom.Faultf(strongroom.Exhausted, web.CodeSource, "too many calls come from this source")
			}
			return nil
		}
	})
	spent = true
	public := 0
	for _, rt := range api.Routes() {
		if rt.Public && rt.Anywhere {
			res, err := http.Get(f.base + rt.Path)
			f.must(err)
			f.must(res.Body.Close())
			if res.StatusCode != http.StatusOK {
				t.Errorf("past the limit %s answers %d to who watches", rt.Path, res.StatusCode)
			}
			continue
		}
		if !rt.Public || rt.Proves || rt.Only != "" && rt.Only != strongroom.Test {
			continue
		}
		public++
		req, err := http.NewRequestWithContext(t.Context(), rt.Method, f.base+rt.Path, strings.NewReader("no JSON"))
		f.must(err)
		res, err := http.DefaultClient.Do(req)
		f.must(err)
		f.must(res.Body.Close())
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s answers %d, Retry-After %q", rt.Method, rt.Path, res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
	if public < 10 || asked != public {
		t.Errorf("%d public routes, %d asked", public, asked)
	}
	status := func(key string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.base+"/v1/session", nil)
		f.must(err)
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(req)
		f.must(err)
		f.must(res.Body.Close())
		return res.StatusCode
	}
	if got := status("sr_nonsense"); got != http.StatusTooManyRequests {
		t.Errorf("an unknown caller past the limit is answered %d", got)
	}
	if got := status(f.key); got != http.StatusOK {
		t.Errorf("a known caller at the same source is answered %d", got)
	}
	spent = false
	if got := status("sr_nonsense"); got != http.StatusUnauthorized {
		t.Errorf("an unknown caller within the limit is answered %d", got)
	}
}

// The real counter, through the door: a source that goes on is told to wait, and
// goes on afterwards.
func TestASourceThatGoesOnWaits(t *testing.T) {
	var l web.Limiter
	now := time.Now()
	f := serve(t, func(o *api.Options) { o.Limit = func(a netip.Addr) error { return l.Allow(a, now) } })
	begin := func() int {
		res, err := http.Post(f.base+"/v1/session/begin", "application/json", strings.NewReader(`{"email":"nobody@example.com"}`))
		f.must(err)
		f.must(res.Body.Close())
		return res.StatusCode
	}
	for i := range web.LimitBurst {
		if got := begin(); got != http.StatusOK {
			t.Fatalf("call %d is answered %d", i, got)
		}
	}
	if got := begin(); got != http.StatusTooManyRequests {
		t.Errorf("one more is answered %d", got)
	}
	now = now.Add(web.LimitRefill)
	if got := begin(); got != http.StatusOK {
		t.Errorf("after a while it is answered %d", got)
	}
}
