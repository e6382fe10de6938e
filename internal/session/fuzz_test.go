package session_test

import (
	"net/netip"
	"testing"

	"strongroom"
	"strongroom/internal/session"
)

// FuzzToken shows that nothing has the form of a token but what has its checksum,
// and that the environment is part of it.
func FuzzToken(f *testing.F) {
	for _, env := range []strongroom.Environment{strongroom.Production, strongroom.Test} {
		f.Add(session.NewToken(env).Reveal())
	}
	f.Add("")
	f.Add("srs_live_")
	f.Fuzz(func(t *testing.T, text string) {
		live, test := session.CheckForm(text, strongroom.Production), session.CheckForm(text, strongroom.Test)
		if live == nil && test == nil {
			t.Error("a token of two environments")
		}
		if (live == nil || test == nil) && (len(text) != 68 || !session.IsToken(text)) {
			t.Error("taken without its form")
		}
	})
}

// FuzzCaller shows that whatever a caller claims has a class, which is one of few.
func FuzzCaller(f *testing.F) {
	f.Add(firefox, []byte{192, 0, 2, 1})
	f.Add(chrome, make([]byte, 16))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, agent string, ip []byte) {
		a, _ := netip.AddrFromSlice(ip)
		network, family := session.Classes(session.Caller{Source: a, Agent: agent})
		if len(family) < 3 || len(family) > 25 || network == "" || len(network) > 43 {
			t.Errorf("classes %q and %q", network, family)
		}
	})
}

// TestClasses shows classes by example.
func TestClasses(t *testing.T) {
	for agent, want := range map[string]string{
		firefox: "firefox/linux", chrome: "chrome/windows", "": "other/other", "curl/8.5.0": "curl/other",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                           "safari/macos",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0":                   "edge/windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1":          "chrome/ios",
		"Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36":      "samsung/android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36":                                  "chrome/chromeos",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/126.0.0.0":                             "opera/linux",
		"Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/141.0 Mobile/15E148 Safari/605.1.15 with some more": "firefox/ios",
	} {
		if _, got := session.Classes(session.Caller{Agent: agent}); got != want {
			t.Errorf("%s is %s, not %s", agent, got, want)
		}
	}
	for addr, want := range map[string]string{
		"192.0.2.10": "192.0.2.0/24", "::ffff:192.0.2.10": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48",
	} {
		if got, _ := session.Classes(session.Caller{Source: netip.MustParseAddr(addr)}); got != want {
			t.Errorf("%s is in %s, not %s", addr, got, want)
		}
	}
	if got, _ := session.Classes(session.Caller{}); got != "local" {
		t.Errorf("no address is in %s", got)
	}
}
