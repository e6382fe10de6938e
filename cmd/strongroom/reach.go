package main

import (
	"crypto/x509"
	"errors"
	"strings"

	"strongroom"
)

// The words net/http has for the two ways to mistake one protocol for the other; it
// has no errors for them.
const (
	plainAnswer  = "server gave HTTP response to HTTPS client"
	plainRequest = "Client sent an HTTP request to an HTTPS server"
)

// unreached says why a server did not answer and what the person at this machine can
// do about it.
func (c *client) unreached(cause error) error {
	fault := strongroom.Faultf(strongroom.Unavailable, "server", "the instance did not answer")
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(cause, &unknown):
		return strongroom.Faultf(strongroom.Unavailable, "certificate", "this system does not know who made the certificate of %s", c.base).
			Advise("name the certificate with --ca FILE or STRONGROOM_CA; that of tls: auto is tls/tls.crt in the data folder of the server")
	case errors.As(cause, &name):
		return strongroom.Faultf(strongroom.Unavailable, "certificate", "the certificate of %s is for another host", c.base).
			Advise("name the server as its certificate does")
	case errors.As(cause, &invalid):
		return strongroom.Faultf(strongroom.Unavailable, "certificate", "the certificate of %s is not good", c.base).Because(invalid)
	case strings.Contains(cause.Error(), plainAnswer):
		return strongroom.Faultf(strongroom.Invalid, "server", "%s speaks HTTP without TLS", c.base).
			Advise("a test instance on loopback is named by http://")
	}
	if c.base != overSocket {
		fault = fault.Advise("see that it is served, and that host and port are right")
	}
	return fault.Because(cause)
}

// overPlain returns a fault if an answer that is no problem document says that the
// server wants TLS, else nil.
func (c *client) overPlain(text []byte) error {
	if !strings.Contains(string(text), plainRequest) {
		return nil
	}
	return strongroom.Faultf(strongroom.Invalid, "server", "%s speaks HTTPS alone", c.base).
		Advise("name it as %s", "https://"+strings.TrimPrefix(c.base, "http://"))
}
