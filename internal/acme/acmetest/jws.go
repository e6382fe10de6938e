package acmetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
)

// open verifies a signed request (RFC 8555, 6.2): the signature, the URL, and a nonce
// that was given out and not used. It returns the payload, and the account's URL or key.
func (a *Authority) open(r *http.Request) (body []byte, kid string, key *ecdsa.PublicKey, err error) {
	var jws struct{ Protected, Payload, Signature string }
	if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
		return nil, "", nil, errors.New("malformed")
	}
	var head struct {
		Alg, Kid, Nonce, URL string
		JWK                  *struct{ X, Y string }
	}
	text, _ := base64.RawURLEncoding.DecodeString(jws.Protected)
	if err := json.Unmarshal(text, &head); err != nil || head.Alg != "ES256" || head.URL != a.server.URL+r.URL.Path {
		return nil, "", nil, errors.New("malformed")
	}
	if !a.nonces[head.Nonce] || a.stale > 0 {
		a.stale = max(0, a.stale-1)
		return nil, "", nil, errors.New("badNonce")
	}
	a.nonces[head.Nonce] = false
	if key = a.known[head.Kid]; head.JWK != nil {
		point := append(append([]byte{4}, decode(head.JWK.X)...), decode(head.JWK.Y)...)
		if key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
			return nil, "", nil, errors.New("badPublicKey")
		}
	}
	sig, _ := base64.RawURLEncoding.DecodeString(jws.Signature)
	sum := sha256.Sum256([]byte(jws.Protected + "." + jws.Payload))
	if key == nil || len(sig) != 64 || !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return nil, "", nil, errors.New("unauthorized")
	}
	body, err = base64.RawURLEncoding.DecodeString(jws.Payload)
	return body, head.Kid, key, err
}

func decode(s string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(s) // what is none is no point
	return b
}
