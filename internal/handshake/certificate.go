package handshake

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// soon is how long before its end a certificate should have been renewed.
const soon = 21 * 24 * time.Hour

// yearHSTS is how long browsers should remember that the endpoint speaks HTTPS.
const yearHSTS = 365 * 24 * 60 * 60

// handshake agrees on a connection and takes any certificate: it is here to look at it.
func (o Options) handshake(ctx context.Context, protocols ...string) (*tls.Conn, context.CancelFunc, error) {
	raw, cancel, err := o.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := tls.Client(raw, &tls.Config{
		ServerName: o.serverName(), NextProtos: protocols, MinVersion: tls10, CipherSuites: known(),
		InsecureSkipVerify: true, // what it shows is verified afterwards, check by check
	})
	if err := c.HandshakeContext(ctx); err != nil {
		cancel()
		_ = raw.Close() // the handshake's failure is what is told
		return nil, nil, err
	}
	return c, cancel, nil
}

// known are the suites that can be agreed on here, weak ones too: the certificate of
// a weak server is looked at as well.
func known() (ids []uint16) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

// look agrees on a connection and reports on the certificate and on HTTP.
func (o Options) look(ctx context.Context, r *Report) {
	c, cancel, err := o.handshake(ctx, "h2", "http/1.1")
	if err != nil {
		r.add("certificate", "chain", Unknown, "no handshake came to an end", "look at the endpoint's log")
		return
	}
	state := c.ConnectionState()
	cancel()
	_ = c.Close() // it was to look at the certificate
	r.ALPN = state.NegotiatedProtocol
	o.judge(state.PeerCertificates, r)
	if o.Plain != "" {
		return
	}
	switch r.ALPN {
	case "h2":
		r.add("http", "ALPN", OK, "h2", "")
	case "http/1.1":
		r.add("http", "ALPN", OK, "http/1.1", "")
	default:
		r.add("http", "ALPN", Warn, "none is chosen", "offer h2 and http/1.1")
	}
	o.askHSTS(ctx, r)
}

// judge reports on a chain, the leaf first.
func (o Options) judge(chain []*x509.Certificate, r *Report) {
	if len(chain) == 0 {
		r.add("certificate", "chain", Fail, "none", "give the endpoint a certificate")
		return
	}
	leaf := chain[0]
	pin, print := sha256.Sum256(leaf.RawSubjectPublicKeyInfo), sha256.Sum256(leaf.Raw)
	r.Pin, r.Print, r.Expires = hex.EncodeToString(pin[:]), hex.EncodeToString(print[:]), leaf.NotAfter.UTC()
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: o.Roots, Intermediates: between, CurrentTime: o.within(leaf)}); err != nil {
		r.add("certificate", "chain", Fail, "leads to nobody who is trusted", "send the whole chain, or name the authority with --ca")
	} else {
		r.add("certificate", "chain", OK, "leads to one who is trusted", "")
	}
	if err := leaf.VerifyHostname(o.Name); err != nil {
		r.add("certificate", "name", Fail, "is for other names: "+names(leaf), "have one made for "+o.Name)
	} else {
		r.add("certificate", "name", OK, o.Name, "")
	}
	o.judgeDates(leaf, r)
	judgeKey(leaf, r)
}

// within returns a time in the life of c, so that its end is told once, for itself.
func (o Options) within(c *x509.Certificate) time.Time {
	switch {
	case o.Now.After(c.NotAfter):
		return c.NotAfter
	case o.Now.Before(c.NotBefore):
		return c.NotBefore
	}
	return o.Now
}

func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "none"
	}
	if len(all) > 5 {
		all = append(all[:5], "…")
	}
	return strings.Join(all, ", ")
}

func (o Options) judgeDates(leaf *x509.Certificate, r *Report) {
	left := leaf.NotAfter.Sub(o.Now)
	found := fmt.Sprintf("%s, in %d days", leaf.NotAfter.UTC().Format(time.DateOnly), int(left.Hours()/24))
	switch {
	case o.Now.Before(leaf.NotBefore):
		r.add("certificate", "expiry", Fail, "not valid before "+leaf.NotBefore.UTC().Format(time.RFC3339), "look at both clocks")
	case left <= 0:
		r.add("certificate", "expiry", Fail, "ended "+leaf.NotAfter.UTC().Format(time.RFC3339), "renew it")
	case left < soon:
		r.add("certificate", "expiry", Warn, found, "renew it")
	default:
		r.add("certificate", "expiry", OK, found, "")
	}
}

func judgeKey(leaf *x509.Certificate, r *Report) {
	found, good := "of an unknown kind", false
	switch k := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		found, good = "RSA "+strconv.Itoa(k.N.BitLen()), k.N.BitLen() >= 2048
	case *ecdsa.PublicKey:
		found, good = "ECDSA "+k.Curve.Params().Name, k.Curve.Params().BitSize >= 256
	case ed25519.PublicKey:
		found, good = "Ed25519", true
	}
	switch leaf.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1, x509.UnknownSignatureAlgorithm:
		good = false
	}
	found += ", signed " + leaf.SignatureAlgorithm.String()
	state := OK
	if !good {
		state = Fail
	}
	r.add("certificate", "key", state, found, "have one made with ECDSA P-256 or RSA 2048 and SHA-256")
}

// askHSTS reads the header of an answer to GET /.
func (o Options) askHSTS(ctx context.Context, r *Report) {
	const advice = "answer with Strict-Transport-Security: max-age=63072000"
	header, err := o.get(ctx)
	if err != nil {
		r.add("http", "HSTS", Unknown, "no answer in HTTP", "")
		return
	}
	lines := header.Values("Strict-Transport-Security")
	if len(lines) != 1 {
		r.add("http", "HSTS", Warn, strconv.Itoa(len(lines))+" headers", advice)
		return
	}
	age, ok := maxAge(lines[0])
	switch {
	case !ok:
		r.add("http", "HSTS", Warn, "cannot be read", advice)
	case age < yearHSTS:
		r.add("http", "HSTS", Warn, strconv.FormatInt(age, 10)+" seconds", advice)
	default:
		r.add("http", "HSTS", OK, strconv.FormatInt(age, 10)+" seconds", "")
	}
}

func (o Options) get(ctx context.Context) (http.Header, error) {
	c, cancel, err := o.handshake(ctx, "http/1.1")
	if err != nil {
		return nil, err
	}
	defer cancel()
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+hostHeader(o.Name)+"\r\nConnection: close\r\n\r\n"); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, maxHello)), nil)
	if err != nil {
		return nil, err
	}
	return res.Header, res.Body.Close()
}

func hostHeader(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// maxAge reads the max-age of RFC 6797.
func maxAge(header string) (int64, bool) {
	for part := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "max-age") {
			n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}
