package gateway

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/keys"
	"strongroom/internal/vault"
)

// Vault is what the mirror needs of the vault.
type Vault interface {
	IngestMany(ctx context.Context, who strongroom.Actor, ins []vault.In) ([]vault.Outcome, error)
	RevealTokens(ctx context.Context, who strongroom.Actor, q vault.TokenRequest) ([]vault.TokenValue, error)
	PlatformOf(ctx context.Context, id string) (string, error)
	Turn(store string) vault.Turn
	CheckStore(r *db.Reader, id string) error
}

// Credentials tells how a store is reached.
type Credentials interface {
	// CredentialTx returns a store's credential, for a caller that has decided.
	CredentialTx(r *db.Reader, store string) (intake.Connection, error)
	// Way returns where EcartAPI answers for a connection, and what makes the calls
	// there; nil is a transport of the caller's own.
	Way(base string) (http.RoundTripper, string, error)
}

// Options configure a [Gateway]. Guard, Keys, Vault and Credentials are required.
type Options struct {
	Guard       *guard.Guard
	Keys        *keys.Keys
	Vault       Vault
	Credentials Credentials
	// Lost hears that the platform refuses a store's credential, with
	// [intake.LostUnauthorized] or [intake.LostForbidden]. nil ignores it.
	Lost func(ctx context.Context, store, cause string)
	// SameHand reports whether one person can act as two accounts; nil compares them.
	SameHand func(r *db.Reader, a, b string) (bool, error)
	// Public is the address that applications and platforms reach this instance at,
	// "https://host"; empty is the address of each call.
	Public string
	// Transport makes the calls; nil is a transport of its own. It is wrapped so that
	// no call is made inside a transaction.
	Transport http.RoundTripper
	// Now is real time, and Sleep waits for some of it; nil is the machine's.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger // nil discards
}

// Gateway is the mirror. It is safe for concurrent use.
type Gateway struct {
	o        Options
	http     *http.Client
	table    []Endpoint
	done     *Shape
	circuits circuits
	known    known

	allowances allowances
	home       string
}

// New returns a gateway. It panics without a required option, which is a mistake
// of the programmer.
func New(o Options) *Gateway {
	if o.Guard == nil || o.Keys == nil || o.Vault == nil || o.Credentials == nil {
		panic("gateway: Options needs Guard, Keys, Vault and Credentials")
	}
	if o.Transport == nil {
		o.Transport = transport()
	}
	if o.SameHand == nil {
		o.SameHand = func(_ *db.Reader, a, b string) (bool, error) { return a == b, nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{
		o: o, table: Endpoints(), done: doneShape(), circuits: circuits{by: make(map[string]*circuit)},
		http: clientOf(o.Transport),
	}
	if u, err := url.Parse(o.Public); err == nil && u.Host != "" {
		g.home = u.Scheme + "://" + u.Host
	}
	return g
}

// way returns the client for a connection's base address, and the address.
func (g *Gateway) way(base string) (*http.Client, string, error) {
	out, base, err := g.o.Credentials.Way(base)
	if err != nil || out == nil {
		return g.http, base, err
	}
	return clientOf(out), base, nil
}

// clientOf returns a client that makes no call inside a transaction. The store's token
// must not travel on, so a redirect is an answer like any other.
func clientOf(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     guard.Transport(t),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport keeps connections to the few hosts that there are.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // the environment of the process names nobody who may read along
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 64 << 10
	t.DisableCompression = true // it is unpacked within bounds
	t.ForceAttemptHTTP2 = true
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return t
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func resourceOf(store string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: store, Store: store}
}
