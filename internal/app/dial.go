package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"strongroom"
	"strongroom/internal/web"
)

// Client speaks the HTTP API of an instance as the calling OS user.
type Client struct {
	// HTTP sends requests to the instance, whatever host their URL names.
	HTTP  *http.Client
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
	return &Client{HTTP: &http.Client{Transport: t}, close: func() error {
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

func httpGet(ctx context.Context, url string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
}
