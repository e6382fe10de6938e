package device

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// maxProof is the longest signed proof, in bytes; real ones have about 400.
const maxProof = 4096

// signed is a proof whose signature is good.
type signed struct {
	spki   []byte // the key it was signed with, in PKIX form
	number string // used once
	at     time.Time
}

// proofHeader and proofClaims are the two halves of a proof: a DPoP proof of
// RFC 9449 with the path of the call as htu.
type proofHeader struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	Key       struct {
		Type  string `json:"kty"`
		Curve string `json:"crv"`
		X     string `json:"x"`
		Y     string `json:"y"`
		D     string `json:"d"`
	} `json:"jwk"`
}

type proofClaims struct {
	Method string  `json:"htm"`
	Path   string  `json:"htu"`
	At     float64 `json:"iat"` // seconds since 1970
	Number string  `json:"jti"`
}

// Bounds of the number used once, in characters.
const minNumber, maxNumber = 16, 128

// readProof checks the form, the signature, the call and the time of a signed
// proof. Whether its key is known and its number new is for the caller.
func readProof(e Evidence, now time.Time) (signed, error) {
	if e.Header == "" {
		return signed{}, badProof("is missing")
	}
	parts := strings.Split(e.Header, ".")
	if len(e.Header) > maxProof || len(parts) != 3 {
		return signed{}, badProof("has no form we know")
	}
	var h proofHeader
	var c proofClaims
	if !decode(parts[0], &h) || !decode(parts[1], &c) {
		return signed{}, badProof("has no form we know")
	}
	if h.Type != "dpop+jwt" || h.Algorithm != "ES256" || h.Key.Type != "EC" || h.Key.Curve != "P-256" || h.Key.D != "" {
		return signed{}, badProof("must be ES256 with a public key of P-256")
	}
	spki, key := publicKey(h.Key.X, h.Key.Y)
	if key == nil {
		return signed{}, badProof("holds no key of P-256")
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return signed{}, badProof("has no signature")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return signed{}, badProof("has a signature that does not verify")
	}
	if c.Method != e.Method || c.Path != e.Path {
		return signed{}, badProof("is of another call")
	}
	if len(c.Number) < minNumber || len(c.Number) > maxNumber {
		return signed{}, badProof("needs a number used once, of 16 to 128 characters")
	}
	if c.At < 0 || c.At > 1<<40 {
		return signed{}, badProof("is too old or of the future")
	}
	at := time.UnixMilli(int64(c.At * 1000)).UTC()
	if d := now.Sub(at); d > Skew || d < -Skew {
		return signed{}, badProof("is too old or of the future")
	}
	return signed{spki: spki, number: c.Number, at: at}, nil
}

// decode reads one half of a proof: one JSON object in base64.
func decode(part string, into any) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	return d.Decode(into) == nil && !d.More()
}

// publicKey reads the coordinates of a point of P-256.
func publicKey(x, y string) (spki []byte, key *ecdsa.PublicKey) {
	xb, err := base64.RawURLEncoding.Strict().DecodeString(x)
	if err != nil || len(xb) != 32 {
		return nil, nil
	}
	yb, err := base64.RawURLEncoding.Strict().DecodeString(y)
	if err != nil || len(yb) != 32 {
		return nil, nil
	}
	key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, xb...), yb...))
	if err != nil {
		return nil, nil
	}
	spki, err = x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, nil
	}
	return spki, key
}
