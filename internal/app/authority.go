package app

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/acme"
	"strongroom/internal/web"
)

// shakeTime bounds the handshake with the server whose certificate is looked at.
const shakeTime = 5 * time.Second

// Shown is a certificate as anybody who connects sees it.
type Shown struct {
	From     string    `json:"from"` // "files", or the address it was asked for
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Names    []string  `json:"names"` // and addresses
	Begins   time.Time `json:"begins_at"`
	Ends     time.Time `json:"ends_at"`
	Digest   string    `json:"sha256"`      // of the certificate, in hexadecimal
	SPKI     string    `json:"spki_sha256"` // of its public key, in hexadecimal; stays at a renewal for the same key
	Pin      string    `json:"pin"`         // the same as curl --pinnedpubkey takes it
	Protocol string    `json:"protocol,omitempty"`
}

// LocalAuthority makes the local authority of the instance in o.Dir, or uses the one that
// is there, and has it sign the server's certificate for localhost, the listening host
// and more; see [web.MakeAuthority]. The folder is the returned one. The instance may
// serve meanwhile: it takes the certificate within seconds. It is for development: a
// production instance refuses unless accepted says that an operator wants it there.
func LocalAuthority(o Options, more []string, anew, accepted bool) (folder string, s Shown, err error) {
	c, err := o.config()
	if err != nil {
		return "", s, err
	}
	if c.Environment == strongroom.Production && !accepted {
		return "", s, strongroom.Faultf(strongroom.Denied, "local-authority", "a local authority is for development, and this instance is for production").
			Advise("use a certificate that clients trust already (docs/tls.md), or pass --i-accept-a-local-authority")
	}
	if c.TLS != "auto" {
		return "", s, strongroom.Faultf(strongroom.Conflict, "local-authority", "the instance takes its certificate from elsewhere").
			Advise("set tls: auto in %s", ConfigName)
	}
	hosts, err := c.ownHosts()
	if err != nil {
		return "", s, err
	}
	for _, h := range more {
		if !hostName(h) {
			return "", s, strongroom.Faultf(strongroom.Invalid, "host", "a host is a name or an address, without scheme and port")
		}
		hosts = append(hosts, strings.ToLower(h))
	}
	folder = filepath.Join(o.Dir, "tls")
	cert, err := web.MakeAuthority(folder, hosts, anew, time.Now())
	if err != nil {
		return "", s, err
	}
	return folder, shown("files", cert.Leaf), nil
}

// hostName reports whether s is an address, or a name of letters, digits and hyphens.
func hostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" ||
			label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// ShownCertificate returns the certificate of the instance in o.Dir: the one its server
// shows at address, or at the configured one if address is empty. Where nobody listens at
// the configured one it is that of the files, which a start would show.
func ShownCertificate(ctx context.Context, o Options, address string) (Shown, error) {
	if address != "" {
		return shake(ctx, address)
	}
	c, err := o.config()
	if err != nil {
		return Shown{}, err
	}
	if c.TLS == "off" {
		return Shown{}, strongroom.Faultf(strongroom.NotFound, "tls", "TLS is off in this instance, so no certificate is shown")
	}
	if s, err := shake(ctx, dialable(c.Listen)); err == nil {
		return s, nil
	}
	cert, err := c.storedCertificate(o.Dir)
	if err != nil {
		return Shown{}, err
	}
	return shown("files", cert.Leaf), nil
}

// storedCertificate reads the certificate that a start would show, without making one.
func (c *Config) storedCertificate(dir string) (tls.Certificate, error) {
	if c.TLS == "acme" {
		return acme.Stored(filepath.Join(dir, "tls"))
	}
	if c.TLS == "file" {
		return web.LoadCertificate(c.Certificate, c.CertificateKey)
	}
	file := filepath.Join(dir, "tls", "tls.crt")
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, strongroom.Faultf(strongroom.NotFound, "tls", "there is no certificate %s yet: the first start makes one", file).
			Advise("run: strongroom serve --data %s, or: strongroom tls ca --data %s", dir, dir)
	}
	return web.LoadCertificate(file, filepath.Join(dir, "tls", "tls.key"))
}

// dialable returns where this host reaches what listens on address.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip, bad := netip.ParseAddr(host); err == nil && (host == "" || bad == nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

func shake(ctx context.Context, address string) (Shown, error) {
	ctx, cancel := context.WithTimeout(ctx, shakeTime)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return Shown{}, strongroom.Faultf(strongroom.Invalid, "address", "the address must be host:port")
	}
	// Any certificate is taken, because it is looked at and nothing is sent.
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return Shown{}, strongroom.Faultf(strongroom.Unavailable, "address", "nobody answers there with TLS 1.2 or newer").
			Advise("start it: strongroom serve --data DIR")
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	s := shown(address, state.PeerCertificates[0])
	s.Protocol = tls.VersionName(state.Version)
	return s, nil
}

func shown(from string, leaf *x509.Certificate) Shown {
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	whole := sha256.Sum256(leaf.Raw)
	s := Shown{
		From: from, Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: append([]string{}, leaf.DNSNames...),
		Begins: leaf.NotBefore.UTC(), Ends: leaf.NotAfter.UTC(), Digest: hex.EncodeToString(whole[:]),
		SPKI: hex.EncodeToString(key[:]), Pin: "sha256//" + base64.StdEncoding.EncodeToString(key[:]),
	}
	for _, ip := range leaf.IPAddresses {
		s.Names = append(s.Names, ip.String())
	}
	return s
}
