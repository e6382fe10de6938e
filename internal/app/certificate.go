package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/web"
)

const (
	certificateLook = 15 * time.Second    // how often the files are looked at
	certificateNear = 21 * 24 * time.Hour // nearer to its end, a certificate is a finding
)

// loadCertificate reads the pair of the configuration, and makes one first where tls is
// auto and none is there or it nears its end. now is real time, as all of TLS uses.
func (c *Config) loadCertificate(dir string) func(ctx context.Context, now time.Time) (tls.Certificate, error) {
	return func(_ context.Context, now time.Time) (tls.Certificate, error) {
		if c.TLS == "file" {
			return web.LoadCertificate(c.Certificate, c.CertificateKey)
		}
		hosts, err := c.ownHosts()
		if err != nil {
			return tls.Certificate{}, err
		}
		return web.EnsureCertificate(filepath.Join(dir, "tls"), hosts, now)
	}
}

// ownHosts returns the names and addresses of a certificate that is made here.
func (c *Config) ownHosts() ([]string, error) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "listen", "the address to listen on must be host:port")
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// tls returns the scheme and the TLS settings; nil settings serve plain HTTP.
func (a *App) tls(ctx context.Context) (string, *tls.Config, error) {
	switch a.conf.TLS {
	case "off":
		return "http", nil, nil
	case "acme":
		conf, err := a.tlsByACME()
		return "https", conf, err
	}
	cert, err := web.NewCertificate(ctx, a.conf.loadCertificate(a.o.Dir), time.Now())
	if err != nil {
		return "", nil, err
	}
	a.shown.Store(cert)
	return "https", cert.TLSConfig(), nil
}

// followCertificate takes a new pair while serving. What cannot be taken leaves the old
// one, is an event once, and stands in a gauge until it can. Events that cannot be
// recorded wait for the next look; the certificate does not wait for them, because calls
// that cannot be recorded are refused anyway.
func (a *App) followCertificate(ctx context.Context, cert *web.Certificate) {
	events := a.lookAtCertificate(ctx, cert, time.Now())
	tick := time.NewTicker(certificateLook)
	defer tick.Stop()
	for {
		events = a.recordCertificate(ctx, events)
		select {
		case <-ctx.Done():
			return
		case <-a.ended:
			return
		case now := <-tick.C:
			events = append(events, a.lookAtCertificate(ctx, cert, now)...)
		}
	}
}

// recordCertificate returns the events that could not be recorded.
func (a *App) recordCertificate(ctx context.Context, events []audit.Event) []audit.Event {
	if len(events) == 0 {
		return nil
	}
	if err := a.audit.Record(ctx, events...); err != nil {
		a.log.ErrorContext(ctx, "a certificate could not be recorded", "kind", strongroom.KindOf(err).String())
		return events
	}
	return nil
}

// lookAtCertificate returns the events of what it found.
func (a *App) lookAtCertificate(ctx context.Context, cert *web.Certificate, now time.Time) []audit.Event {
	changed, err := cert.Reload(ctx, now)
	switch was := a.stale.Swap(err != nil); {
	case ctx.Err() != nil: // the end of serving is no failure of a certificate
	case err != nil && !was:
		a.log.WarnContext(ctx, "no other certificate can be taken; the one that was there is shown", "kind", strongroom.KindOf(err).String(), "error", err.Error())
		e := audit.Lifecycle(audit.TakeCertificate)
		e.Outcome, e.Code = audit.Failure, "certificate"
		return []audit.Event{e}
	case changed:
		a.log.InfoContext(ctx, "another certificate is shown", "ends", cert.Ends())
		return []audit.Event{audit.Lifecycle(audit.TakeCertificate, audit.Note{Key: "digest", Value: cert.Fingerprint()})}
	}
	return nil
}

// examineShown looks at the certificate that the server shows, which only a served
// instance has.
func (a *App) examineShown() []Finding {
	cert := a.shown.Load()
	switch {
	case cert == nil:
		return nil
	case cert.Ends().IsZero():
		return []Finding{{"shown certificate", Fail, "none is shown: every handshake fails", "look at the log of the server; see docs/tls.md"}}
	case time.Now().After(cert.Ends()):
		return []Finding{{"shown certificate", Fail, "the one that is shown is over", "look at the log of the server; see docs/tls.md"}}
	case a.stale.Load():
		return []Finding{{"shown certificate", Fail, "another one cannot be taken, so an older one is shown, which ends " + cert.Ends().UTC().Format(time.DateOnly), "look at the log of the server; see docs/tls.md"}}
	}
	return []Finding{{"shown certificate", OK, "ends " + cert.Ends().UTC().Format(time.DateOnly), ""}}
}

func certificateGauges() []gauge {
	return []gauge{
		{describe("certificate_ends_seconds", "Seconds until the certificate that is shown ends; 0 where none is."), prometheus.GaugeValue, func(s snapshot) float64 {
			if c := s.app.shown.Load(); c != nil && !c.Ends().IsZero() {
				return time.Until(c.Ends()).Seconds()
			}
			return 0
		}},
		{describe("certificate_stale", "1 while the files of the certificate cannot be taken and an older one is shown. Must be 0."), prometheus.GaugeValue, func(s snapshot) float64 {
			if s.app.stale.Load() {
				return 1
			}
			return 0
		}},
	}
}

// tlsState reads the pair that a start would, without making one.
func tlsState(dir string, c Config) Finding {
	switch c.TLS {
	case "off":
		return Finding{"tls", Warn, "off, on loopback, in a test instance", "set tls: auto or file"}
	case "acme":
		return acmeState(dir, c)
	case "auto":
		if _, err := os.Stat(filepath.Join(dir, "tls")); err != nil {
			return Finding{"tls", OK, "a certificate is made at first start", ""}
		}
		c.Certificate, c.CertificateKey = filepath.Join(dir, "tls", "tls.crt"), filepath.Join(dir, "tls", "tls.key")
	}
	now := time.Now()
	cert, err := web.LoadCertificate(c.Certificate, c.CertificateKey)
	if err == nil && c.TLS == "file" { // what was made here is made anew in time
		err = web.CheckTime(cert, now)
	}
	if err != nil {
		return Finding{"tls", Fail, err.Error(), "put a right pair there: a running server takes it within seconds and shows its old one until then"}
	}
	left := cert.Leaf.NotAfter.Sub(now)
	found := fmt.Sprintf("the certificate ends in %d days", int(left.Hours()/24))
	switch {
	case c.TLS == "auto" && cert.Leaf.Subject.CommonName != cert.Leaf.Issuer.CommonName:
		return Finding{"tls", Warn, "signed by the local authority, for development; " + found, "have clients trust " + filepath.Join(dir, "tls", "ca.crt") + ", or set tls: file"}
	case c.TLS == "auto":
		return Finding{"tls", Warn, "self-signed, " + found, "hand clients the certificate in " + filepath.Join(dir, "tls") + ", or set tls: file"}
	case left < certificateNear:
		return Finding{"tls", Warn, found, "put a new pair into the files: a running server takes it within seconds"}
	}
	return Finding{"tls", OK, found, ""}
}
