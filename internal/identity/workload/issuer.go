package workload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"strongroom"
	"strongroom/internal/guard"
)

const (
	keepKeys  = time.Hour        // keys that an issuer took away are good no longer than this
	fetchGap  = 30 * time.Second // between two fetches of one address
	maxAnswer = 1 << 20          // bytes of a discovery document or key set
)

// issuer is a configured issuer with its keys.
type issuer struct {
	Issuer
	client *http.Client
	real   *strongroom.Clock

	mu      sync.Mutex
	keys    *oidc.RemoteKeySet
	address string // of the keys
	since   time.Time
}

// keySet returns the issuer's keys, which are fetched when they are first asked.
func (is *issuer) keySet(ctx context.Context) (*oidc.RemoteKeySet, error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	now := is.real.Now()
	if is.keys != nil && now.Sub(is.since) < keepKeys {
		return is.keys, nil
	}
	if is.address == "" {
		is.address = is.Keys
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), is.client)
	if is.address == "" {
		p, err := oidc.NewProvider(ctx, is.URL)
		var found struct {
			Keys string `json:"jwks_uri"`
		}
		if err == nil {
			err = p.Claims(&found)
		}
		if err != nil || !isHTTPS(found.Keys) {
			return nil, unavailable()
		}
		is.address = found.Keys
	}
	is.keys, is.since = oidc.NewRemoteKeySet(ctx, is.address), now
	return is.keys, nil
}

func unavailable() error {
	return strongroom.Faultf(strongroom.Unavailable, "issuer", "the keys of the token's issuer cannot be had").Advise("try again later")
}

// verify checks signature, issuer, audience and times of a token. The library's
// own words repeat what the token says, and are dropped.
func (is *issuer) verify(ctx context.Context, bearer string) (*oidc.IDToken, error) {
	if guard.InTransaction(ctx) {
		return nil, strongroom.Faultf(strongroom.Internal, "network", "a token was to be verified inside a transaction")
	}
	keys, err := is.keySet(ctx)
	if err != nil {
		return nil, err
	}
	watch := &watched{keys: keys}
	token, err := oidc.NewVerifier(is.URL, watch, &oidc.Config{
		ClientID: is.Audience, SupportedSigningAlgs: is.Algorithms, Now: is.real.Now,
	}).Verify(ctx, bearer)
	if watch.away {
		return nil, unavailable()
	}
	if _, expired := errors.AsType[*oidc.TokenExpiredError](err); expired {
		return nil, refused("token-expired", "the token has expired")
	}
	if err != nil {
		return nil, refused("token-invalid", "the token is not signed by its issuer for this instance")
	}
	return token, nil
}

// watched tells keys that cannot be had from a signature that does not fit.
type watched struct {
	keys *oidc.RemoteKeySet
	away bool
}

// VerifySignature is that of the key set.
func (w *watched) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.keys.VerifySignature(ctx, token)
	_, w.away = errors.AsType[*url.Error](err)
	return payload, err
}

// politely returns a client that asks one address once in a while and gives the
// same answer in between. It follows no redirect and does not work inside a
// transaction.
func politely(c *http.Client, real *strongroom.Clock) *http.Client {
	next, limit := http.RoundTripper(nil), 10*time.Second
	if c != nil {
		next, limit = c.Transport, c.Timeout
	}
	return &http.Client{
		Transport: &polite{next: guard.Transport(next), real: real, last: map[string]answer{}}, Timeout: limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type polite struct {
	next http.RoundTripper
	real *strongroom.Clock

	mu   sync.Mutex
	last map[string]answer // by address; as many as are configured
}

type answer struct {
	at   time.Time
	body []byte
	err  error
}

var errAnswer = errors.New("workload: the issuer does not answer as it should")

// RoundTrip fetches an address, or gives the answer it gave a moment ago.
func (p *polite) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := r.URL.String()
	a, ok := p.last[key]
	if now := p.real.Now(); !ok || now.Sub(a.at) >= fetchGap {
		a = p.fetch(r)
		a.at = now
		p.last[key] = a
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, nil
}

func (p *polite) fetch(r *http.Request) answer {
	resp, err := p.next.RoundTrip(r)
	if err != nil {
		return answer{err: err}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && (resp.StatusCode != http.StatusOK || len(body) > maxAnswer) {
		err = errAnswer
	}
	return answer{body: body, err: err}
}
