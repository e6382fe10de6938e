package people_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"strongroom/internal/factor"
)

// codeOf is the code an authenticator app shows (RFC 6238), by these tests' own
// means.
func codeOf(t testing.TB, s factor.TOTPSecret, at time.Time) string {
	t.Helper()
	mac := hmac.New(sha1.New, s.Expose(nil))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// Flags of authenticator data (WebAuthn, 6.1).
const (
	present  = 1 << 0
	verified = 1 << 2
	attested = 1 << 6
)

var b64 = base64.RawURLEncoding

// device is an authenticator and a browser in software.
type device struct {
	key   *ecdsa.PrivateKey
	id    []byte
	flags byte
	count uint32
}

func newDevice(t testing.TB) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &device{key: key, id: make([]byte, 32), flags: present | verified}
	rand.Read(d.id)
	return d
}

func (d *device) data(flags byte) []byte {
	hash := sha256.Sum256([]byte("vault.example.com"))
	d.count++
	return binary.BigEndian.AppendUint32(append(hash[:], flags), d.count)
}

func client(t testing.TB, kind string, wire []byte) []byte {
	t.Helper()
	var o struct {
		PublicKey struct {
			Challenge string `json:"challenge"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(wire, &o); err != nil {
		t.Fatal(err)
	}
	return encode(t, map[string]any{"type": kind, "challenge": o.PublicKey.Challenge, "origin": "https://vault.example.com", "crossOrigin": false})
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// create answers navigator.credentials.create.
func (d *device) create(t testing.TB, wire []byte) []byte {
	t.Helper()
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	data := append(d.data(d.flags|attested), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, map[string]any{
		"id": b64.EncodeToString(d.id), "rawId": b64.EncodeToString(d.id), "type": "public-key",
		"response": map[string]any{
			"clientDataJSON": b64.EncodeToString(client(t, "webauthn.create", wire)), "attestationObject": b64.EncodeToString(object),
		},
	})
}

// get answers navigator.credentials.get.
func (d *device) get(t testing.TB, wire []byte, handle string) []byte {
	t.Helper()
	said, data := client(t, "webauthn.get", wire), d.data(d.flags)
	hash := sha256.Sum256(said)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, map[string]any{
		"id": b64.EncodeToString(d.id), "rawId": b64.EncodeToString(d.id), "type": "public-key",
		"response": map[string]any{
			"clientDataJSON": b64.EncodeToString(said), "authenticatorData": b64.EncodeToString(data),
			"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString([]byte(handle)),
		},
	})
}
