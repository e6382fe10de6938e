package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"strongroom"
)

// The headers in which proxies say for whom they call.
const (
	headerForwardedFor = "X-Forwarded-For"
	headerForwarded    = "Forwarded" // RFC 7239
)

// maxHops bounds how many proxies a call may have come through.
const maxHops = 16

// CodeForwarded is the code of the fault where a trusted proxy does not say clearly
// for whom it calls.
const CodeForwarded = "forwarded"

// forwards reports whether a request says for whom it was forwarded.
func forwards(h http.Header) bool {
	return len(h[headerForwardedFor])+len(h[headerForwarded]) > 0
}

// clientOf returns the address a call came from that a trusted proxy forwarded. The
// headers are read from the right, where the nearest proxy wrote, and only as far as
// each hop is a trusted one: what stands left of the first that is not was written by
// the caller and counts for nothing. Where the proxy says what is no address, or the
// two headers come to different ones, the call is refused: one of them is the
// caller's own.
func clientOf(peer netip.Addr, h http.Header, trusted []netip.Prefix) (netip.Addr, error) {
	var found []netip.Addr
	for _, hops := range [][]string{split(h[headerForwardedFor]), forElements(h[headerForwarded])} {
		if len(hops) == 0 {
			continue
		}
		at, err := walk(peer, hops, trusted)
		if err != nil {
			return netip.Addr{}, err
		}
		found = append(found, at)
	}
	if len(found) == 0 || len(found) == 2 && found[0] != found[1] {
		return netip.Addr{}, errForwarded()
	}
	return found[0], nil
}

func walk(at netip.Addr, hops []string, trusted []netip.Prefix) (netip.Addr, error) {
	for i, hop := range slices.Backward(hops) {
		if len(hops)-i > maxHops {
			return netip.Addr{}, errForwarded()
		}
		next, ok := node(hop)
		if !ok {
			return netip.Addr{}, errForwarded()
		}
		if at = next; !among(trusted, at) {
			break
		}
	}
	return at, nil
}

func errForwarded() error {
	return strongroom.Faultf(strongroom.Invalid, CodeForwarded, "the proxy does not say for whom it calls").
		Advise("have it set one of X-Forwarded-For and Forwarded, and drop the other")
}

// errUnnamed is that of a trusted proxy that says nothing at all.
func errUnnamed() error {
	return strongroom.Faultf(strongroom.Invalid, CodeForwarded, "a trusted proxy calls and does not say for whom").
		Advise("have it set X-Forwarded-For or Forwarded; a caller on the proxy's own address uses the Unix socket")
}

// split returns the elements of a header in their order over all its lines.
func split(lines []string) (out []string) {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			out = append(out, strings.TrimSpace(part))
		}
	}
	return out
}

// forElements returns the nodes of "for" in a Forwarded header; an element without
// one is empty. A comma inside quotes belongs to no address, so it need not be told
// apart: what it cuts is refused.
func forElements(lines []string) (out []string) {
	for _, element := range split(lines) {
		node := ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				if node != "" {
					value = "" // said twice: neither counts
				}
				node = strings.TrimSpace(value)
			}
		}
		if n := len(node); n >= 2 && node[0] == '"' && node[n-1] == '"' {
			node = node[1 : n-1]
		}
		out = append(out, node)
	}
	return out
}

// node returns the address of a node: plain, in brackets, with or without a port.
func node(text string) (netip.Addr, bool) {
	if len(text) > 64 {
		return netip.Addr{}, false
	}
	if at, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return at.Unmap().WithZone(""), true
	}
	ap, err := netip.ParseAddrPort(text)
	return ap.Addr().Unmap().WithZone(""), err == nil
}

func among(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
