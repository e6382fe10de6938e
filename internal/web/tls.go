package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"strongroom"
)

// selfSignedLife is how long a certificate made here is valid. Clients of our
// own making pin its fingerprint; browsers accept no longer life.
const selfSignedLife = 397 * 24 * time.Hour

// TLSConfig returns a server configuration for cert: TLS 1.2 or newer, for 1.2
// only suites with forward secrecy and authenticated encryption, HTTP/2 offered.
func TLSConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are not configurable and all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// LoadCertificate reads a PEM certificate chain and its key. It refuses a key
// file that group or others may read.
func LoadCertificate(certFile, keyFile string) (tls.Certificate, error) {
	st, err := os.Stat(keyFile)
	if err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "tls", "the TLS key cannot be read").Because(bare(err))
	}
	if st.Mode().Perm()&0o077 != 0 {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Invalid, "tls", "the TLS key file is open to group or others").
			Advise("chmod 600 it")
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Invalid, "tls", "certificate and key do not belong together or cannot be read").Because(bare(err))
	}
	return cert, nil
}

// EnsureCertificate loads tls.crt and tls.key from dir, and makes a self-signed
// pair there first if neither exists, and dir with mode 0700 if it is missing. The
// key file is 0600. A pair that ends
// within 30 days and was made here is made anew. hosts are the names and
// addresses the certificate is for; now is real time.
func EnsureCertificate(dir string, hosts []string, now time.Time) (tls.Certificate, error) {
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	cert, err := LoadCertificate(certFile, keyFile)
	switch {
	case err == nil && !(ownMake(cert) && now.Add(30*24*time.Hour).After(cert.Leaf.NotAfter)):
		return cert, nil
	case err != nil && !(errors.Is(err, fs.ErrNotExist) && missing(certFile)):
		return tls.Certificate{}, err
	}
	certPEM, keyPEM, err := selfSigned(hosts, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "tls", "the folder of the TLS certificate cannot be made").Because(bare(err))
	}
	if err := errors.Join(writeSynced(keyFile, keyPEM, 0o600), writeSynced(certFile, certPEM, 0o644)); err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "tls", "the TLS certificate cannot be written").Because(bare(err))
	}
	return LoadCertificate(certFile, keyFile)
}

// Fingerprint returns the SHA-256 of cert's leaf in hex, which a client pins.
func Fingerprint(cert tls.Certificate) string {
	if len(cert.Certificate) == 0 {
		return ""
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return hex.EncodeToString(sum[:])
}

const ownName = "strongroom self-signed"

func ownMake(c tls.Certificate) bool { return c.Leaf != nil && c.Leaf.Subject.CommonName == ownName }

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func selfSigned(hosts []string, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: ownName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if h != "" {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// writeSynced replaces path by b so that a crash leaves the old or the new file.
func writeSynced(path string, b []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tls-*") // 0600 from the start
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// bare strips the path from an error of the file system: a folder's name is the
// operator's and may hold anything.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if p, ok := errors.AsType[*os.LinkError](err); ok {
		return p.Err
	}
	return err
}
