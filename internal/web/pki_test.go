package web_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// sign has ca sign a server's certificate for host, whatever it may sign for.
func sign(t *testing.T, ca tls.Certificate, host string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "theirs"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if ip := net.ParseIP(host); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{host}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return create(t, c, ca.Leaf, key.Public(), ca.PrivateKey)
}

// authorityWithout returns ca for the same key without constraints.
func authorityWithout(t *testing.T, ca tls.Certificate) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(8), Subject: ca.Leaf.Subject, NotBefore: ca.Leaf.NotBefore, NotAfter: ca.Leaf.NotAfter, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key := ca.PrivateKey.(crypto.Signer)
	return tls.Certificate{Leaf: create(t, c, c, key.Public(), key), PrivateKey: key}
}

func create(t *testing.T, c, parent *x509.Certificate, public, signer any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
