package session_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"strongroom/internal/factor"
)

// Flags of authenticator data (WebAuthn, 6.1).
const (
	flagUP = 1 << 0
	flagUV = 1 << 2
	flagAT = 1 << 6
)

var b64 = base64.RawURLEncoding

var relying = factor.Relying{ID: "vault.example.com", Origins: []string{"https://vault.example.com"}, Name: "Strongroom"}

// authenticator is a passkey and a browser in software.
type authenticator struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	flags  byte
	count  uint32
}

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authenticator{key: key, id: make([]byte, 32), flags: flagUP | flagUV}
	rand.Read(a.id)
	return a
}

// wire is what both kinds of options have in common.
type wire struct {
	PublicKey struct {
		Challenge        string           `json:"challenge"`
		AllowCredentials []map[string]any `json:"allowCredentials"`
		User             struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

func (a *authenticator) data(flags byte) []byte {
	hash := sha256.Sum256([]byte(relying.ID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.count)
}

func clientData(t testing.TB, kind, challenge string) []byte {
	return encode(t, map[string]any{"type": kind, "challenge": challenge, "origin": relying.Origins[0], "crossOrigin": false})
}

// create answers navigator.credentials.create.
func (a *authenticator) create(t testing.TB, options []byte) []byte {
	t.Helper()
	o := decode[wire](t, options)
	var err error
	if a.handle, err = b64.DecodeString(o.PublicKey.User.ID); err != nil {
		t.Fatal(err)
	}
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	data := append(a.data(a.flags|flagAT), make([]byte, 16)...) // no model
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), cbor(t, map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})...)
	return encode(t, map[string]any{
		"id": b64.EncodeToString(a.id), "rawId": b64.EncodeToString(a.id), "type": "public-key",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"response": map[string]any{
			"clientDataJSON":    b64.EncodeToString(clientData(t, "webauthn.create", o.PublicKey.Challenge)),
			"attestationObject": b64.EncodeToString(cbor(t, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})),
		},
	})
}

// get answers navigator.credentials.get.
func (a *authenticator) get(t testing.TB, options []byte) []byte {
	t.Helper()
	client := clientData(t, "webauthn.get", decode[wire](t, options).PublicKey.Challenge)
	data := a.data(a.flags)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, map[string]any{
		"id": b64.EncodeToString(a.id), "rawId": b64.EncodeToString(a.id), "type": "public-key",
		"clientExtensionResults": map[string]any{}, "response": map[string]any{
			"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
			"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(a.handle),
		},
	})
}

func cbor(t testing.TB, v any) []byte {
	t.Helper()
	return must(webauthncbor.Marshal(v))(t)
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	return must(json.Marshal(v))(t)
}

func decode[T any](t testing.TB, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// must fails the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
