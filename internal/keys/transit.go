package keys

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/guard"
)

// TransitOptions say where the transit engine of an OpenBao or Vault server is.
type TransitOptions struct {
	// Address is the server's, "https://bao.example.com:8200". Plain http is for
	// a loopback address alone.
	Address string
	// Mount is the path the engine is mounted at; empty is "transit".
	Mount string
	// Key names the key, of an AEAD type such as aes256-gcm96.
	Key string
	// Namespace is the server's namespace, if any.
	Namespace string
	// TokenFile holds the token, readable by its owner alone. It is read at every
	// call, so that an agent may renew it.
	TokenFile string
	// CAFile holds the certificates, in PEM, that the server's must lead to; empty
	// trusts the system's.
	CAFile string
	// Timeout bounds a call; 0 is ten seconds.
	Timeout time.Duration
}

// Transit is a KMS in an OpenBao or Vault server, over its HTTP protocol. The
// root key never leaves the server. It follows no redirect, uses no proxy, and
// refuses to be called inside a transaction.
type Transit struct {
	base      string // up to the engine's mount
	key       string
	mount     string
	namespace string
	tokenFile string
	client    *http.Client
}

// transitLimit is the most bytes read of an answer.
const transitLimit = 64 << 10

// NewTransit checks the options and returns the adapter. It asks nothing of the
// server yet.
func NewTransit(o TransitOptions) (*Transit, error) {
	u, err := url.Parse(o.Address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, badTransit("the address must be of the form https://host:port")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, badTransit("the address must begin with https; http is for a loopback address alone")
	}
	if o.Mount == "" {
		o.Mount = "transit"
	}
	if strongroom.CheckName("mount", o.Mount) != nil || strings.ContainsAny(o.Mount, "#:") || strings.Contains(o.Mount, "..") ||
		strongroom.CheckName("key", o.Key) != nil || strings.ContainsAny(o.Key, "#:/") || o.TokenFile == "" {
		return nil, badTransit("mount and key must be plain names, and a token file must be given")
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns:        1,
		IdleConnTimeout:     30 * time.Second,
	}
	if o.CAFile != "" {
		if transport.TLSClientConfig.RootCAs, err = readPool(o.CAFile); err != nil {
			return nil, err
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return &Transit{
		base: u.Scheme + "://" + u.Host + "/v1/" + strings.Trim(o.Mount, "/") + "/",
		key:  o.Key, mount: o.Mount, namespace: o.Namespace, tokenFile: o.TokenFile,
		client: &http.Client{
			Transport: guard.Transport(transport),
			Timeout:   o.Timeout,
			// A redirect would hand token and plaintext to whoever it names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func badTransit(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "kms", "%s", what)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func readPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "kms", "cannot read the file of trusted certificates").Because(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, badTransit("the file of trusted certificates holds none")
	}
	return pool, nil
}

// transitRequest is the body of both calls. Plaintext is a slice so that it can
// be wiped; encoding/json writes slices in base64, as the protocol wants.
type transitRequest struct {
	Plaintext      []byte `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData []byte `json:"associated_data"`
}

type transitAnswer struct {
	Data struct {
		Plaintext  []byte `json:"plaintext"`
		Ciphertext string `json:"ciphertext"`
	} `json:"data"`
}

// Wrap has the server encrypt plaintext, bound to ad.
func (t *Transit) Wrap(ctx context.Context, ad, plaintext []byte) ([]byte, error) {
	a, status, err := t.call(ctx, "encrypt", transitRequest{Plaintext: plaintext, AssociatedData: ad})
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK || !strings.HasPrefix(a.Data.Ciphertext, "vault:v") {
		return nil, refusedBy(status)
	}
	return []byte(a.Data.Ciphertext), nil
}

// Unwrap has the server decrypt what Wrap returned.
func (t *Transit) Unwrap(ctx context.Context, ad, wrapped []byte) ([]byte, error) {
	if !bytes.HasPrefix(wrapped, []byte("vault:v")) {
		return nil, wrongRoot() // wrapped by another kind of root
	}
	a, status, err := t.call(ctx, "decrypt", transitRequest{Ciphertext: string(wrapped), AssociatedData: ad})
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusBadRequest: // the server's answer to what does not open
		return nil, wrongRoot()
	case status != http.StatusOK || len(a.Data.Plaintext) == 0:
		return nil, refusedBy(status)
	}
	return a.Data.Plaintext, nil
}

// Describe names the key by mount and name.
func (t *Transit) Describe() Description {
	return Description{Kind: "transit", ID: strings.Trim(t.mount, "/") + "/" + t.key}
}

// call makes one request. Nothing of an answer's text is passed on: it may
// repeat what was sent.
func (t *Transit) call(ctx context.Context, verb string, in transitRequest) (out transitAnswer, status int, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, 0, unreachable(err)
	}
	defer clear(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+verb+"/"+t.key, bytes.NewReader(body))
	if err != nil {
		return out, 0, unreachable(err)
	}
	token, err := readSecret(t.tokenFile, false)
	if err != nil {
		return out, 0, err
	}
	req.Header.Set("X-Vault-Token", strings.TrimSpace(string(token)))
	clear(token)
	req.Header.Set("X-Vault-Request", "true")
	req.Header.Set("Content-Type", "application/json")
	if t.namespace != "" {
		req.Header.Set("X-Vault-Namespace", t.namespace)
	}
	res, err := t.client.Do(req)
	if err != nil {
		return out, 0, unreachable(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, transitLimit))
	defer clear(answer)
	if err != nil {
		return out, 0, unreachable(err)
	}
	if res.StatusCode == http.StatusOK {
		if json.Unmarshal(answer, &out) != nil {
			return out, 0, strongroom.Faultf(strongroom.Unavailable, "kms", "the key management service gave an answer that cannot be read")
		}
	}
	return out, res.StatusCode, nil
}

func unreachable(err error) error {
	return strongroom.Faultf(strongroom.Unavailable, "kms", "the key management service cannot be reached").
		Advise("see that it runs, is unsealed, and can be reached from here").Because(err)
}

func refusedBy(status int) error {
	f := strongroom.Faultf(strongroom.Unavailable, "kms", "the key management service answered %d", status)
	switch status {
	case http.StatusForbidden:
		return f.Advise("its token must be allowed to encrypt and decrypt with the key")
	case http.StatusNotFound:
		return f.Advise("the mount or the key does not exist")
	case http.StatusServiceUnavailable:
		return f.Advise("it is sealed or in maintenance")
	}
	return f
}

// String names the key; the token is never kept.
func (t *Transit) String() string { return "transit " + t.Describe().ID }
