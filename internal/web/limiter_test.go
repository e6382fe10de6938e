package web_test

import (
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/web"
)

func addr(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// burst makes calls from a source until one is refused, and returns how many passed.
func burst(t *testing.T, l *web.Limiter, source netip.Addr, now time.Time) int {
	t.Helper()
	for n := range 10 * web.LimitBurst {
		if err := l.Allow(source, now); err != nil {
			if !strongroom.IsKind(err, strongroom.Exhausted) || web.ProblemOf(err, "").Code != web.CodeSource {
				t.Fatalf("refused with %v", err)
			}
			return n
		}
	}
	t.Fatal("nothing was ever refused")
	return 0
}

func TestLimiter(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	one, other := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.8")
	var l web.Limiter
	if n := burst(t, &l, one, now); n != web.LimitBurst {
		t.Errorf("%d calls passed, not %d", n, web.LimitBurst)
	}
	if err := l.Allow(other, now); err != nil {
		t.Errorf("the neighbour is refused as well: %v", err)
	}
	if err := l.Allow(netip.MustParseAddr("::ffff:203.0.113.7"), now); err == nil {
		t.Error("another spelling of the address is a source of its own")
	}
	if err := l.Allow(one, now.Add(-time.Hour)); err == nil {
		t.Error("a clock that goes back forgives")
	}
	now = now.Add(10 * web.LimitRefill)
	if n := burst(t, &l, one, now); n != 10 {
		t.Errorf("after ten refills %d calls passed", n)
	}
	if n := burst(t, &l, one, now.Add(24*time.Hour)); n != web.LimitBurst {
		t.Errorf("after a day %d calls passed", n)
	}
	for range 10 * web.LimitBurst {
		if err := l.Allow(netip.Addr{}, now); err != nil {
			t.Fatalf("the socket of the host is refused: %v", err)
		}
	}
	t.Run("a subscriber of IPv6 is one source", func(t *testing.T) {
		var l web.Limiter
		burst(t, &l, netip.MustParseAddr("2001:db8:1:2::1"), now)
		if err := l.Allow(netip.MustParseAddr("2001:db8:1:2:ffff:ffff:ffff:ffff"), now); err == nil {
			t.Error("another address of the same /64 goes on")
		}
		if err := l.Allow(netip.MustParseAddr("2001:db8:1:3::1"), now); err != nil {
			t.Errorf("another /64 is refused: %v", err)
		}
	})
}

func TestLimiterForgetsNoSourceThatGoesOn(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var l web.Limiter
	one := netip.MustParseAddr("203.0.113.7")
	burst(t, &l, one, now)
	for range 50 { // over many generations, one call more than is forgiven
		now = now.Add(20 * web.LimitRefill)
		if n := burst(t, &l, one, now); n != 20 {
			t.Fatalf("%d calls passed instead of 20", n)
		}
	}
}

func TestLimiterIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var l web.Limiter
	for i := range uint32(200_000) {
		if err := l.Allow(addr(0x0b000000+i), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.Kept(); n > 1<<16 || n < 1<<15 {
		t.Errorf("%d sources are kept", n)
	}
}

func TestLimitedCallersAreToldWhenToComeBack(t *testing.T) {
	var l web.Limiter
	now := time.Unix(1_700_000_000, 0)
	one := netip.MustParseAddr("203.0.113.7")
	burst(t, &l, one, now)
	w := httptest.NewRecorder()
	web.WriteProblem(w, l.Allow(one, now), "req_x")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "5" {
		t.Errorf("answered %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func BenchmarkLimiter(b *testing.B) {
	var l web.Limiter
	now := time.Unix(1_700_000_000, 0)
	for i := 0; b.Loop(); i++ {
		_ = l.Allow(addr(uint32(i)), now)
	}
}
