package handshake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"strongroom"
)

// Options say which endpoint to ask, and how.
type Options struct {
	// Address is host:port; required.
	Address string
	// Name is whom the certificate must be for; empty: the host of Address.
	Name string
	// Plain is a protocol in which TLS is asked for first: "postgres" or "smtp".
	// Empty begins with TLS.
	Plain string
	// Roots are whom certificates are verified by; nil is whom the system trusts.
	Roots *x509.CertPool
	// Now is the time at which certificates must be valid; required.
	Now time.Time
	// Timeout bounds each connection; 0 is five seconds.
	Timeout time.Duration
	// Dial connects; nil dials TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Probe asks the endpoint, one connection after the other, sixteen in all. Faults:
// Invalid address, name or plain, Unavailable reach where nobody is at the address.
func Probe(ctx context.Context, o Options) (Report, error) {
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil || host == "" {
		return Report{}, strongroom.Faultf(strongroom.Invalid, "address", "an endpoint is named by host:port").
			Advise("write it such as strongroom.example.com:8443")
	}
	if strings.ContainsAny(o.Name, " \t\r\n/") {
		return Report{}, strongroom.Faultf(strongroom.Invalid, "name", "the name of the endpoint is a host's, without port")
	}
	if o.Plain != "" && starter(o.Plain) == nil {
		return Report{}, strongroom.Faultf(strongroom.Invalid, "plain", "TLS is asked for in postgres or smtp")
	}
	if o.Name == "" {
		o.Name = host
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	c, cancel, err := o.connect(ctx)
	if err != nil {
		return Report{}, strongroom.Faultf(strongroom.Unavailable, "reach", "nobody answers at the address")
	}
	cancel()
	_ = c.Close() // it was to see whether somebody is there
	r := Report{Address: o.Address, Name: o.Name}
	o.askVersions(ctx, &r)
	o.askSuites(ctx, &r)
	o.look(ctx, &r)
	return r, ctx.Err()
}

// connect dials and asks for TLS where the protocol begins without. The connection
// ends with its time.
func (o Options) connect(ctx context.Context) (net.Conn, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	c, err := o.Dial(ctx, o.Address)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		err = c.SetDeadline(end)
	}
	if start := starter(o.Plain); err == nil && start != nil {
		err = start(c)
	}
	if err != nil {
		cancel()
		return nil, nil, errors.Join(err, c.Close())
	}
	return c, cancel, nil
}

// serverName is the name sent in a hello; addresses are not sent (RFC 6066).
func (o Options) serverName() string {
	if net.ParseIP(o.Name) != nil {
		return ""
	}
	return strings.TrimSuffix(o.Name, ".")
}

// ask sends a hello and returns what came back. A connection that the endpoint ends
// without a word is a refusal.
func (o Options) ask(ctx context.Context, version uint16, suites []uint16) (answer, error) {
	c, cancel, err := o.connect(ctx)
	if err != nil {
		return answer{}, err
	}
	defer cancel()
	defer c.Close()
	hello, err := clientHello(version, suites, o.serverName())
	if err != nil {
		return answer{}, err
	}
	if _, err = c.Write(hello); err == nil {
		var a answer
		if a, err = readAnswer(c); err == nil {
			return a, nil
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return answer{}, nil
	}
	return answer{}, err
}

func (o Options) askVersions(ctx context.Context, r *Report) {
	for _, v := range versions() {
		suites := allSuites()
		if v.id == tls13 {
			suites = suites13()
		}
		a, err := o.ask(ctx, v.id, suites)
		taken := a.taken && a.version == v.id
		switch {
		case err != nil:
			r.add("version", v.name, Unknown, "no answer", "look whether the endpoint speaks TLS at all")
		case taken && v.good:
			r.add("version", v.name, OK, "taken, "+tls.CipherSuiteName(a.suite), "")
		case taken:
			r.add("version", v.name, Fail, "taken, "+tls.CipherSuiteName(a.suite), "set the lowest version to TLS 1.2")
		case v.id == tls13:
			r.add("version", v.name, Warn, "refused", "turn TLS 1.3 on")
		default:
			r.add("version", v.name, OK, "refused", "")
		}
	}
	v12, _ := r.Find("version", "TLS 1.2")
	v13, _ := r.Find("version", "TLS 1.3")
	if v12.Found == "refused" && v13.Found == "refused" {
		r.add("version", "any", Fail, "neither TLS 1.2 nor 1.3", "turn TLS 1.3 on")
	}
}

func (o Options) askSuites(ctx context.Context, r *Report) {
	for _, f := range families() {
		a, err := o.ask(ctx, tls12, f.ids)
		switch {
		case err != nil:
			r.add("suites", f.name, Unknown, "no answer", "look whether the endpoint speaks TLS at all")
		case a.taken && !f.good:
			r.add("suites", f.name, Fail, "taken, "+tls.CipherSuiteName(a.suite), "take ECDHE suites with GCM or ChaCha20 alone")
		case a.taken:
			r.add("suites", f.name, OK, "taken, "+tls.CipherSuiteName(a.suite), "")
		default:
			r.add("suites", f.name, OK, "refused", "")
		}
	}
}
