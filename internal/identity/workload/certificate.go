package workload

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"strongroom"
)

// Certificate binds the key of a client certificate to a service.
type Certificate struct {
	// SPKI is the SHA-256 of the certificate's public key (its SubjectPublicKeyInfo,
	// RFC 5280, 4.1) in hexadecimal. A renewed certificate of the same key stays
	// bound.
	SPKI    string
	Service string // "svc_…"
}

func thumbprints(list []Certificate) (map[[32]byte]string, error) {
	out := map[[32]byte]string{}
	for _, c := range list {
		b, err := hex.DecodeString(c.SPKI)
		if err != nil || len(b) != 32 || !strings.HasPrefix(c.Service, "svc_") {
			return nil, bad("a certificate is the SHA-256 of its public key in hexadecimal, and a service by its id")
		}
		if _, there := out[[32]byte(b)]; there {
			return nil, bad("a certificate's key is bound once")
		}
		out[[32]byte(b)] = c.Service
	}
	return out, nil
}

// AuthenticateCertificate returns the actor of the service that a client
// certificate is bound to. The caller took the certificate from a finished TLS
// handshake, which proves that its key is in the caller's hands; who signed it does
// not matter, because the key itself is bound. source is the caller's address. The
// fault is Unauthenticated.
func (w *Workloads) AuthenticateCertificate(ctx context.Context, c *x509.Certificate, source netip.Addr) (strongroom.Actor, error) {
	service, err := w.holder(c)
	if err != nil {
		w.o.Refused(ctx, source, "certificate")
		return strongroom.Actor{}, err
	}
	return w.o.Services.Service(ctx, service, source)
}

func (w *Workloads) holder(c *x509.Certificate) (string, error) {
	if c == nil {
		return "", refused("certificate", "the call carries no client certificate")
	}
	service, ok := w.certs[sha256.Sum256(c.RawSubjectPublicKeyInfo)]
	if !ok {
		return "", refused("certificate", "the certificate is of no service that is bound to it")
	}
	if now := w.o.Real.Now(); now.Before(c.NotBefore) || !now.Before(c.NotAfter) {
		return "", refused("certificate", "the certificate is not good now")
	}
	if c.IsCA || !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return "", refused("certificate", "the certificate is not one of a client")
	}
	return service, nil
}
