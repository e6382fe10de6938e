package egress

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"strongroom"
)

// Pin is the SHA-256 of a certificate's SubjectPublicKeyInfo, as of RFC 7469.
type Pin [sha256.Size]byte

// Options say where a transport goes and within which bounds. Origin is required.
type Options struct {
	Origin Origin
	// Allow names prefixes of addresses that are not public and are meant.
	Allow []netip.Prefix
	// Roots are whom certificates are verified by; nil is whom the system trusts.
	Roots *x509.CertPool
	// Pins are keys of which the verified chain must hold one; none pins nothing.
	Pins []Pin
	// Lookup finds the addresses of a host; nil asks the system.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	Limits Limits
}

// Limits bound an answer. Zero fields are the defaults.
type Limits struct {
	Connect     time.Duration // to a connection that is ready, for each address; 10 s
	FirstByte   time.Duration // from the request to the answer's header; 30 s
	Quiet       time.Duration // between two parts of a body; 30 s
	Total       time.Duration // of all of it; 0 is as long as parts come
	HeaderBytes int64         // 64 KiB
	BodyBytes   int64         // 8 MiB; negative is without end
}

func (l Limits) filled() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&l.Connect, 10*time.Second)
	set(&l.FirstByte, 30*time.Second)
	set(&l.Quiet, 30*time.Second)
	if l.HeaderBytes <= 0 {
		l.HeaderBytes = 64 << 10
	}
	if l.BodyBytes == 0 {
		l.BodyBytes = 8 << 20
	}
	return l
}

// maxDials is how many addresses of a name are tried for one connection: whoever
// answers for the name says how many there are.
const maxDials = 4

// Transport reaches one origin. It is an [http.RoundTripper] whose errors are
// faults, to be used as it is rather than in an [http.Client], which would wrap
// them in the address. Safe for concurrent use.
type Transport struct {
	o    Options
	next *http.Transport
}

// New returns a transport. It panics without an origin, which is a mistake of the
// program.
func New(o Options) *Transport {
	if o.Origin.IsZero() {
		panic("egress: Options needs Origin")
	}
	o.Limits = o.Limits.filled()
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	t := &Transport{o: o}
	t.next = &http.Transport{
		DialContext: t.dial, TLSClientConfig: t.tls(), ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: o.Limits.Connect, ResponseHeaderTimeout: o.Limits.FirstByte,
		MaxResponseHeaderBytes: o.Limits.HeaderBytes, DisableCompression: true,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second,
	}
	return t
}

// CloseIdle closes connections that wait for a next request.
func (t *Transport) CloseIdle() { t.next.CloseIdleConnections() }

func (t *Transport) tls() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: t.o.Roots, ServerName: t.o.Origin.host,
		CipherSuites: []uint16{ // of 1.2; those of 1.3 are all of this sort
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		VerifyConnection: t.pinned,
	}
}

// pinned refuses a verified chain that holds none of the pinned keys.
func (t *Transport) pinned(s tls.ConnectionState) error {
	if len(t.o.Pins) == 0 {
		return nil
	}
	for _, chain := range s.VerifiedChains {
		for _, c := range chain {
			sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
			for _, p := range t.o.Pins {
				if sum == p {
					return nil
				}
			}
		}
	}
	return strongroom.Faultf(strongroom.Denied, "egress-pin", "the host shows a certificate with a key that is not pinned")
}

// Check looks whether the host leads to addresses that may be dialled, and dials
// none. What it finds holds for this moment; the dial looks again.
func (t *Transport) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.o.Limits.Connect)
	defer cancel()
	_, err := t.addresses(ctx)
	return err
}

