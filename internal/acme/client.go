package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"strongroom"
	"strongroom/internal/web"
)

// The ways to prove that a host is ours.
const (
	TLSALPN = "tls-alpn-01" // over the port of the server itself, 443 from outside
	HTTP    = "http-01"     // over plain HTTP, port 80 from outside
)

// Protocol is what a handshake that asks for a proof agrees on, and nothing else.
const Protocol = acme.ALPNProto

// Directory is where the authority is that is asked by default.
const Directory = acme.LetsEncryptURL

const (
	obtainTime = 3 * time.Minute // how long one attempt takes at most
	firstWait  = time.Minute
	longWait   = 6 * time.Hour
)

// Options configure a [Client].
type Options struct {
	Dir       string         // where account key and certificate are kept; made 0700
	Hosts     []string       // the names the certificate is for, one at least
	Email     string         // where the authority writes to; may be empty
	Directory string         // https URL of the authority; default [Directory]
	Roots     *x509.CertPool // who vouches for the directory's server; nil: the system
	Challenge string         // [TLSALPN], the default, or [HTTP]
	Accepted  bool           // an operator accepted the authority's terms
}

// Client obtains certificates. It is safe for concurrent use, but one [Client.Load] runs
// at a time.
type Client struct {
	o    Options
	http *http.Client

	loads  sync.Mutex // held while one attempt runs; keeps the three below
	failed error
	wait   time.Duration
	next   time.Time

	proofs sync.RWMutex
	shakes map[string]*tls.Certificate // by host
	files  map[string]string           // by path
}

// New returns a client. It asks nobody.
func New(o Options) (*Client, error) {
	if o.Directory == "" {
		o.Directory = Directory
	}
	if o.Challenge == "" {
		o.Challenge = TLSALPN
	}
	u, err := url.Parse(o.Directory)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil:
		return nil, strongroom.Faultf(strongroom.Invalid, "acme", "the directory is no https URL")
	case len(o.Hosts) == 0:
		return nil, strongroom.Faultf(strongroom.Invalid, "acme", "no host is named that the certificate is for")
	case o.Challenge != TLSALPN && o.Challenge != HTTP:
		return nil, strongroom.Faultf(strongroom.Invalid, "acme", "the challenge must be %s or %s", TLSALPN, HTTP)
	case !o.Accepted:
		return nil, strongroom.Faultf(strongroom.Denied, "acme", "nobody accepted the terms of the authority").
			Advise("read them and set accept_terms: true under acme")
	}
	return &Client{
		o: o, shakes: map[string]*tls.Certificate{}, files: map[string]string{},
		http: &http.Client{
			Transport: &http.Transport{
				Proxy: nil, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
				TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
				DisableKeepAlives: true, ForceAttemptHTTP2: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       time.Minute,
		},
	}, nil
}

// Stored returns the certificate that was obtained last; a fault if there is none.
func (c *Client) Stored() (tls.Certificate, error) { return Stored(c.o.Dir) }

// Stored returns the certificate that a client of dir obtained last; Unavailable if there
// is none.
func Stored(dir string) (tls.Certificate, error) {
	file := filepath.Join(dir, "acme.pem")
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "acme", "no certificate was obtained yet").
			Advise("serve the instance: it asks the authority, and says in its log what came of it")
	}
	return web.LoadCertificate(file, file)
}

// Load returns the stored certificate, and obtains another one first if there is none, if
// it is for other hosts, or if less than a third of its life is left. While that fails it
// returns the failure. now is real time.
func (c *Client) Load(ctx context.Context, now time.Time) (tls.Certificate, error) {
	c.loads.Lock()
	defer c.loads.Unlock()
	if cert, err := c.Stored(); err == nil && !c.due(cert.Leaf, now) {
		c.failed, c.wait = nil, 0
		return cert, nil
	}
	if c.failed != nil && now.Before(c.next) {
		return tls.Certificate{}, c.failed
	}
	ctx, cancel := context.WithTimeout(ctx, obtainTime)
	defer cancel()
	cert, err := c.obtain(ctx)
	if err == nil {
		c.failed, c.wait = nil, 0
		return cert, nil
	}
	c.wait = min(max(2*c.wait, firstWait), longWait)
	c.next = now.Add(c.wait)
	if after, limited := acme.RateLimit(err); limited && after > c.wait {
		c.next = now.Add(after)
	}
	c.failed = fault(err)
	return tls.Certificate{}, c.failed
}

func (c *Client) due(leaf *x509.Certificate, now time.Time) bool {
	for _, h := range c.o.Hosts {
		if leaf.VerifyHostname(h) != nil {
			return true
		}
	}
	return now.After(leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3))
}
