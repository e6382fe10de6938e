package session

import (
	"net/netip"
	"strings"
)

// network returns the class of networks an address is of: /24 of IPv4, /48 of
// IPv6. Within it an address may change while a session lasts.
func network(a netip.Addr) string {
	return prefixed(a, 24, 48)
}

// origin returns what failures of a source are counted for: the address of IPv4,
// the /64 of IPv6, which is one subscriber.
func origin(a netip.Addr) string {
	return prefixed(a, 32, 64)
}

func prefixed(a netip.Addr, four, six int) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "local"
	}
	bits := six
	if a.Is4() {
		bits = four
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "local"
	}
	return p.String()
}

// maxAgent is how much of a user agent is looked at and kept.
const maxAgent = 256

// family returns the class of devices a user agent tells of: the family of the
// browser and of the system, without versions, which change under a session.
func family(agent string) string {
	a := strings.ToLower(agent[:min(len(agent), maxAgent)])
	return firstOf(a, "other",
		// Most browsers name others too; the particular come before the general.
		"edg", "edge", "opr/", "opera", "samsungbrowser", "samsung", "firefox", "firefox", "fxios", "firefox",
		"crios", "chrome", "chrome", "chrome", "chromium", "chrome", "safari", "safari",
		"strongroom", "strongroom", "curl", "curl",
	) + "/" + firstOf(a, "other",
		"windows", "windows", "android", "android", "iphone", "ios", "ipad", "ios", "cros", "chromeos",
		"mac os", "macos", "macintosh", "macos", "linux", "linux", "freebsd", "bsd",
	)
}

// firstOf returns the name behind the first sign that s holds.
func firstOf(s, none string, signs ...string) string {
	for i := 0; i+1 < len(signs); i += 2 {
		if strings.Contains(s, signs[i]) {
			return signs[i+1]
		}
	}
	return none
}
