package factor_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Flags of authenticator data (WebAuthn, 6.1).
const (
	flagUP = 1 << 0
	flagUV = 1 << 2
	flagBE = 1 << 3
	flagBS = 1 << 4
	flagAT = 1 << 6
)

var b64 = base64.RawURLEncoding

// device is an authenticator and a browser in software, with every lie they
// could tell as a field.
type device struct {
	key    crypto.Signer
	id     []byte
	handle []byte
	rpID   string // signed for this relying party
	origin string // at this address
	flags  byte
	count  uint32 // sent as it is; the test moves it
	kind   string // of client data; empty for the right one
	bend   func(signature []byte)
}

func newDevice(t testing.TB, edwards bool) *device {
	t.Helper()
	d := &device{id: make([]byte, 32), rpID: "vault.example.com", origin: "https://vault.example.com", flags: flagUP | flagUV}
	rand.Read(d.id)
	var err error
	if edwards {
		_, d.key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		d.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cose is the public key as authenticators write it (RFC 9053).
func (d *device) cose(t testing.TB) []byte {
	t.Helper()
	var m map[int]any
	switch pub := d.key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		m = map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}
	case ed25519.PublicKey:
		m = map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(pub)}
	}
	return cbor(t, m)
}

func cbor(t testing.TB, v any) []byte {
	t.Helper()
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (d *device) authData(flags byte) []byte {
	hash := sha256.Sum256([]byte(d.rpID))
	b := append(hash[:], flags)
	return binary.BigEndian.AppendUint32(b, d.count)
}

func (d *device) clientData(t testing.TB, kind, challenge string) []byte {
	t.Helper()
	if d.kind != "" {
		kind = d.kind
	}
	return marshal(t, map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
}

// options is what both kinds of options have in common.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

// create answers navigator.credentials.create.
func (d *device) create(t testing.TB, wire []byte) []byte {
	t.Helper()
	var o options
	unmarshal(t, wire, &o)
	var err error
	if d.handle, err = b64.DecodeString(o.PublicKey.User.ID); err != nil {
		t.Fatal(err)
	}
	data := d.authData(d.flags | flagAT)
	data = append(data, make([]byte, 16)...) // no model
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), d.cose(t)...)
	object := cbor(t, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return marshal(t, map[string]any{
		"id": b64.EncodeToString(d.id), "rawId": b64.EncodeToString(d.id), "type": "public-key",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"response": map[string]any{
			"clientDataJSON":    b64.EncodeToString(d.clientData(t, "webauthn.create", o.PublicKey.Challenge)),
			"attestationObject": b64.EncodeToString(object),
		},
	})
}

// get answers navigator.credentials.get.
func (d *device) get(t testing.TB, wire []byte) []byte {
	t.Helper()
	var o options
	unmarshal(t, wire, &o)
	client := d.clientData(t, "webauthn.get", o.PublicKey.Challenge)
	data := d.authData(d.flags)
	hash := sha256.Sum256(client)
	signed := append(append([]byte{}, data...), hash[:]...)
	digest, how := signed, crypto.Hash(0)
	if _, ok := d.key.(*ecdsa.PrivateKey); ok {
		sum := sha256.Sum256(signed)
		digest, how = sum[:], crypto.SHA256
	}
	sig, err := d.key.Sign(rand.Reader, digest, how)
	if err != nil {
		t.Fatal(err)
	}
	if d.bend != nil {
		d.bend(sig)
	}
	response := map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(sig),
	}
	if d.handle != nil {
		response["userHandle"] = b64.EncodeToString(d.handle)
	}
	return marshal(t, map[string]any{
		"id": b64.EncodeToString(d.id), "rawId": b64.EncodeToString(d.id), "type": "public-key",
		"clientExtensionResults": map[string]any{}, "response": response,
	})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unmarshal(t testing.TB, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}
