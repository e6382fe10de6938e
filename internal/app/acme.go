package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/acme"
	"strongroom/internal/web"
)

// ACMEConfig says how an authority that speaks ACME (RFC 8555) is asked for the
// certificate.
type ACMEConfig struct {
	// Hosts are the names the certificate is for; no wildcards, no addresses.
	Hosts []string `yaml:"hosts"`
	// Email is where the authority writes to; may be empty.
	Email string `yaml:"email,omitempty"`
	// Directory is the authority; default Let's Encrypt.
	Directory string `yaml:"directory,omitempty"`
	// RootCA is a PEM file of who vouches for the directory's server; default those the
	// system trusts.
	RootCA string `yaml:"root_ca,omitempty"`
	// Challenge is tls-alpn-01, the default, or http-01 with HTTPListen.
	Challenge string `yaml:"challenge,omitempty"`
	// HTTPListen is where proofs are shown over plain HTTP, and nothing else is.
	HTTPListen string `yaml:"http_listen,omitempty"`
	// AcceptTerms says that an operator read and accepted the authority's terms.
	AcceptTerms bool `yaml:"accept_terms,omitempty"`
}

// client returns what asks the authority; the certificate is kept in the data folder.
func (c *ACMEConfig) client(dir string) (*acme.Client, error) {
	o := acme.Options{
		Dir: filepath.Join(dir, "tls"), Hosts: c.Hosts, Email: c.Email, Directory: c.Directory, Challenge: c.Challenge, Accepted: c.AcceptTerms,
	}
	if c.RootCA != "" {
		text, err := os.ReadFile(c.RootCA)
		if err != nil {
			return nil, strongroom.Faultf(strongroom.Unavailable, "acme", "the file of acme.root_ca cannot be read")
		}
		if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(text) {
			return nil, strongroom.Faultf(strongroom.Invalid, "acme", "the file of acme.root_ca holds no certificate in PEM")
		}
	}
	return acme.New(o)
}

func (c *Config) checkACME() error {
	a := c.ACME
	if a == nil || len(a.Hosts) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "acme", "tls: acme needs acme.hosts, the names the certificate is for").
			Advise("write acme: {hosts: [strongroom.example.com], accept_terms: true}")
	}
	if len(a.Hosts) > 100 {
		return strongroom.Faultf(strongroom.Invalid, "acme", "acme.hosts names more than 100 hosts")
	}
	for _, h := range a.Hosts {
		if _, err := netip.ParseAddr(h); err == nil || !hostName(h) || !strings.Contains(h, ".") || h != strings.ToLower(h) {
			return strongroom.Faultf(strongroom.Invalid, "acme", "acme.hosts takes names in small letters such as strongroom.example.com, no addresses and no wildcards")
		}
	}
	if strings.ContainsAny(a.Email, " \r\n<>,?&") {
		return strongroom.Faultf(strongroom.Invalid, "acme", "acme.email is no plain address")
	}
	if !a.AcceptTerms {
		return strongroom.Faultf(strongroom.Invalid, "acme", "nobody accepted the terms of the authority").
			Advise("read them and write accept_terms: true under acme")
	}
	switch a.Challenge {
	case "", acme.TLSALPN:
		if a.HTTPListen != "" {
			return strongroom.Faultf(strongroom.Invalid, "acme", "acme.http_listen is for the challenge http-01").Advise("leave it out, or write challenge: http-01")
		}
	case acme.HTTP:
		if _, _, err := net.SplitHostPort(a.HTTPListen); err != nil {
			return strongroom.Faultf(strongroom.Invalid, "acme", "the challenge http-01 needs acme.http_listen").Advise("write http_listen: 0.0.0.0:80; nothing but proofs is shown there")
		}
	default:
		return strongroom.Faultf(strongroom.Invalid, "acme", "acme.challenge must be tls-alpn-01 or http-01")
	}
	return nil
}

// tlsByACME shows what was obtained before, at once; [App.followCertificate] obtains the
// first one and each next.
func (a *App) tlsByACME() (*tls.Config, error) {
	client, err := a.conf.ACME.client(a.o.Dir)
	if err != nil {
		return nil, err
	}
	cert := web.LaterCertificate(client.Load)
	if stored, err := client.Stored(); err == nil {
		if _, err := cert.Take(stored, time.Now()); err != nil {
			a.log.Warn("the certificate that was obtained before cannot be shown", "kind", strongroom.KindOf(err).String(), "error", err.Error())
		}
	}
	a.shown.Store(cert)
	a.acme = client
	conf := cert.TLSConfig()
	if cmp.Or(a.conf.ACME.Challenge, acme.TLSALPN) == acme.TLSALPN {
		show := conf.GetCertificate
		conf.NextProtos = append(conf.NextProtos, acme.Protocol)
		conf.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if acme.Asks(hello) {
				return client.Answer(hello)
			}
			return show(hello)
		}
	}
	return conf, nil
}

// listenACME listens where proofs are shown over plain HTTP; nil where they are not.
func (a *App) listenACME(ctx context.Context) (net.Listener, error) {
	if a.acme == nil || a.conf.ACME.Challenge != acme.HTTP {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", a.conf.ACME.HTTPListen)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "acme", "acme.http_listen cannot be listened on").
			Advise("another program may hold the port; ports below 1024 need the capability net_bind_service")
	}
	return l, nil
}

// serveACME shows proofs until ctx ends.
func (a *App) serveACME(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler: a.acme.Challenges(cmp.Or(a.conf.PublicURL, "https://"+a.conf.ACME.Hosts[0])), MaxHeaderBytes: 4 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // its lines name callers
	}
	free := context.AfterFunc(ctx, func() { _ = s.Close() }) // nothing there is worth waiting for
	defer free()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return strongroom.Faultf(strongroom.Unavailable, "acme", "the listener of acme.http_listen failed")
	}
	return nil
}

// acmeState looks at what was obtained.
func acmeState(dir string, c Config) Finding {
	now := time.Now()
	cert, err := acme.Stored(filepath.Join(dir, "tls"))
	if err != nil {
		return Finding{"tls", Warn, "no certificate was obtained yet", "serve the instance: it asks the authority, and says in its log what came of it"}
	}
	if err := web.CheckTime(cert, now); err != nil {
		return Finding{"tls", Fail, err.Error(), "look in the log of the server why the authority gives no other one"}
	}
	leaf := cert.Leaf
	if slices.ContainsFunc(c.ACME.Hosts, func(h string) bool { return leaf.VerifyHostname(h) != nil }) {
		return Finding{"tls", Warn, "the certificate is not for all of acme.hosts yet", "serve the instance: it asks the authority for another one"}
	}
	left := leaf.NotAfter.Sub(now)
	found := fmt.Sprintf("obtained by ACME, ends in %d days", int(left.Hours()/24))
	if left < min(certificateNear, leaf.NotAfter.Sub(leaf.NotBefore)/4) {
		return Finding{"tls", Warn, found + "; it should have been renewed", "look in the log of the server why the authority gives no other one"}
	}
	return Finding{"tls", OK, found, ""}
}
