package app

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"strongroom"
	"strongroom/internal/acme"
	"strongroom/internal/db"
)

// hop is one way that the configuration names on which the product calls another.
type hop struct {
	key, address string // the key of the configuration, the address it holds
}

// hops lists the ways out that speak HTTP. Providers of sign-on are judged where they
// are read, webhooks and routes by egress, which knows no plain text; the product
// sends no mail.
func (c *Config) hops() []hop {
	out := []hop{{"ecartapi", c.EcartAPI}, {"ecartapi_oauth", c.EcartOAuth}}
	if c.TLS == "acme" && c.ACME != nil {
		out = append(out, hop{"acme.directory", cmp.Or(c.ACME.Directory, acme.Directory)})
	}
	if c.Root.Transit != nil {
		out = append(out, hop{"root.transit.address", c.Root.Transit.Address})
	}
	return out
}

// checkHops refuses, before anything is sent, a way that is not encrypted or does not
// prove who answers (policy 2.5.3). Plain text is for loopback of a test instance.
func (c *Config) checkHops() error {
	for _, h := range c.hops() {
		u, err := url.Parse(h.address)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return strongroom.Faultf(strongroom.Invalid, "hop", "%s is not https://host", h.key).Advise("%s", h.line())
		}
		if u.Scheme == "https" || u.Scheme == "http" && c.Environment == strongroom.Test && loopbackHost(u.Hostname()) {
			continue
		}
		return strongroom.Faultf(strongroom.Invalid, "hop", "%s is not encrypted; plain http is for a loopback address of a test instance", h.key).
			Advise("%s", h.line())
	}
	return c.checkDatabaseHop()
}

// line is what to write instead.
func (h hop) line() string {
	if h.key == "root.transit.address" {
		return "write address: https://bao.example.com:8200 under root.transit, and ca_file for an authority of your own"
	}
	return "leave " + h.key + " out for the default, or write " + h.key + ": https://HOST"
}

func (c *Config) checkDatabaseHop() error {
	if c.Database == "" {
		return nil
	}
	way, err := db.HopOf(c.Database)
	if err != nil {
		return err
	}
	if way == db.Loopback && c.Environment == strongroom.Production {
		return strongroom.Faultf(strongroom.Invalid, "database-hop", "the database is reached in plain text over loopback, which is for test instances").
			Advise("use its socket, database: postgres://USER@/NAME?host=/var/run/postgresql, or end the address with ?sslmode=verify-full")
	}
	return nil
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// examineHops says how each way that the configuration names is protected.
func (c *Config) examineHops() Finding {
	var plain, named []string
	for _, h := range c.hops() {
		named = append(named, h.key)
		if !strings.HasPrefix(h.address, "https:") {
			plain = append(plain, h.key)
		}
	}
	if c.Database != "" {
		named = append(named, "database")
		if way, err := db.HopOf(c.Database); err != nil || way == db.Loopback {
			plain = append(plain, "database")
		}
	}
	if len(plain) > 0 {
		slices.Sort(plain)
		return Finding{"hops", Warn, "plain text over loopback: " + strings.Join(plain, ", "), "this is for test instances: production refuses it"}
	}
	return Finding{Check: "hops", State: OK, Found: "encrypted or inside the machine: " + strings.Join(named, ", ")}
}
