package jwe_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/jwe"
)

func key(t testing.TB) jwe.PrivateKey {
	t.Helper()
	k, err := jwe.NewPrivate()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestObligation_2_5_4_SealedMessagesOpen: what is sealed opens with the key alone, by
// this package and by a reading of the standard that shares no code with it.
func TestObligation_2_5_4_SealedMessagesOpen(t *testing.T) {
	k := key(t)
	const text = `{"name":"Anacleta"}`
	m, err := k.Public().Seal([]byte(text), "application/json", "msg_1", time.Unix(1_800_000_000, 0))
	if err != nil || strings.Contains(m, "Anacleta") {
		t.Fatalf("%s, %v", m, err)
	}
	h, err := jwe.ReadHeader([]byte(m))
	if err != nil || h.KeyID != k.Public().KID() || h.ContentType != "json" || h.ID != "msg_1" || h.Issued != 1_800_000_000 {
		t.Errorf("%+v, %v", h, err)
	}
	if got, err := k.Open([]byte(m)); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	if got := byHand(t, k, m); got != text {
		t.Errorf("by hand: %q", got)
	}
	if _, err := key(t).Open([]byte(m)); err == nil {
		t.Error("another key opens it")
	}
	raw, err := k.Expose()
	if err != nil {
		t.Fatal(err)
	}
	again, err := jwe.ParsePrivate(raw)
	if err != nil || again.Public().KID() != k.Public().KID() {
		t.Errorf("%v", err)
	}
	pub, err := jwe.ParsePublic(k.Public().JWK())
	if err != nil || pub.KID() != k.Public().KID() {
		t.Errorf("%v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(s, base64.StdEncoding.EncodeToString(raw)) || !strings.Contains(s, "[private key]") {
		t.Error("the key prints")
	}
}

// byHand opens a message by RFC 7518, 4.6 and 5.3, and RFC 3394.
func byHand(t *testing.T, k jwe.PrivateKey, m string) string {
	t.Helper()
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	part := strings.Split(m, ".")
	dec := func(i int) []byte { return must(base64.RawURLEncoding.DecodeString(part[i])) }
	var head struct{ Epk struct{ X, Y string } }
	if err := json.Unmarshal(dec(0), &head); err != nil {
		t.Fatal(err)
	}
	x := must(base64.RawURLEncoding.DecodeString(head.Epk.X))
	y := must(base64.RawURLEncoding.DecodeString(head.Epk.Y))
	epk, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), y...))
	if err != nil {
		t.Fatal(err)
	}
	own, err := ecdh.P256().NewPrivateKey(must(k.Expose()))
	if err != nil {
		t.Fatal(err)
	}
	z := must(own.ECDH(epk))
	length := func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
	info := append(length([]byte("ECDH-ES+A256KW")), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0) // no apu, no apv, 256 bits
	kek := sha256.Sum256(append(append([]byte{0, 0, 0, 1}, z...), info...))
	block, err := aes.NewCipher(unwrap(t, kek[:], dec(1)))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return string(must(aead.Open(nil, dec(2), append(dec(3), dec(4)...), []byte(part[0]))))
}

// unwrap is AES Key Unwrap, RFC 3394.
func unwrap(t *testing.T, kek, wrapped []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	n := len(wrapped)/8 - 1
	a, r := bytes.Clone(wrapped[:8]), bytes.Clone(wrapped[8:])
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(a)^uint64(n*j+i))
			b := append(bytes.Clone(a), r[8*(i-1):8*i]...)
			block.Decrypt(b, b)
			copy(a, b[:8])
			copy(r[8*(i-1):], b[8:])
		}
	}
	if !bytes.Equal(a, bytes.Repeat([]byte{0xa6}, 8)) {
		t.Fatal("the key does not unwrap")
	}
	return r
}

// What is sealed another way, or says more than it may, is refused before it is opened.
func TestHeadersAreStrict(t *testing.T) {
	k := key(t)
	m, err := k.Public().Seal([]byte("x"), "text/plain", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwe.ReadHeader([]byte(m)); err != nil { // the planted negative
		t.Fatal(err)
	}
	part := strings.SplitN(m, ".", 2)
	raw, err := base64.RawURLEncoding.DecodeString(part[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"compressed":     func(h map[string]any) { h["zip"] = "DEF" },
		"an extension":   func(h map[string]any) { h["crit"] = []string{"exp"} },
		"a key inside":   func(h map[string]any) { h["jwk"] = h["epk"] },
		"an address":     func(h map[string]any) { h["jku"] = "https://keys.example" },
		"a certificate":  func(h map[string]any) { h["x5u"] = "https://keys.example" },
		"party info":     func(h map[string]any) { h["apu"] = "QQ" },
		"another wrap":   func(h map[string]any) { h["alg"] = "dir" },
		"a password":     func(h map[string]any) { h["alg"] = "PBES2-HS256+A128KW"; h["p2c"] = 1 << 30 },
		"another cipher": func(h map[string]any) { h["enc"] = "A128CBC-HS256" },
		"for no key":     func(h map[string]any) { delete(h, "kid") },
		"a long header":  func(h map[string]any) { h["typ"] = strings.Repeat("x", 3000) },
		"iat of a text":  func(h map[string]any) { h["iat"] = "now" },
		"a long jti":     func(h map[string]any) { h["jti"] = strings.Repeat("x", 200) },
	} {
		h := map[string]any{}
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatal(err)
		}
		change(h)
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwe.ReadHeader([]byte(base64.RawURLEncoding.EncodeToString(text) + "." + part[1])); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	for _, text := range []string{"", "....", m[1:], strings.Replace(m, ".", "", 1), m + ".x", "{}"} {
		if _, err := jwe.ReadHeader([]byte(text)); err == nil {
			t.Errorf("%.20q: read", text)
		}
	}
	broken := []byte(m)
	broken[len(broken)-3] ^= 1
	if _, err := k.Open(broken); err == nil {
		t.Error("a changed message opens")
	}
}

func TestKeysAreStrict(t *testing.T) {
	k := key(t)
	raw, err := k.Expose()
	if err != nil {
		t.Fatal(err)
	}
	with := func(field, value string) string {
		h := map[string]string{}
		if err := json.Unmarshal(k.Public().JWK(), &h); err != nil {
			t.Fatal(err)
		}
		h[field] = value
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if _, err := jwe.ParsePublic([]byte(with("kid", "another"))); err != nil { // the planted negative
		t.Error(err)
	}
	for name, text := range map[string]string{
		"nothing":       ``,
		"no key":        `{"kty":"EC"}`,
		"a private key": with("d", base64.RawURLEncoding.EncodeToString(raw)),
		"to sign":       with("use", "sig"),
		"another way":   with("alg", "ECDH-ES"),
		"off the curve": with("y", base64.RawURLEncoding.EncodeToString(raw)),
		"another curve": `{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`,
		"symmetric":     `{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg"}`,
	} {
		if _, err := jwe.ParsePublic([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	k, err := jwe.NewPrivate()
	if err != nil {
		f.Fatal(err)
	}
	m, err := k.Public().Seal([]byte("x"), "text/plain", "a", time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(m))
	f.Add([]byte("e30...."))
	f.Fuzz(func(t *testing.T, text []byte) {
		if h, err := jwe.ReadHeader(text); err == nil && (h.Algorithm != "ECDH-ES+A256KW" || h.Encryption != "A256GCM" || h.KeyID == "") {
			t.Errorf("%+v", h)
		}
		_, _ = k.Open(text) // whatever it says, it does not panic
	})
}
