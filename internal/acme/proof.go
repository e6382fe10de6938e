package acme

import (
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"

	"strongroom"
)

// Asks reports whether a hello asks for a proof and for nothing else (RFC 8737).
func Asks(hello *tls.ClientHelloInfo) bool {
	return slices.Equal(hello.SupportedProtos, []string{Protocol})
}

// Answer returns the proof that a hello asks for; a fault if none is due.
func (c *Client) Answer(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.proofs.RLock()
	defer c.proofs.RUnlock()
	if cert := c.shakes[strings.ToLower(hello.ServerName)]; cert != nil {
		return cert, nil
	}
	return nil, strongroom.Faultf(strongroom.NotFound, "acme", "no proof is due for this host")
}

// Challenges answers plain HTTP: with proofs while they are due, at / with a redirect to
// home, and with a refusal elsewhere. What a client sends here is not encrypted, so a call
// is not led on as if nothing had happened.
func (c *Client) Challenges(home string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Connection", "close")
		c.proofs.RLock()
		answer, due := c.files[r.URL.Path]
		c.proofs.RUnlock()
		switch reads := r.Method == http.MethodGet || r.Method == http.MethodHead; {
		case reads && due:
			h.Set("Content-Type", "application/octet-stream")
			_, _ = io.WriteString(w, answer) // who went away is not told
		case reads && r.URL.Path == "/" && r.URL.RawQuery == "":
			h.Set("Location", home)
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			h.Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "Plain HTTP is not served here; use https.\n") // likewise
		}
	})
}
