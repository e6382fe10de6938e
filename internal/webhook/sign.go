package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/seal"
)

// Secret signs messages to one endpoint, as of Standard Webhooks 1.0.0: "whsec_"
// and 32 random bytes in Base64. It does not print.
type Secret struct{ seal.Secret }

const secretPrefix = "whsec_"

// newSecret returns a fresh secret of 256 bits.
func newSecret() Secret {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	return secretOf(b[:])
}

func secretOf(raw []byte) Secret {
	return Secret{seal.SecretFrom(secretPrefix + base64.StdEncoding.EncodeToString(raw))}
}

// raw returns the bytes that sign.
func (s Secret) raw() []byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
	if err != nil {
		return nil // ours are always well formed
	}
	return b
}

// The headers of a message, as of Standard Webhooks 1.0.0.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Sign sets the three headers of a message: its id, which is the same for every
// try; the real time of this try; and a signature over both and the body for each
// of the secrets, the newest first, so that a receiver may change its secret at
// leisure.
func Sign(h http.Header, id string, at time.Time, body []byte, secrets ...Secret) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var list []string
	for _, s := range secrets {
		mac := hmac.New(sha256.New, s.raw())
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set(headerID, id)
	h.Set(headerTimestamp, stamp)
	h.Set(headerSignature, strings.Join(list, " "))
}
