package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strongroom/internal/web"
)

// door is one side as a client reaches it: over HTTP with TLS on loopback.
type door struct {
	base, key, store string
	client           *http.Client
}

// newDoor returns a client that trusts the certificate in file and keeps a
// connection for each caller.
func newDoor(base, key, store, file string) (*door, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("the server's certificate cannot be read")
	}
	return &door{base: base, key: key, store: store, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 2 * manyAtOnce, DisableCompression: true,
	}}}, nil
}

// call sends one request and returns the answer's body and header. Any status
// but the 200s is an error.
func (d *door) call(ctx context.Context, method, path, contentType string, body []byte) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s answered %d: %s", method, req.URL.Path, resp.StatusCode, answer[:min(len(answer), 300)])
	}
	return answer, resp.Header, err
}

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
)

func (d *door) ingest(ctx context.Context, contentType string, body []byte) error {
	answer, _, err := d.call(ctx, "POST", "/v1/stores/"+d.store+"/ingest?resource=orders&version=v2&platform="+shopPlatform, contentType, body)
	if err == nil && len(answer) < len(body)/2 {
		err = wrong("the answer to an order is too short")
	}
	return err
}

func (d *door) reveal(ctx context.Context, id string) error {
	answer, _, err := d.call(ctx, "POST", "/v1/stores/"+d.store+"/records/"+id+"/reveal", typeJSON,
		[]byte(`{"purpose":"fulfilment","reference":"order-1047"}`))
	if err == nil && !bytes.HasPrefix(answer, []byte(`{"record":{`)) {
		err = wrong("a reveal did not answer a record")
	}
	return err
}

// plain serves the floor through the product's own server: the same TLS, limits
// and headers, routes of the same shape, a credential that is compared in
// constant time.
type plain struct {
	f   *floor
	key [32]byte
	mux *http.ServeMux
}

const plainKey = "sr_plain_of_no_secrecy"

func newPlain(f *floor) *plain {
	p := &plain{f: f, key: sha256.Sum256([]byte(plainKey)), mux: http.NewServeMux()}
	p.mux.Handle("POST /v1/stores/{store}/ingest", p.adapt(p.ingest))
	p.mux.Handle("POST /v1/stores/{store}/records/{id}/reveal", p.adapt(p.reveal))
	return p
}

// guarded passes calls with the key on to next.
func (p *plain) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if sum := sha256.Sum256([]byte(key)); subtle.ConstantTimeCompare(sum[:], p.key[:]) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *plain) adapt(serve func(r *http.Request, body []byte) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if sum := sha256.Sum256([]byte(key)); subtle.ConstantTimeCompare(sum[:], p.key[:]) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := web.ReadBody(w, r, 8<<20)
		if err == nil {
			body, err = serve(r, body)
		}
		if err != nil {
			web.WriteProblem(w, err, web.RequestID(w))
			return
		}
		w.Header()["Content-Type"] = []string{typeJSON}
		_, _ = w.Write(body) // the caller may have gone
	})
}

func (p *plain) ingest(r *http.Request, body []byte) ([]byte, error) {
	_, err := p.f.Ingest(r.Context(), body)
	return body, err
}

func (p *plain) reveal(r *http.Request, body []byte) ([]byte, error) {
	var in struct {
		Purpose   string   `json:"purpose"`
		Reference string   `json:"reference"`
		Fields    []string `json:"fields"`
	}
	if err := web.DecodeJSON(body, &in); err != nil {
		return nil, err
	}
	order, err := p.f.Reveal(r.Context(), r.PathValue("id"), in.Reference)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(order)+16), `{"record":`...)
	return append(append(out, order...), "}\n"...), nil
}

// serve opens the floor's door on loopback.
func (p *plain) serve(ctx context.Context, dir string) (*door, func() error, error) {
	cert, err := web.EnsureCertificate(dir, []string{"localhost", "127.0.0.1"}, time.Now())
	if err != nil {
		return nil, nil, err
	}
	l, err := web.ListenTCP(ctx, "127.0.0.1:0", true)
	if err != nil {
		return nil, nil, err
	}
	s := web.NewServer(web.Options{Handler: p.mux, TLS: web.TLSConfig(cert)})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	stop := func() error { return errors.Join(s.Shutdown(context.WithoutCancel(ctx)), <-ended) }
	d, err := newDoor("https://"+l.Addr().String(), plainKey, "1", filepath.Join(dir, "tls.crt"))
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return d, stop, nil
}