// addresses returns where the host leads, all of it allowed.
func (t *Transport) addresses(ctx context.Context) ([]netip.Addr, error) {
	var list []netip.Addr
	if a, err := netip.ParseAddr(t.o.Origin.host); err == nil {
		list = []netip.Addr{a}
	} else if list, err = t.o.Lookup(ctx, t.o.Origin.host); err != nil || len(list) == 0 {
		return nil, strongroom.Faultf(strongroom.Unavailable, "egress-name", "the host's name leads nowhere")
	}
	for _, a := range list {
		if err := t.allowed(a); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (t *Transport) allowed(a netip.Addr) error {
	if t.o.Origin.Plain() && !a.Unmap().IsLoopback() {
		return strongroom.Faultf(strongroom.Denied, "egress-plain", "plain HTTP goes to loopback alone").Advise("use https://")
	}
	return CheckAddress(a, t.o.Allow)
}

// dial connects to the pinned host, whatever it is asked for.
func (t *Transport) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr != t.o.Origin.addr() {
		return nil, elsewhere()
	}
	list, err := t.addresses(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, elsewhere()
	}
	d := net.Dialer{Timeout: t.o.Limits.Connect, ControlContext: t.control}
	for _, a := range list[:min(len(list), maxDials)] {
		var c net.Conn
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// control looks at the address of the socket itself, right before it connects.
func (t *Transport) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return notPublic()
	}
	return t.allowed(at.Addr())
}

func elsewhere() error {
	return strongroom.Faultf(strongroom.Denied, "egress-host", "the request goes to another host than the one that was named")
}

// RoundTrip sends a request to the origin; its URL must name no other. A redirect
// is a fault, whose body was not read. Faults: Denied egress-host, egress-address,
// egress-plain, egress-pin, egress-certificate, egress-redirect; TooLarge
// egress-header, and egress-body while the body is read; Unavailable egress-name,
// egress-time, egress-reach.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if o, err := originOf(r.URL); err != nil || o != t.o.Origin || r.URL.User != nil || r.Host != "" && !sameHost(r.Host, t.o.Origin) {
		if r.Body != nil {
			_ = r.Body.Close() // nothing was read
		}
		return nil, elsewhere()
	}
	ctx, cancel := context.WithCancel(r.Context())
	if t.o.Limits.Total > 0 {
		ctx, cancel = context.WithTimeout(r.Context(), t.o.Limits.Total)
	}
	out := r.WithContext(ctx)
	u := *r.URL
	u.Host = t.o.Origin.addr() // the one spelling that dial takes
	out.URL, out.Host = &u, t.o.Origin.header()
	res, err := t.next.RoundTrip(out)
	if err != nil {
		err = faultOf(ctx, err)
		cancel()
		return nil, err
	}
	if isRedirect(res) {
		_ = res.Body.Close() // nobody wants it
		cancel()
		return nil, strongroom.Faultf(strongroom.Denied, "egress-redirect", "the host redirects (%d), which is not followed", res.StatusCode).
			Advise("name the address to which it leads")
	}
	res.Body = t.bound(ctx, res, cancel)
	return res, nil
}

// header returns the Host header of the origin, without the port that goes without
// saying.
func (o Origin) header() string {
	usual := "443"
	if o.Plain() {
		usual = "80"
	}
	return strings.TrimSuffix(o.addr(), ":"+usual)
}

func sameHost(host string, o Origin) bool {
	return strings.EqualFold(host, o.addr()) || strings.EqualFold(host, o.header())
}

func isRedirect(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// faultOf says what went wrong in a fault of ours: errors of net and tls repeat
// names and addresses, and are dropped.
func faultOf(ctx context.Context, err error) error {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f
	}
	var timeout net.Error
	_, badChain := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case badChain:
		return strongroom.Faultf(strongroom.Denied, "egress-certificate", "the certificate of the host cannot be verified")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return strongroom.Faultf(strongroom.Unavailable, "egress-time", "the host does not answer in time")
	case strings.Contains(err.Error(), "server response headers exceeded"):
		return strongroom.Faultf(strongroom.TooLarge, "egress-header", "the header of the answer is larger than allowed")
	}
	return strongroom.Faultf(strongroom.Unavailable, "egress-reach", "the host cannot be reached")
}
