package signal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha1" // eBay signs its notifications so
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"strongroom"
)

// Secret is what a sender and we share. It does not print. The zero Secret is empty.
type Secret struct{ b []byte }

const redacted = "[secret]"

// NewSecret returns the secret of a text.
func NewSecret(text string) Secret { return Secret{[]byte(text)} }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return len(s.b) == 0 }

// Reveal returns the text, to be sealed.
func (s Secret) Reveal() string { return string(s.b) }

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Sender is what is registered of one sender: an application at a platform.
type Sender struct {
	// Secret is the application's client secret, for EcartAPI the value of the
	// Authorization header, for eBay the verification token.
	Secret Secret
	// Endpoint is eBay's alone: the address it was told, to the letter.
	Endpoint string
	// Key is eBay's alone: its public key, in PEM.
	Key *ecdsa.PublicKey
}

// ParseKey reads a public key in PEM, also without lines and with the marks that
// eBay's interface writes it with. The fault is Invalid.
func ParseKey(text string) (*ecdsa.PublicKey, error) {
	bad := strongroom.Faultf(strongroom.Invalid, "public-key", "the public key is not one of ECDSA P-256 in PEM")
	const head, tail = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
	_, rest, ok := strings.Cut(text, head)
	inner, _, end := strings.Cut(rest, tail)
	if !ok || !end || len(text) > 4096 {
		return nil, bad
	}
	block, _ := pem.Decode([]byte(head + "\n" + strings.Join(strings.Fields(inner), "\n") + "\n" + tail + "\n"))
	if block == nil {
		return nil, bad
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, bad
	}
	if k, ok := key.(*ecdsa.PublicKey); ok && k.Curve == elliptic.P256() {
		return k, nil
	}
	return nil, bad
}

// signatureHeader is where a platform's signature stands.
func signatureHeader(p Platform) string {
	switch p {
	case Shopify:
		return "X-Shopify-Hmac-Sha256"
	case Shopline:
		return "X-Shopline-Hmac-Sha256"
	case Tiendanube:
		return "X-Linkedstore-Hmac-Sha256"
	case EBay:
		return "X-Ebay-Signature"
	}
	return "Authorization"
}

// Signed reports whether a message brings a proof of its sender, right or wrong.
func (k Kind) Signed(h http.Header) bool { return h.Get(signatureHeader(k.Platform)) != "" }

// Verify returns nil if the message comes from the sender, else a fault of kind
// Unauthenticated. It does not say what is wrong with a signature.
func (k Kind) Verify(m Message, s Sender) error {
	given := m.Header.Get(signatureHeader(k.Platform))
	right := false
	switch k.Platform {
	case Shopify:
		right = s.hmac(m.Body, given, fromBase64)
	case Tiendanube:
		right = s.hmac(m.Body, given, hex.DecodeString)
	case Shopline: // its pages show base64, its other signatures are hexadecimal
		right = s.hmac(m.Body, given, fromBase64) || s.hmac(m.Body, given, hex.DecodeString)
	case EBay:
		right = s.ecdsa(m.Body, given)
	case EcartAPI:
		right = s.shown(given)
	}
	if !right {
		return Forged()
	}
	return nil
}

// Forged is the fault of a message whose sender is not proved.
func Forged() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "signal-signature", "the signal is not signed by a sender that is registered").
		Advise("register the sender's secret with: strongroom signal secret set")
}

func fromBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

// hmac reports whether given is the HMAC-SHA-256 of the body under the secret.
func (s Sender) hmac(body []byte, given string, decode func(string) ([]byte, error)) bool {
	sum, err := decode(given)
	if err != nil || s.Secret.IsZero() {
		return false
	}
	h := hmac.New(sha256.New, s.Secret.b)
	h.Write(body)
	return hmac.Equal(sum, h.Sum(nil))
}

// shown reports whether the secret itself is shown, bare or as a bearer's.
func (s Sender) shown(given string) bool {
	if scheme, rest, ok := strings.Cut(given, " "); ok && strings.EqualFold(scheme, "Bearer") {
		given = strings.TrimSpace(rest)
	}
	if s.Secret.IsZero() {
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256(s.Secret.b) // of one length, whatever was shown
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// ecdsa reports whether given is eBay's signature of the body: base64 of a JSON object
// with the signature (ECDSA in ASN.1 over SHA-1 or SHA-256) in it.
func (s Sender) ecdsa(body []byte, given string) bool {
	if s.Key == nil || len(given) > 2048 {
		return false
	}
	text, err := fromBase64(given)
	if err != nil {
		return false
	}
	var sig struct{ Alg, Signature, Digest string }
	if json.Unmarshal(text, &sig) != nil || !strings.EqualFold(sig.Alg, "ecdsa") {
		return false
	}
	raw, err := fromBase64(sig.Signature)
	if err != nil {
		return false
	}
	var sum []byte
	switch strings.ToUpper(sig.Digest) {
	case "SHA1":
		h := sha1.Sum(body)
		sum = h[:]
	case "SHA256":
		h := sha256.Sum256(body)
		sum = h[:]
	default:
		return false
	}
	return ecdsa.VerifyASN1(s.Key, sum, raw)
}
