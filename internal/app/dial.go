package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"strongroom"
	"strongroom/internal/web"
)

// Client speaks the HTTP API of an instance as the calling OS user.
type Client struct {
	// HTTP sends requests to the instance, whatever host their URL names.
	HTTP *http.Client
	// Alone says that this process opened the instance: nobody serves its pages.
	Alone bool
	close func() error
}

// Close ends the client, and the instance if this process opened it.
func (c *Client) Close() error { return c.close() }

// Dial reaches the instance in o.Dir: over the socket of the server that owns
// the folder, else by opening it in this process.
func Dial(ctx context.Context, o Options) (*Client, error) {
	a, err := Open(ctx, o)
	if errors.Is(err, ErrLocked) {
		return dialSocket(o.Dir)
	}
	if err != nil {
		return nil, err
	}
	t := &inProcess{handler: a.Handler(), mark: func(ctx context.Context) context.Context {
		return web.WithConn(ctx, web.Conn{Unix: true, Peer: true, UID: uint32(os.Getuid())})
	}}
	return &Client{HTTP: &http.Client{Transport: t}, Alone: true, close: func() error {
		t.running.Wait()
		return a.Close()
	}}, nil
}

func dialSocket(dir string) (*Client, error) {
	path, free, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		free()
		return nil, strongroom.Faultf(strongroom.Unavailable, "folder", "another process owns %s and does not serve", dir).
			Advise("wait until it ends, or look with: fuser %s", filepath.Join(dir, lockName))
	}
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	return &Client{HTTP: &http.Client{Transport: t}, close: func() error {
		t.CloseIdleConnections()
		free()
		return nil
	}}, nil
}

// IsServer reports whether an instance is named by the address of its server and
// not by its data folder.
func IsServer(name string) bool {
	return strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://")
}

// DialServer reaches the server of an instance at https://host:port, or at http://
// on a loopback address as a test instance may have it. ca names a PEM file with the
// certificate that the server must show; empty trusts those the system does. Nobody
// is known at the other end until a token is shown.
func DialServer(server, ca string) (*Client, error) {
	u, err := url.Parse(server)
	bare := err == nil && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.User == nil
	if !bare || u.Scheme != "https" && !loopback(u.Host) {
		return nil, strongroom.Faultf(strongroom.Invalid, "server", "a server is named by https:// with host and port").
			Advise("write it such as https://strongroom.example.com:8443")
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, strongroom.Faultf(strongroom.NotFound, "ca", "the certificate of the server cannot be read").Because(err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, strongroom.Faultf(strongroom.Invalid, "ca", "the file holds no certificate in PEM")
		}
	}
	t := &http.Transport{TLSClientConfig: c, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	return &Client{HTTP: &http.Client{Transport: t}, close: func() error {
		t.CloseIdleConnections()
		return nil
	}}, nil
}

func httpGet(ctx context.Context, url string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
}
