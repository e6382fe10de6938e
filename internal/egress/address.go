package egress

import (
	"net/netip"
	"slices"

	"strongroom"
)

// open is the part of IPv6 that is routed in public: all other prefixes are
// refused without being named here.
func open() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// closed are the prefixes of the special-purpose registries of IANA that a host
// somebody named must not lead to, with addresses of metadata services that lie
// in no such prefix.
func closed() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range [...]string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared (carrier-grade NAT)
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, metadata services
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
		"168.63.129.16/32",
		"2001::/23",     // protocol assignments, Teredo
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which holds an address of IPv4
		"3fff::/20",     // documentation
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// metadata are the addresses at which clouds hand out credentials to whoever asks.
// No prefix opens them but the address itself.
func metadata() []netip.Addr {
	var out []netip.Addr
	for _, s := range [...]string{"169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23"} {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// CheckAddress refuses an address that is not public and that none of the allowed
// prefixes names. An address of a metadata service is named by a prefix of itself
// alone. Fault: Denied egress-address.
func CheckAddress(a netip.Addr, allowed []netip.Prefix) error {
	if a.Zone() != "" {
		return notPublic()
	}
	a = a.Unmap()
	secret := slices.Contains(metadata(), a)
	for _, p := range allowed {
		if p.Contains(a) && (!secret || p.IsSingleIP()) {
			return nil
		}
	}
	if secret || !a.IsValid() || !a.Is4() && !open().Contains(a) {
		return notPublic()
	}
	if slices.ContainsFunc(closed(), func(p netip.Prefix) bool { return p.Contains(a) }) {
		return notPublic()
	}
	return nil
}

func notPublic() error {
	return strongroom.Faultf(strongroom.Denied, "egress-address", "the host leads to an address that is not public").
		Advise("name the network in the configuration if it is meant")
}
