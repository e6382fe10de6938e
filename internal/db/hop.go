package db

import (
	"crypto/tls"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"strongroom"
)

// Hop says how what is asked of an engine travels there.
type Hop string

// The ways. There is no other: an address that may lead over one that is neither
// encrypted nor local is refused (policy 2.5.3).
const (
	// Inside is the embedded engine, or a Unix socket.
	Inside Hop = "inside"
	// Loopback is TCP within one machine, without TLS that proves who answers.
	Loopback Hop = "loopback"
	// Verified is TLS with a certificate that is proved to be the host's.
	Verified Hop = "verified"
)

// HopOf returns how a PostgreSQL address travels, as the driver reads it together
// with the environment of the process (PGHOST, PGSSLMODE and so on). Of several
// hosts the least safe counts. A way that is none of the three is Invalid; the
// fault repeats nothing of the address. No connection is made.
func HopOf(url string) (Hop, error) {
	config, err := parsePostgres(url)
	if err != nil {
		return "", err
	}
	return hopOf(config)
}

func parsePostgres(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The driver's text may repeat parts of the address.
		return nil, strongroom.Faultf(strongroom.Invalid, "database", "the database address cannot be read").
			Advise("write postgres://user@host:port/name?sslmode=verify-full")
	}
	return config, nil
}

// hopOf looks at every way the driver may try: with sslmode=prefer, its default,
// the second is plain text.
func hopOf(config *pgx.ConnConfig) (Hop, error) {
	ways := append([]*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	worst := Inside
	for _, w := range ways {
		switch {
		case strings.HasPrefix(w.Host, "/"): // a Unix socket
		case proves(w.TLSConfig, w.Host):
			if worst == Inside {
				worst = Verified
			}
		case loopback(w.Host):
			worst = Loopback
		default:
			return "", strongroom.Faultf(strongroom.Invalid, "database-hop", "the way to the database is not encrypted, or does not prove who answers").
				Advise("end the address of the database with ?sslmode=verify-full (and &sslrootcert=FILE for an authority of your own)")
		}
	}
	return worst, nil
}

// proves reports whether a handshake fails unless the certificate is the host's:
// sslmode=require and verify-ca leave that out.
func proves(c *tls.Config, host string) bool {
	return c != nil && !c.InsecureSkipVerify && c.ServerName == host
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
