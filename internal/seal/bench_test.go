package seal_test

import (
	"testing"

	"strongroom/internal/seal"
)

// BenchmarkDataKeySeal is what one record version costs: a fresh key, its wrap
// under a key in memory, and one body of 1.2 KB.
func BenchmarkDataKeySeal(b *testing.B) {
	epoch, ad, body := seal.NewKey(), make([]byte, 90), make([]byte, 1200)
	dst := make([]byte, 0, 1300)
	b.ReportAllocs()
	for b.Loop() {
		k := seal.NewKey()
		k.Seal(dst, ad, body)
		epoch.Wrap(ad, k)
	}
}

func BenchmarkSeal1200(b *testing.B) {
	ad, body := make([]byte, 90), make([]byte, 1200)
	dst := make([]byte, 0, 1300)
	b.SetBytes(1200)
	for b.Loop() {
		seal.NewKey().Seal(dst, ad, body)
	}
}

func BenchmarkWrap(b *testing.B) {
	epoch, k, ad := seal.NewKey(), seal.NewKey(), make([]byte, 90)
	b.ReportAllocs()
	for b.Loop() {
		epoch.Wrap(ad, k)
	}
}

func BenchmarkUnwrap(b *testing.B) {
	epoch, ad := seal.NewKey(), make([]byte, 90)
	w := epoch.Wrap(ad, seal.NewKey())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := epoch.Unwrap(ad, w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAD(b *testing.B) {
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		seal.AppendAD(buf, "strongroom/data/1", "test", "str_0123456789", uint64(7), uint32(1), uint32(2), int64(3))
	}
}

func BenchmarkMAC(b *testing.B) {
	k, v := seal.NewKey(), []byte("jane.doe@example.com")
	b.ReportAllocs()
	for b.Loop() {
		k.MAC(v)
	}
}

func BenchmarkToken(b *testing.B) {
	tk := seal.NewTokenKey(seal.NewKey(), seal.EnvTest, [5]byte{1})
	dst := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		tk.AppendToken(dst, 1, 2)
	}
}

func BenchmarkTokenDecode(b *testing.B) {
	tk := seal.NewTokenKey(seal.NewKey(), seal.EnvTest, [5]byte{1})
	s := tk.Encode(1, 2)
	b.ReportAllocs()
	for b.Loop() {
		tk.Decode(s)
	}
}
