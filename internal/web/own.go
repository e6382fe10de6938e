package web

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"strongroom"
)

const (
	// ownLife is how long a certificate made here is valid. Clients of our own making
	// pin its fingerprint; browsers accept no longer life.
	ownLife = 397 * 24 * time.Hour
	// ownNear is how long before its end a certificate made here is made anew.
	ownNear = 30 * 24 * time.Hour
)

const ownName = "strongroom self-signed"

// EnsureCertificate loads tls.crt and tls.key from dir, and makes a pair there first if
// neither exists, and dir with mode 0700 if it is missing. It is signed by the authority
// of dir if [MakeAuthority] made one, else by itself. The key file is 0600. A certificate
// that ends within 30 days and was made here is made anew for the same key, so one file
// changes and a crash leaves a pair. One that was made here and belongs to another key is
// made anew for the key that is there. hosts are the names and addresses the certificate
// is for, besides those of the one it replaces; an authority that is there was made for
// those and signs for no others. now is real time.
func EnsureCertificate(dir string, hosts []string, now time.Time) (tls.Certificate, error) {
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	cert, err := LoadCertificate(certFile, keyFile)
	if err == nil && !due(dir, cert.Leaf, now) {
		return cert, nil
	}
	if err != nil && !missing(certFile) {
		old, unread := readLeaf(certFile)
		if unread != nil || !ownMake(old) || missing(keyFile) {
			return tls.Certificate{}, err
		}
		cert.Leaf = old
	}
	if was := hostsOf(cert.Leaf); len(was) > 0 && !missing(filepath.Join(dir, "ca.crt")) {
		hosts = was // the authority was made for these
	} else {
		hosts = append(slices.Clone(hosts), was...)
	}
	return issue(dir, hosts, now)
}

// due reports whether a certificate that was made here is to be made anew. One that ends
// with its authority cannot be better.
func due(dir string, leaf *x509.Certificate, now time.Time) bool {
	if !ownMake(leaf) || now.Add(ownNear).Before(leaf.NotAfter) {
		return false
	}
	switch parent, _, err := authority(dir, now); {
	case err != nil:
		return now.After(leaf.NotAfter) // and then issue says what is wrong
	case parent == nil:
		return true
	default:
		return parent.NotAfter.After(leaf.NotAfter)
	}
}

// issue makes a certificate for the key in dir, and the key first if there is none.
func issue(dir string, hosts []string, now time.Time) (tls.Certificate, error) {
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "tls", "the folder of the TLS certificate cannot be made").Because(bare(err))
	}
	key, err := EnsureKey(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	t, err := template(ownName, ownLife, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	name(t, hosts)
	parent, signer, err := authority(dir, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if parent == nil {
		parent, signer = t, key
	} else {
		t.Subject.CommonName = leafName
		if parent.NotAfter.Before(t.NotAfter) {
			t.NotAfter = parent.NotAfter
		}
		if !covers(parent, t) {
			return tls.Certificate{}, strongroom.Faultf(strongroom.Conflict, "tls", "the local authority may not sign for one of these names").
				Advise("make another one for all of them: strongroom tls ca --anew")
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := ReplaceFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "tls", "the TLS certificate cannot be written").Because(bare(err))
	}
	return LoadCertificate(certFile, keyFile)
}

// template returns what every certificate made here has.
func template(subject string, life time.Duration, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: subject},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}, nil
}

// name puts names and addresses into a certificate, each once.
func name(t *x509.Certificate, hosts []string) {
	seen := map[string]bool{"": true}
	for _, h := range hosts {
		ip := net.ParseIP(h)
		if ip != nil {
			h = ip.String()
		}
		switch {
		case seen[h]:
		case ip != nil:
			t.IPAddresses = append(t.IPAddresses, ip)
		default:
			t.DNSNames = append(t.DNSNames, h)
		}
		seen[h] = true
	}
}

// hostsOf returns the names and addresses a certificate is for; none of nil.
func hostsOf(c *x509.Certificate) (hosts []string) {
	if c == nil {
		return nil
	}
	hosts = append(hosts, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

func ownMake(leaf *x509.Certificate) bool {
	return leaf != nil && (leaf.Subject.CommonName == ownName || leaf.Issuer.CommonName == authorityName)
}

// EnsureKey reads a private key in PEM, and makes one first if the file is missing. It
// refuses a file that group or others may read, as [LoadCertificate] does.
func EnsureKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(file)
	}
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "tls", "the TLS key cannot be read").Because(bare(err))
	}
	if err := private(file); err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
	}
	return nil, strongroom.Faultf(strongroom.Invalid, "tls", "the file of the TLS key holds no key that was made here").
		Advise("put the right key back, or remove key and certificate to have both made anew")
}

func makeKey(file string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := ReplaceFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600); err != nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "tls", "the TLS key cannot be written").Because(bare(err))
	}
	return key, nil
}

// readLeaf reads the first certificate of a PEM file.
func readLeaf(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, bare(err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
