package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"strongroom/internal/seal"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func key(t testing.TB, b []byte) seal.Key {
	t.Helper()
	k, err := seal.KeyFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func counting(t testing.TB) seal.Key {
	b := make([]byte, seal.KeySize)
	for i := range b {
		b[i] = byte(i)
	}
	return key(t, b)
}

// The AES-256 cases of McGrew and Viega, "The Galois/Counter Mode of Operation".
func TestOpenKnownAnswers(t *testing.T) {
	for _, c := range []struct{ name, key, iv, ad, plain, sealed, tag string }{
		{"13", strings.Repeat("00", 32), strings.Repeat("00", 12), "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
		{"14", strings.Repeat("00", 32), strings.Repeat("00", 12), "", strings.Repeat("00", 16),
			"cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
		{"16", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
			"76fc6ece0f4e1768cddf8853bb2d551b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := key(t, unhex(t, c.key)).Open(nil, unhex(t, c.ad), unhex(t, c.iv+c.sealed+c.tag))
			if err != nil || !bytes.Equal(got, unhex(t, c.plain)) {
				t.Fatalf("got %x, %v", got, err)
			}
		})
	}
}

// testdata/vectors.json was computed by another implementation (Python's hmac
// and hashlib, OpenSSL's AES), so that a change of format cannot pass unseen.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ AD, MAC, Derive, Token string }
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	k := counting(t)
	ad := seal.AD("strongroom/x/1", []byte{0, 0xff}, -2, uint64(1<<64-1), strings.Repeat("ü", 70))
	if got := hex.EncodeToString(ad); got != want.AD {
		t.Errorf("AD = %s, want %s", got, want.AD)
	}
	for range 2 { // the second time from the pool
		mac := k.MAC([]byte("a"), nil, bytes.Repeat([]byte("x"), 200))
		if got := hex.EncodeToString(mac[:]); got != want.MAC {
			t.Errorf("MAC = %s, want %s", got, want.MAC)
		}
	}
	if got := hex.EncodeToString(k.Derive("label", []byte("one"), nil).Expose(nil)); got != want.Derive {
		t.Errorf("Derive = %s, want %s", got, want.Derive)
	}
	tk := seal.NewTokenKey(k, seal.EnvTest, [5]byte{1, 2, 3, 250, 255})
	if got := tk.Encode(0x0123456789abcdef, 0xabcdef); got != want.Token {
		t.Errorf("token = %s, want %s", got, want.Token)
	}
}
