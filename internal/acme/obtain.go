package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"strongroom"
	"strongroom/internal/web"
)

// obtain asks for a certificate, proves every host, and stores what it gets.
func (c *Client) obtain(ctx context.Context) (tls.Certificate, error) {
	var none tls.Certificate
	if err := os.MkdirAll(c.o.Dir, 0o700); err != nil {
		return none, strongroom.Faultf(strongroom.Unavailable, "acme", "the folder of the certificate cannot be made")
	}
	account, err := web.EnsureKey(filepath.Join(c.o.Dir, "acme-account.key"))
	if err != nil {
		return none, err
	}
	client := &acme.Client{Key: account, DirectoryURL: c.o.Directory, HTTPClient: c.http, UserAgent: "strongroom", RetryBackoff: again}
	who := &acme.Account{}
	if c.o.Email != "" {
		who.Contact = []string{"mailto:" + c.o.Email}
	}
	if _, err := client.Register(ctx, who, func(string) bool { return c.o.Accepted }); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return none, err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(c.o.Hosts...))
	if err != nil {
		return none, err
	}
	for _, at := range order.AuthzURLs {
		if err := c.prove(ctx, client, at); err != nil {
			return none, err
		}
	}
	if order, err = client.WaitOrder(ctx, order.URI); err != nil {
		return none, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: c.o.Hosts}, key)
	if err != nil {
		return none, err
	}
	chain, _, err := client.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	if err != nil {
		return none, err
	}
	return c.store(key, chain)
}

// again has a request whose nonce was too old repeated at once. Everything else waits for
// the next attempt.
func again(n int, _ *http.Request, resp *http.Response) time.Duration {
	if resp != nil && resp.StatusCode == http.StatusBadRequest && n < 4 {
		return time.Millisecond
	}
	return -1
}

// prove proves one host.
func (c *Client) prove(ctx context.Context, client *acme.Client, at string) error {
	z, err := client.GetAuthorization(ctx, at)
	if err != nil || z.Status == acme.StatusValid {
		return err
	}
	if !slices.Contains(c.o.Hosts, z.Identifier.Value) {
		return strongroom.Faultf(strongroom.Denied, "acme", "the authority asks for the proof of another host")
	}
	i := slices.IndexFunc(z.Challenges, func(h *acme.Challenge) bool { return h.Type == c.o.Challenge })
	if i < 0 {
		return strongroom.Faultf(strongroom.Unavailable, "acme", "the authority does not offer %s", c.o.Challenge).
			Advise("set the other challenge")
	}
	withdraw, err := c.show(client, z.Identifier.Value, z.Challenges[i].Token)
	if err != nil {
		return err
	}
	defer withdraw()
	if _, err := client.Accept(ctx, z.Challenges[i]); err != nil {
		return err
	}
	_, err = client.WaitAuthorization(ctx, z.URI)
	return err
}

// show has the proof of a host shown until the returned function is called.
func (c *Client) show(client *acme.Client, host, token string) (func(), error) {
	if c.o.Challenge == HTTP {
		answer, err := client.HTTP01ChallengeResponse(token)
		if err != nil {
			return nil, err
		}
		path := client.HTTP01ChallengePath(token)
		c.proofs.Lock()
		defer c.proofs.Unlock()
		c.files[path] = answer
		return func() { c.proofs.Lock(); defer c.proofs.Unlock(); delete(c.files, path) }, nil
	}
	cert, err := client.TLSALPN01ChallengeCert(token, host)
	if err != nil {
		return nil, err
	}
	c.proofs.Lock()
	defer c.proofs.Unlock()
	c.shakes[host] = &cert
	return func() { c.proofs.Lock(); defer c.proofs.Unlock(); delete(c.shakes, host) }, nil
}

// store keeps certificate and key in one file, so that there is never one without the other.
func (c *Client) store(key *ecdsa.PrivateKey, chain [][]byte) (tls.Certificate, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	var text bytes.Buffer
	err = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	for _, der := range chain {
		err = errors.Join(err, pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair(text.Bytes(), text.Bytes())
	if err != nil || len(cert.Certificate) == 0 {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "acme", "the authority answered with the certificate of another key")
	}
	for _, h := range c.o.Hosts {
		if cert.Leaf.VerifyHostname(h) != nil {
			return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "acme", "the authority answered with a certificate for other hosts")
		}
	}
	if err := web.ReplaceFile(filepath.Join(c.o.Dir, "acme.pem"), text.Bytes(), 0o600); err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "acme", "the certificate cannot be written")
	}
	return c.Stored()
}

// problems are the words of RFC 8555, 6.7, that help an operator.
func problems() []string {
	return []string{
		"badCSR", "caa", "connection", "dns", "externalAccountRequired", "incorrectResponse", "invalidContact", "malformed",
		"rateLimited", "rejectedIdentifier", "serverInternal", "tls", "unauthorized", "unsupportedContact", "userActionRequired",
	}
}

// fault says why a certificate was not obtained, by the authority's word for it only.
func fault(err error) error {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f
	}
	said := "it cannot be reached, does not prove who it is, or answers nothing useful"
	var refused *acme.Error
	if z, ok := errors.AsType[*acme.AuthorizationError](err); ok {
		said = "it could not see the proof"
		for _, e := range z.Errors {
			_ = errors.As(e, &refused)
		}
	}
	if refused == nil {
		_ = errors.As(err, &refused)
	}
	if refused != nil {
		if word := strings.TrimPrefix(refused.ProblemType, "urn:ietf:params:acme:error:"); slices.Contains(problems(), word) {
			said = "it says " + word
		}
	}
	return strongroom.Faultf(strongroom.Unavailable, "acme", "the authority gave no certificate: %s", said).
		Advise("look at docs/tls.md, ACME; it is asked again by itself")
}
