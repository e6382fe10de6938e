package console_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/device"
)

// certificate is one of a device's own making: who signed it is not asked.
func (f *fixture) certificate() tls.Certificate {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(err)
	now := f.real.Now()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(240 * time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	f.must(err)
	leaf, err := x509.ParseCertificate(raw)
	f.must(err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// TestObligation_2_2_7_ManagedDevices: a browser proves its device by the client
// certificate; without one, or with one that nobody enrolled, the device is unknown.
func TestObligation_2_2_7_ManagedDevices(t *testing.T) {
	f := serve(t, nil)
	id, link := f.owner()
	first := f.browser()
	first.enrol(link)
	managed := f.certificate()
	_, code, err := f.devices.Add(context.Background(), f.root(), device.Spec{Label: "L-1", Kind: "laptop", Owner: id, Posture: device.Managed})
	f.must(err)
	_, err = f.devices.Enrol(context.Background(), code.Reveal(), device.Evidence{Certificate: managed.Leaf})
	f.must(err)
	for name, x := range map[string]struct {
		cert tls.Certificate
		want string
	}{"enrolled": {managed, "managed"}, "nobody's": {f.certificate(), "unknown"}, "none": {tls.Certificate{}, "unknown"}} {
		b := f.browser()
		if x.cert.Leaf != nil {
			b.client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{x.cert}
		}
		b.secret = first.secret
		b.signIn()
		if text := b.get("/account").text; !strings.Contains(text, "<dt>This device</dt><dd>"+x.want+"</dd>") {
			t.Errorf("%s: the device is not %s:\n%s", name, x.want, text)
		}
	}
}
