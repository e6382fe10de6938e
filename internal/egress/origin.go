package egress

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"strongroom"
)

// maxURL is the longest address, in bytes.
const maxURL = 2048

// Origin is where a transport goes: scheme, host and port, all of them always
// there. The zero Origin is nowhere.
type Origin struct {
	scheme, host string
	port         uint16
}

// String returns the origin in its one spelling, such as
// "https://hooks.example.com:443". It may be confidential: it goes into no log.
func (o Origin) String() string { return o.scheme + "://" + o.addr() }

// addr returns host and port as they are dialled.
func (o Origin) addr() string { return net.JoinHostPort(o.host, strconv.Itoa(int(o.port))) }

// IsZero reports whether the origin is nowhere.
func (o Origin) IsZero() bool { return o.host == "" }

// Plain reports whether the origin speaks plain HTTP.
func (o Origin) Plain() bool { return o.scheme == "http" }

// ParseURL reads an address of the form https://host[:port]/path[?query] and
// returns it with its origin. Plain HTTP passes where plain is set; that it leads
// to loopback is checked when it is dialled. Names, passwords and fragments, hosts
// with other letters than those of DNS, and anything longer than 2,048 bytes are
// refused. Faults: Invalid egress-url, which repeat nothing.
func ParseURL(text string, plain bool) (*url.URL, Origin, error) {
	if len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return nil, Origin{}, badURL("the address is too long or holds a character that none may hold")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return nil, Origin{}, badURL("this is no address")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !plain) {
		return nil, Origin{}, badURL("the address must begin with https://")
	}
	if u.User != nil || u.Fragment != "" || strings.Contains(text, "#") {
		return nil, Origin{}, badURL("the address must hold no name, password or fragment")
	}
	o, err := originOf(u)
	if err != nil {
		return nil, Origin{}, err
	}
	u.Host = o.addr()
	return u, o, nil
}

// ParseOrigin is [ParseURL] for an address without path and query.
func ParseOrigin(text string, plain bool) (Origin, error) {
	u, o, err := ParseURL(text, plain)
	if err == nil && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery) {
		err = badURL("the address must have no path and no query")
	}
	if err != nil {
		return Origin{}, err
	}
	return o, nil
}

func originOf(u *url.URL) (Origin, error) {
	o := Origin{scheme: u.Scheme, host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), port: 443}
	if o.Plain() {
		o.port = 80
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return o, badURL("the port must be a number from 1 to 65535")
		}
		o.port = uint16(n)
	}
	if a, err := netip.ParseAddr(o.host); err == nil {
		if a.Zone() != "" {
			return o, badURL("the address must name no zone")
		}
		return o, nil
	}
	if !isHost(o.host) {
		return o, badURL("the host must be a name of DNS or an address")
	}
	return o, nil
}

// isHost reports whether s is a host name of DNS: labels of letters, digits and
// hyphens. A last label of digits alone is an address in a spelling of old
// (127.1, 0x7f.1), which resolvers read as they like.
func isHost(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	end := labels[len(labels)-1]
	return strings.Trim(end, "0123456789") != "" && !strings.HasPrefix(end, "0x")
}

func badURL(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "egress-url", "%s", what).Advise("write it such as https://hooks.example.com/orders")
}
