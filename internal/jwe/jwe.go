// Package jwe seals messages to a public key and opens them: JSON Web Encryption
// (RFC 7516) in the compact serialization, with ECDH-ES+A256KW on P-256 and A256GCM
// (RFC 7518), and nothing else. It is for personal data that crosses a hop where TLS
// ends before the recipient (DPP 2.5.4).
//
// A header is read strictly: it holds alg, enc, kid, epk and may hold cty, typ, iat and
// jti. No compression, no key or certificate inside, no address of one, no extension:
// each of them is refused before anything is decrypted.
package jwe

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"strongroom"
)

// Type is the media type of a sealed message.
const Type = "application/jose"

// headerMost bounds the header of a message, and jwkMost a key, in bytes.
const (
	headerMost = 2048
	jwkMost    = 4096
)

// PublicKey is whom a message is sealed to. It is immutable.
type PublicKey struct {
	key *ecdsa.PublicKey
	kid string
}

// PrivateKey opens messages. It does not print.
type PrivateKey struct {
	key *ecdsa.PrivateKey
	pub PublicKey
}

func bad(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "message-key", "%s", what).Advise("give an EC key on P-256 as a JWK (RFC 7517), without its private part")
}

// ParsePublic reads a JWK of an EC key on P-256. A private key is refused: nobody else
// should have it. Faults: Invalid message-key.
func ParsePublic(text []byte) (PublicKey, error) {
	var k jose.JSONWebKey
	if len(text) > jwkMost || k.UnmarshalJSON(text) != nil || !k.Valid() {
		return PublicKey{}, bad("this is no key")
	}
	if !k.IsPublic() {
		return PublicKey{}, bad("this is a private key, which must not leave its owner")
	}
	if k.Use != "" && k.Use != "enc" || k.Algorithm != "" && k.Algorithm != string(jose.ECDH_ES_A256KW) {
		return PublicKey{}, bad("this key is for another use")
	}
	key, ok := k.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return PublicKey{}, bad("this key is of another kind")
	}
	return publicOf(key)
}

func publicOf(key *ecdsa.PublicKey) (PublicKey, error) {
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, bad("this key has no thumbprint")
	}
	return PublicKey{key, base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// KID is the key's id: its thumbprint (RFC 7638, SHA-256) in Base64.
func (k PublicKey) KID() string { return k.kid }

// IsZero reports whether there is no key.
func (k PublicKey) IsZero() bool { return k.key == nil }

// JWK returns the key as a JWK, with its id, use and algorithm.
func (k PublicKey) JWK() json.RawMessage {
	text, err := (&jose.JSONWebKey{Key: k.key, KeyID: k.kid, Use: "enc", Algorithm: string(jose.ECDH_ES_A256KW)}).MarshalJSON()
	if err != nil {
		panic(err) // a key on P-256 always has one
	}
	return text
}

// Seal seals a text of a media type to the key. id and at go into the header where id is
// not empty, against replay.
func (k PublicKey) Seal(text []byte, contentType, id string, at time.Time) (string, error) {
	o := (&jose.EncrypterOptions{}).WithContentType(jose.ContentType(strings.TrimPrefix(contentType, "application/")))
	if id != "" {
		o = o.WithHeader("jti", id).WithHeader("iat", at.Unix())
	}
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: k.key, KeyID: k.kid}, o)
	if err != nil {
		return "", fmt.Errorf("seal a message: %w", err)
	}
	m, err := e.Encrypt(text)
	if err != nil {
		return "", fmt.Errorf("seal a message: %w", err)
	}
	return m.CompactSerialize()
}

// NewPrivate makes a key.
func NewPrivate() (PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return PrivateKey{}, err
	}
	return privateOf(key)
}

func privateOf(key *ecdsa.PrivateKey) (PrivateKey, error) {
	pub, err := publicOf(&key.PublicKey)
	return PrivateKey{key, pub}, err
}

// ParsePrivate reads what [PrivateKey.Expose] wrote.
func ParsePrivate(raw []byte) (PrivateKey, error) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return PrivateKey{}, bad("this is no private key")
	}
	return privateOf(key)
}

// Expose returns the key's 32 bytes, to be sealed.
func (k PrivateKey) Expose() ([]byte, error) { return k.key.Bytes() }

// Public returns whom messages to the key are sealed to.
func (k PrivateKey) Public() PublicKey { return k.pub }

const redacted = "[private key]"

// Format keeps the key out of texts.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the key out of logs.
func (PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps the key out of JSON.
func (PrivateKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Header is what a message says of itself before it is opened.
type Header struct {
	Algorithm   string          `json:"alg"`
	Encryption  string          `json:"enc"`
	KeyID       string          `json:"kid"`
	Ephemeral   json.RawMessage `json:"epk"`
	ContentType string          `json:"cty,omitempty"`
	Type        string          `json:"typ,omitempty"`
	Issued      int64           `json:"iat,omitempty"` // Unix seconds
	ID          string          `json:"jti,omitempty"`
}

func malformed(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "message", "the sealed message %s", what).
		Advise("seal it as JWE, compact, with ECDH-ES+A256KW and A256GCM, to a key of /.well-known/jwks.json")
}

// ReadHeader reads a message's header strictly. Faults: Invalid message.
func ReadHeader(message []byte) (h Header, err error) {
	head, _, found := bytes.Cut(message, []byte("."))
	if !found || len(head) > headerMost || bytes.Count(message, []byte(".")) != 4 {
		return h, malformed("is not of five parts")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(string(head))
	if err != nil {
		return h, malformed("has no header")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil || d.More() {
		return h, malformed("has a header with more than alg, enc, kid, epk, cty, typ, iat and jti")
	}
	if h.Algorithm != string(jose.ECDH_ES_A256KW) || h.Encryption != string(jose.A256GCM) || h.KeyID == "" || len(h.KeyID) > 128 || len(h.ID) > 128 {
		return h, malformed("is sealed another way")
	}
	return h, nil
}

// Open opens a message whose header was read. Faults: Invalid message, which does not say
// what was wrong inside.
func (k PrivateKey) Open(message []byte) ([]byte, error) {
	m, err := jose.ParseEncryptedCompact(string(message), []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, malformed("cannot be read")
	}
	text, err := m.Decrypt(k.key)
	if err != nil {
		return nil, malformed("does not open")
	}
	return text, nil
}
