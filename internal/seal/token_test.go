package seal_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strongroom/internal/seal"
)

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

func TestTokenRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := [5]byte(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "tag"))
		env := rapid.SampledFrom([]byte{seal.EnvProduction, seal.EnvTest}).Draw(t, "env")
		record, leaf := rapid.Uint64().Draw(t, "record"), rapid.Uint32Range(0, seal.MaxLeaf).Draw(t, "leaf")
		tk := seal.NewTokenKey(seal.NewKey(), env, tag)
		s := tk.Encode(record, leaf)
		if len(s) != seal.TokenSize || !strings.HasPrefix(s, "sr"+string(env)+"_") {
			t.Fatalf("%q is no token", s)
		}
		if r, l, ok := tk.Decode(s); !ok || r != record || l != leaf {
			t.Fatalf("%q reads %d %d %v", s, r, l, ok)
		}
		if e, tg, ok := seal.ParseToken(s); !ok || e != env || tg != tag {
			t.Fatalf("%q parses to %c %x %v", s, e, tg, ok)
		}
	})
}

// A token has one spelling and one reader.
func TestTokenStrict(t *testing.T) {
	k, tag := seal.NewKey(), [5]byte{1, 2, 3, 4, 5}
	tk := seal.NewTokenKey(k, seal.EnvTest, tag)
	s := tk.Encode(42, 7)
	if _, _, ok := tk.Decode(s); !ok {
		t.Fatal("the token itself must read")
	}
	for i := range len(s) { // any other character at any place
		for _, c := range []byte(alphabet + "ilouABCXYZ_-+ \x00\xff") {
			b := []byte(s)
			if b[i] == c {
				continue
			}
			b[i] = c
			if _, _, ok := tk.Decode(string(b)); ok {
				t.Errorf("%q reads like %q", b, s)
			}
		}
	}
	for _, bad := range []string{"", s[:37], s + "0", " " + s, strings.ToUpper(s), "srx_" + s[4:]} {
		if _, _, ok := tk.Decode(bad); ok {
			t.Errorf("%q reads", bad)
		}
		if _, _, ok := seal.ParseToken(bad); ok {
			t.Errorf("%q parses", bad)
		}
	}
	for name, other := range map[string]seal.TokenKey{
		"key":         seal.NewTokenKey(seal.NewKey(), seal.EnvTest, tag),
		"environment": seal.NewTokenKey(k, seal.EnvProduction, tag),
		"tag":         seal.NewTokenKey(k, seal.EnvTest, [5]byte{1, 2, 3, 4, 6}),
	} {
		if _, _, ok := other.Decode(s); ok {
			t.Errorf("a token reads with another %s", name)
		}
		// Even with the public part rewritten to match, the block does not.
		forged := other.Encode(0, 0)[:12] + s[12:]
		if _, _, ok := other.Decode(forged); ok {
			t.Errorf("a token with a forged head reads with another %s", name)
		}
	}
}

func TestAppendToken(t *testing.T) {
	tk := seal.NewTokenKey(seal.NewKey(), seal.EnvProduction, [5]byte{9})
	got := string(tk.AppendToken([]byte("head "), 1, 2))
	if got != "head "+tk.Encode(1, 2) {
		t.Error("appending differs from encoding:", got)
	}
	dst := make([]byte, 0, seal.TokenSize+16)
	if n := testing.AllocsPerRun(100, func() { tk.AppendToken(dst, 1, 2) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for name, f := range map[string]func(){
		"leaf":        func() { tk.Encode(1, seal.MaxLeaf+1) },
		"environment": func() { seal.NewTokenKey(seal.NewKey(), 'x', [5]byte{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a wrong %s is taken", name)
				}
			}()
			f()
		}()
	}
}

func FuzzToken(f *testing.F) {
	raw := make([]byte, 32)
	k, _ := seal.KeyFrom(raw)
	tk := seal.NewTokenKey(k, seal.EnvTest, [5]byte{1, 2, 3, 4, 5})
	f.Add(tk.Encode(1, 2))
	f.Add("srt_")
	f.Add(strings.Repeat("z", seal.TokenSize))
	f.Fuzz(func(t *testing.T, s string) {
		_, _, parsed := seal.ParseToken(s)
		record, leaf, ok := tk.Decode(s)
		if ok && !parsed {
			t.Fatalf("%q reads and does not parse", s)
		}
		if ok && tk.Encode(record, leaf) != s {
			t.Fatalf("%q has another spelling", s)
		}
	})
}
