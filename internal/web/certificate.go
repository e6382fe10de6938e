package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"slices"
	"sync/atomic"
	"time"

	"strongroom"
)

// Certificate is the certificate a server shows. It can be replaced while connections
// live on: the next handshake shows the new one. It is safe for concurrent use.
type Certificate struct {
	load func(ctx context.Context, now time.Time) (tls.Certificate, error)
	held atomic.Pointer[tls.Certificate]
}

// NewCertificate loads a certificate. load is called again by [Certificate.Reload]; a
// certificate whose time is over or has not begun is refused.
func NewCertificate(ctx context.Context, load func(context.Context, time.Time) (tls.Certificate, error), now time.Time) (*Certificate, error) {
	c := LaterCertificate(load)
	_, err := c.Reload(ctx, now)
	return c, err
}

// LaterCertificate returns one that shows nothing until [Certificate.Reload] or
// [Certificate.Take]: until then every handshake fails.
func LaterCertificate(load func(context.Context, time.Time) (tls.Certificate, error)) *Certificate {
	return &Certificate{load: load}
}

// Reload loads the certificate anew and reports whether another one is shown from now
// on. What cannot be taken, such as a half-written pair, leaves the one that is shown.
func (c *Certificate) Reload(ctx context.Context, now time.Time) (bool, error) {
	next, err := c.load(ctx, now)
	if err != nil {
		return false, err
	}
	return c.Take(next, now)
}

// Take shows next from now on and reports whether it is another one. One whose time is
// over or has not begun is refused.
func (c *Certificate) Take(next tls.Certificate, now time.Time) (bool, error) {
	if err := CheckTime(next, now); err != nil {
		return false, err
	}
	if held := c.held.Load(); held != nil && slices.EqualFunc(held.Certificate, next.Certificate, bytes.Equal) {
		return false, nil
	}
	c.held.Store(&next)
	return true, nil
}

// Ends returns when the time of the shown certificate is over; zero while none is shown.
func (c *Certificate) Ends() time.Time {
	if held := c.held.Load(); held != nil {
		return held.Leaf.NotAfter
	}
	return time.Time{}
}

// Fingerprint returns the [Fingerprint] of the shown certificate; "" while none is shown.
func (c *Certificate) Fingerprint() string {
	if held := c.held.Load(); held != nil {
		return Fingerprint(*held)
	}
	return ""
}

// TLSConfig returns the settings of [TLSConfig] with whatever certificate is shown.
func (c *Certificate) TLSConfig() *tls.Config {
	conf := TLSConfig(tls.Certificate{})
	conf.Certificates = nil
	conf.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if held := c.held.Load(); held != nil {
			return held, nil
		}
		return nil, strongroom.Faultf(strongroom.Unavailable, "tls", "there is no certificate yet")
	}
	return conf
}

// CheckTime refuses a certificate that no client may accept at now, which is real time.
func CheckTime(cert tls.Certificate, now time.Time) error {
	switch {
	case cert.Leaf == nil:
		return strongroom.Faultf(strongroom.Invalid, "tls", "the certificate cannot be read")
	case now.After(cert.Leaf.NotAfter):
		return strongroom.Faultf(strongroom.Invalid, "tls", "the certificate ended on %s", cert.Leaf.NotAfter.UTC().Format(time.DateOnly)).
			Advise("put a new pair into the files of certificate and certificate_key")
	case now.Before(cert.Leaf.NotBefore):
		return strongroom.Faultf(strongroom.Invalid, "tls", "the certificate begins on %s only", cert.Leaf.NotBefore.UTC().Format(time.DateOnly)).
			Advise("look at the clock of this machine")
	}
	return nil
}
