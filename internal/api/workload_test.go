package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/authz"
	"strongroom/internal/identity"
	"strongroom/internal/identity/workload"
)

// certificate makes a client certificate that nobody signed.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(spki)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, hex.EncodeToString(sum[:])
}

// A service whose certificate is bound needs no key; another certificate, and none,
// are nobody.
func TestAServiceComesByItsCertificate(t *testing.T) {
	bound, spki := certificate(t)
	stranger, _ := certificate(t)
	var s *httptest.Server
	serve(t, func(o *api.Options) {
		maker := strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:0", Roles: []string{authz.TestEverything}, AllStores: true, Door: "command"}
		k, _, err := o.Identity.CreateKey(context.Background(), maker, identity.KeySpec{Label: "printer", Roles: []string{"application"}, AllStores: true})
		if err == nil {
			o.Workloads, err = workload.New(workload.Options{Services: o.Identity, Certificates: []workload.Certificate{{SPKI: spki, Service: k.ID}}})
		}
		if err != nil {
			t.Fatal(err)
		}
		s = httptest.NewUnstartedServer(api.New(*o))
		s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		s.StartTLS()
		t.Cleanup(s.Close)
	})
	for name, x := range map[string]struct {
		shown []tls.Certificate
		want  int
	}{"bound": {[]tls.Certificate{bound}, http.StatusOK}, "a stranger's": {[]tls.Certificate{stranger}, http.StatusUnauthorized}, "none": {nil, http.StatusUnauthorized}} {
		c := s.Client().Transport.(*http.Transport).Clone()
		c.TLSClientConfig.Certificates = x.shown
		resp, err := (&http.Client{Transport: c}).Get(s.URL + "/v1/stores")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		c.CloseIdleConnections()
		if resp.StatusCode != x.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, x.want)
		}
	}
}
