package web

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"strongroom"
)

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
	if err := private(keyFile); err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Invalid, "tls", "certificate and key do not belong together or cannot be read").Because(bare(err))
	}
	return cert, nil
}

// private refuses a key file that is missing or that group or others may read.
func private(keyFile string) error {
	st, err := os.Stat(keyFile)
	if err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "tls", "the TLS key cannot be read").Because(bare(err))
	}
	if st.Mode().Perm()&0o077 != 0 {
		return strongroom.Faultf(strongroom.Invalid, "tls", "the TLS key file is open to group or others").
			Advise("chmod 600 it")
	}
	return nil
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Fingerprint returns the SHA-256 of cert's leaf in hex, which a client pins.
func Fingerprint(cert tls.Certificate) string {
	if len(cert.Certificate) == 0 {
		return ""
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// ReplaceFile replaces path by b so that a crash leaves the old or the new file.
func ReplaceFile(path string, b []byte, mode fs.FileMode) (err error) {
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
