package app

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/web"
)

// maxProxies bounds the networks of trusted_proxies.
const maxProxies = 64

// proxies returns the networks whose word about a caller's address counts. One that
// holds everybody is refused: then each caller would say where it calls from.
func (c *Config) proxies() ([]netip.Prefix, error) {
	wrong := func(why string) error {
		return strongroom.Faultf(strongroom.Invalid, "trusted-proxies", "trusted_proxies %s", why).
			Advise("list the addresses of your proxies, each with its prefix length, such as /32 for one address")
	}
	if len(c.TrustedProxies) > maxProxies {
		return nil, wrong("has too many networks")
	}
	var out []netip.Prefix
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil || p.Addr().Is4In6():
			return nil, wrong("holds what is neither an address nor a network")
		case p.Bits() < widest(p.Addr()):
			return nil, wrong("holds a network so wide that callers are in it")
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// widest is the fewest bits of a network that is trusted: /8, of IPv6 /32, which is what
// one network operator holds.
func widest(a netip.Addr) int {
	if a.Is4() {
		return 8
	}
	return 32
}

// untrusted reports whether TLS ends at somebody who must not read along.
func (c *Config) untrusted() bool { return c.TerminatesTLS == terminatesUntrusted }

// sealedOnly refuses a door whose messages cannot be sealed, the pages and that of
// directories, to who comes by a network where TLS ends at somebody who is not trusted.
func (a *App) sealedOnly(door http.Handler) http.Handler {
	if !a.conf.untrusted() {
		return door
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := web.ConnOf(r.Context())
		if conn.Unix {
			door.ServeHTTP(w, r)
			return
		}
		a.refuse(r.Context(), conn.Addr, api.CodeUntrusted)
		web.WriteProblem(w, strongroom.Faultf(strongroom.Denied, api.CodeUntrusted, "TLS ends at somebody who is not trusted, so this door is closed").
			Advise("see docs/message-encryption.md"), web.RequestID(w))
	})
}

// What terminates_tls may say.
const (
	terminatesTrusted   = "trusted"
	terminatesUntrusted = "untrusted"
)

// checkTermination refuses a word that is neither.
func (c *Config) checkTermination() error {
	switch c.TerminatesTLS {
	case "", terminatesTrusted, terminatesUntrusted:
		return nil
	}
	return strongroom.Faultf(strongroom.Invalid, "terminates-tls", "terminates_tls must be trusted or untrusted").
		Advise("leave it out where TLS ends at this instance or at a proxy of yours")
}

// probes are the paths that a proxy asks for itself; they are those that ask for
// nobody and may be asked from anywhere.
func probes() []string { return []string{"/healthz", "/readyz"} }

// limit counts a call that asks for nobody, or whose caller is not known, for its
// source. One too many is refused and counted into the log.
func (a *App) limit(source netip.Addr) error {
	err := a.limiter.Allow(source, time.Now()) // real time: that of the machine that is asked
	if err != nil {
		a.refuse(context.Background(), source, web.CodeSource)
	}
	return err
}

// unheard is how many calls since the start said for whom they were forwarded and
// came from no trusted proxy.
func (a *App) unheard() int64 {
	if s := a.front.Load(); s != nil {
		return s.Unheard()
	}
	return 0
}

// examineProxies says whether a server behind a proxy takes everybody for the proxy.
func (c *Config) examineProxies(unheard int64) Finding {
	x := Finding{Check: "proxies", State: OK, Found: "none is trusted; callers come by themselves"}
	if len(c.TrustedProxies) > 0 {
		x.Found = "the configured ones are asked for whom they call"
	}
	if unheard == 0 {
		return x
	}
	x.Found = "calls say for whom they were forwarded, and come from no trusted proxy"
	if len(c.TrustedProxies) == 0 && c.behind() {
		x.State, x.Advice = Warn, "public_url is elsewhere, so a proxy seems to stand in front: name its address in trusted_proxies, or every caller is taken for it"
		return x
	}
	x.Advice = "somebody pretends to another address, which counts for nothing, or a proxy is missing in trusted_proxies"
	return x
}

// behind reports whether people reach the instance under another host than the one it
// listens on.
func (c *Config) behind() bool {
	u, err := url.Parse(c.PublicURL)
	own := *c
	own.PublicURL = ""
	here, herr := url.Parse(own.publicURL())
	return c.PublicURL != "" && err == nil && herr == nil && u.Host != here.Host
}
