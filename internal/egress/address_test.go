package egress_test

import (
	"net/netip"
	"testing"

	"strongroom"
	"strongroom/internal/egress"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		address string
		allowed string // one prefix; "" is none
		ok      bool
	}{
		{"93.184.215.14", "", true},
		{"2606:4700::6810:84e5", "", true},
		{"127.0.0.1", "", false},
		{"127.9.9.9", "", false},
		{"::1", "", false},
		{"0.0.0.0", "", false},
		{"::", "", false},
		{"10.0.0.8", "", false},
		{"172.16.0.1", "", false},
		{"172.32.0.1", "", true},
		{"192.168.1.1", "", false},
		{"169.254.169.254", "", false},
		{"100.64.0.1", "", false},
		{"100.100.100.200", "", false},
		{"168.63.129.16", "", false},
		{"192.0.0.192", "", false},
		{"224.0.0.1", "", false},
		{"255.255.255.255", "", false},
		{"240.0.0.1", "", false},
		{"198.18.0.1", "", false},
		{"203.0.113.7", "", false},
		{"::ffff:127.0.0.1", "", false},
		{"::ffff:10.1.2.3", "", false},
		{"::ffff:93.184.215.14", "", true},
		{"64:ff9b::7f00:1", "", false},
		{"2002:7f00:1::", "", false},
		{"2001:0:1::", "", false},
		{"2001:db8::1", "", false},
		{"fe80::1", "", false},
		{"fe80::1%eth0", "fe80::/10", false},
		{"fc00::1", "", false},
		{"fd00:ec2::254", "", false},
		{"ff02::1", "", false},
		{"10.0.0.8", "10.0.0.0/8", true},
		{"10.0.0.8", "10.1.0.0/16", false},
		{"169.254.169.254", "169.254.0.0/16", false},
		{"169.254.169.254", "169.254.169.254/32", true},
		{"fd00:ec2::254", "fd00::/8", false},
		{"::ffff:127.0.0.1", "127.0.0.0/8", true},
	} {
		var allowed []netip.Prefix
		if c.allowed != "" {
			allowed = append(allowed, netip.MustParsePrefix(c.allowed))
		}
		err := egress.CheckAddress(netip.MustParseAddr(c.address), allowed)
		if (err == nil) != c.ok {
			t.Errorf("%s with %q: %v, want it to pass: %v", c.address, c.allowed, err, c.ok)
		}
		if err != nil && !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s: the fault is %v, want Denied", c.address, strongroom.KindOf(err))
		}
	}
	if egress.CheckAddress(netip.Addr{}, nil) == nil {
		t.Error("no address passes")
	}
}

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		text, origin string // "" is refused
		plain        bool
	}{
		{"https://Hooks.Example.com/a?b=c", "https://hooks.example.com:443", false},
		{"https://hooks.example.com.:8443/", "https://hooks.example.com:8443", false},
		{"https://[2606:4700::1]/", "https://[2606:4700::1]:443", false},
		{"http://127.0.0.1:99/", "http://127.0.0.1:99", true},
		{"http://127.0.0.1:99/", "", false},
		{"ftp://example.com/", "", true},
		{"https://user:pass@example.com/", "", false},
		{"https://example.com/#x", "", false},
		{"https://example.com/\r\nX: y", "", false},
		{"https://exa mple.com/", "", false},
		{"https://example.com\\@evil.example/", "", false},
		{"https://127.1/", "", false},
		{"https://2130706433/", "", false},
		{"https://0x7f.0.0.0x1/", "", false},
		{"https://0177.0.0.1/", "", false},
		{"https://münchen.example/", "", false},
		{"https://example.com:0/", "", false},
		{"https://example.com:99999/", "", false},
		{"https://example.com:/", "", false},
		{"https://[fe80::1%25eth0]/", "", false},
		{"https:///path", "", false},
		{"https:example.com", "", false},
		{"//example.com/", "", false},
		{"", "", false},
	} {
		_, o, err := egress.ParseURL(c.text, c.plain)
		if c.origin == "" {
			if !strongroom.IsKind(err, strongroom.Invalid) {
				t.Errorf("%q: %v, want it refused as Invalid", c.text, err)
			}
			continue
		}
		if err != nil || o.String() != c.origin {
			t.Errorf("%q: %v, %v, want %s", c.text, o, err, c.origin)
		}
	}
	if _, err := egress.ParseOrigin("https://example.com/path", false); err == nil {
		t.Error("an origin with a path passes")
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("https://hooks.example.com/a?b=c", false)
	f.Add("https://user@[::1%25z]:70000/#", true)
	f.Fuzz(func(t *testing.T, text string, plain bool) {
		u, o, err := egress.ParseURL(text, plain)
		if err != nil {
			return
		}
		if u.User != nil || u.Fragment != "" || o.IsZero() || u.Scheme == "http" && !plain {
			t.Errorf("%q passes as %v", text, o)
		}
		v, again, err := egress.ParseURL(u.String(), plain)
		if err != nil || again != o || v.String() != u.String() {
			t.Errorf("%q is %v, and read again %v, %v", text, o, again, err)
		}
	})
}
