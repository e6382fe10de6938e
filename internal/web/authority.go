package web

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"time"

	"strongroom"
)

const (
	authorityName = "strongroom local authority"
	leafName      = "strongroom"
	authorityLife = 3 * 365 * 24 * time.Hour
)

// MakeAuthority makes a certificate authority for development in dir, ca.crt and ca.key
// (0600), and has it sign the certificate of the server, tls.crt, for hosts. It may sign
// for these hosts alone (its name constraints say so), for servers alone, and for no
// other authority. One that is there signs again; for a host it may not sign for it is a
// Conflict, unless anew replaces it, and who trusted the old one must be told of the new
// one. now is real time. It must not run twice at a time for one dir.
func MakeAuthority(dir string, hosts []string, anew bool, now time.Time) (tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Unavailable, "tls", "the folder of the TLS certificate cannot be made").Because(bare(err))
	}
	certFile, keyFile := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	if old, err := readLeaf(filepath.Join(dir, "tls.crt")); err == nil && !ownMake(old) {
		return tls.Certificate{}, strongroom.Faultf(strongroom.Conflict, "tls", "the certificate in the folder was not made here").
			Advise("move it away, or set tls: file and name it there")
	}
	if missing(certFile) || anew {
		if err := makeAuthority(certFile, keyFile, hosts, now); err != nil {
			return tls.Certificate{}, err
		}
	}
	return issue(dir, hosts, now)
}

func makeAuthority(certFile, keyFile string, hosts []string, now time.Time) error {
	key, err := EnsureKey(keyFile)
	if err != nil {
		return err
	}
	t, err := template(authorityName, authorityLife, now)
	if err != nil {
		return err
	}
	t.IsCA, t.MaxPathLenZero, t.KeyUsage = true, true, x509.KeyUsageCertSign
	constrain(t, hosts)
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	if err := ReplaceFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "tls", "the certificate of the authority cannot be written").Because(bare(err))
	}
	return nil
}

// constrain keeps an authority to hosts (RFC 5280, 4.2.1.10). A kind of name that is not
// among them is closed too: what a constraint does not speak of is allowed.
func constrain(t *x509.Certificate, hosts []string) {
	var of x509.Certificate
	name(&of, hosts)
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains = of.DNSNames
	if len(of.DNSNames) == 0 {
		t.PermittedDNSDomains = []string{"invalid"} // RFC 6761: nobody's
	}
	for _, ip := range of.IPAddresses {
		if four := ip.To4(); four != nil {
			ip = four
		}
		t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	if len(of.IPAddresses) == 0 {
		t.ExcludedIPRanges = []*net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}}
	}
}

// authority returns the authority of dir and its key, nil if there is none.
func authority(dir string, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	certFile, keyFile := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	if missing(certFile) {
		return nil, nil, nil
	}
	pair, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		return nil, nil, strongroom.Faultf(strongroom.Conflict, "tls", "the local authority cannot sign: its certificate and key do not belong together or cannot be read").
			Advise("make it anew: strongroom tls ca --anew").Because(err)
	}
	if !pair.Leaf.IsCA || now.Add(24*time.Hour).After(pair.Leaf.NotAfter) {
		return nil, nil, strongroom.Faultf(strongroom.Conflict, "tls", "the local authority is over").
			Advise("make it anew and have it trusted: strongroom tls ca --anew")
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, nil, strongroom.Faultf(strongroom.Invalid, "tls", "the key of the local authority cannot sign")
	}
	return pair.Leaf, signer, nil
}

// covers reports whether a's constraints allow every name and address of t, as whoever
// verifies will judge.
func covers(a, t *x509.Certificate) bool {
	dns, ips := map[string]bool{}, map[string]bool{}
	for _, d := range a.PermittedDNSDomains {
		dns[d] = true
	}
	for _, n := range a.PermittedIPRanges {
		ips[n.IP.String()] = true
	}
	for _, d := range t.DNSNames {
		if !dns[d] {
			return false
		}
	}
	for _, ip := range t.IPAddresses {
		if !ips[ip.String()] {
			return false
		}
	}
	return true
}
