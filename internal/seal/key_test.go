package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/seal"
)

func TestSealOpens(t *testing.T) {
	k := seal.NewKey()
	for _, n := range []int{0, 1, 16, 1200, 1 << 20} {
		plain := bytes.Repeat([]byte{7}, n)
		sealed := k.Seal([]byte("head"), []byte("ad"), plain)
		if len(sealed) != 4+n+seal.Overhead {
			t.Fatalf("%d bytes became %d", n, len(sealed))
		}
		got, err := k.Open([]byte("x"), []byte("ad"), sealed[4:])
		if err != nil || !bytes.Equal(got, append([]byte("x"), plain...)) {
			t.Fatalf("%d bytes do not come back: %v", n, err)
		}
	}
}

// Every single changed bit, a shorter or longer text, another context and
// another key are refused with the same error.
func TestSealTampered(t *testing.T) {
	k, ad := seal.NewKey(), seal.AD("strongroom/body/1", "str_a", uint64(1))
	sealed := k.Seal(nil, ad, []byte("a body"))
	refused := func(what string, k seal.Key, ad, b []byte) {
		t.Helper()
		if got, err := k.Open(nil, ad, b); err != seal.ErrOpen || got != nil {
			t.Errorf("%s: got %q, %v", what, got, err)
		}
	}
	if _, err := k.Open(nil, ad, sealed); err != nil {
		t.Fatal("the untouched one must open:", err)
	}
	for i := range len(sealed) * 8 {
		b := bytes.Clone(sealed)
		b[i/8] ^= 1 << (i % 8)
		refused(fmt.Sprint("bit ", i), k, ad, b)
	}
	for n := range len(sealed) {
		refused("shorter", k, ad, sealed[:n])
	}
	refused("longer", k, ad, append(bytes.Clone(sealed), 0))
	refused("other context", k, seal.AD("strongroom/body/1", "str_a", uint64(2)), sealed)
	refused("no context", k, nil, sealed)
	refused("other key", seal.NewKey(), ad, sealed)
}

func TestWrap(t *testing.T) {
	k, inner := seal.NewKey(), seal.NewKey()
	wrapped := k.Wrap([]byte("ad"), inner)
	if len(wrapped) != seal.WrapSize {
		t.Fatalf("a wrap has %d bytes", len(wrapped))
	}
	got, err := k.Unwrap([]byte("ad"), wrapped)
	if err != nil || !bytes.Equal(got.Expose(nil), inner.Expose(nil)) {
		t.Fatal("the key does not come back:", err)
	}
	for _, b := range [][]byte{nil, wrapped[:59], append(bytes.Clone(wrapped), 1), k.Seal(nil, []byte("ad"), []byte("short"))} {
		if _, err := k.Unwrap([]byte("ad"), b); err != seal.ErrOpen {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
	if _, err := k.Unwrap([]byte("da"), wrapped); err != seal.ErrOpen {
		t.Error("another context opens:", err)
	}
}

func TestKeyFrom(t *testing.T) {
	for _, n := range []int{0, 31, 33} {
		if _, err := seal.KeyFrom(make([]byte, n)); err == nil {
			t.Errorf("%d bytes make a key", n)
		}
	}
	b := bytes.Repeat([]byte{1}, 32)
	k := key(t, b)
	clear(b)
	if k.Expose(nil)[0] != 1 {
		t.Error("the key shares the caller's bytes")
	}
}

// Zero ends every copy and whatever was cached in it.
func TestZero(t *testing.T) {
	k := seal.NewKey()
	copied := k
	sealed, mac := k.Seal(nil, nil, []byte("x")), k.MAC([]byte("x"))
	k.Zero()
	if !bytes.Equal(copied.Expose(nil), make([]byte, 32)) {
		t.Error("a copy keeps the secret")
	}
	if _, err := copied.Open(nil, nil, sealed); err == nil {
		t.Error("a wiped key still opens")
	}
	if copied.MAC([]byte("x")) == mac {
		t.Error("a wiped key still makes the same MAC")
	}
	var none seal.Key
	none.Zero()
	if !none.IsZero() || k.IsZero() {
		t.Error("IsZero says something else")
	}
}

// Parts never run into one another, and kinds are told apart.
func TestADDistinct(t *testing.T) {
	seen := map[string]int{}
	for i, ad := range [][]byte{
		seal.AD(), seal.AD(""), seal.AD("", ""), seal.AD([]byte(nil)), seal.AD("ab"), seal.AD("a", "b"),
		seal.AD([]byte("ab")), seal.AD([]byte("a"), []byte("b")), seal.AD(0), seal.AD(1), seal.AD(-1),
		seal.AD(uint64(1)), seal.AD("\x00\x00\x00\x00\x00\x00\x00\x01"), seal.AD("s\x01a"),
	} {
		if j, twice := seen[string(ad)]; twice {
			t.Errorf("contexts %d and %d are the same bytes", j, i)
		}
		seen[string(ad)] = i
	}
	if !bytes.Equal(seal.AD(int64(5)), seal.AD(5)) || !bytes.Equal(seal.AD(uint32(5)), seal.AD(uint64(5))) {
		t.Error("the width of a number counts")
	}
	if !bytes.Equal(seal.AppendAD(seal.AD("a"), "b"), seal.AD("a", "b")) {
		t.Error("two steps differ from one")
	}
	defer func() {
		if recover() == nil {
			t.Error("a float is taken as a part")
		}
	}()
	seal.AD(1.5)
}

func TestMACParts(t *testing.T) {
	k := seal.NewKey()
	if k.MAC([]byte("ab"), []byte("c")) == k.MAC([]byte("a"), []byte("bc")) {
		t.Error("parts run into one another")
	}
	if k.MAC([]byte("ab")) == seal.NewKey().MAC([]byte("ab")) {
		t.Error("the key does not count")
	}
	a, b := k.Derive("a"), k.Derive("b")
	if bytes.Equal(a.Expose(nil), b.Expose(nil)) || bytes.Equal(a.Expose(nil), k.Expose(nil)) {
		t.Error("derived keys are not apart")
	}
}

func TestConcurrentUse(t *testing.T) {
	k := counting(t)
	want := k.MAC([]byte("x"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			k := k
			for range 200 {
				if b, err := k.Open(nil, nil, k.Seal(nil, nil, []byte("x"))); err != nil || string(b) != "x" {
					t.Error(err)
				}
				if k.MAC([]byte("x")) != want {
					t.Error("MAC differs")
				}
			}
		})
	}
	wg.Wait()
}

// No way of printing shows the secret in any usual notation, not even from
// inside structs, maps, slices and pointers. Plain bytes are the negative that
// proves the search finds it.
func TestKeysDoNotPrint(t *testing.T) {
	k := counting(t)
	raw := k.Expose(nil)
	tk := seal.NewTokenKey(k, seal.EnvTest, [5]byte{})
	type holder struct {
		Public  seal.Key
		private seal.Key
		token   seal.TokenKey
	}
	h := holder{k, k, tk}
	shows := func(s string) bool {
		for _, secret := range []string{
			string(raw[4:12]), hex.EncodeToString(raw[4:12]), strings.ToUpper(hex.EncodeToString(raw[4:12])),
			base64.StdEncoding.EncodeToString(raw[3:12]), "4 5 6 7 8", "4,5,6,7,8", "0x4, 0x5, 0x6", "100 101 110 111",
		} {
			if strings.Contains(s, secret) {
				return true
			}
		}
		return false
	}
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%b", "%o", "%c", "%U", "%t", "%e", "%p", "%T"}
	for _, v := range verbs {
		for _, a := range []any{k, &k, tk, &tk, h, &h, []seal.Key{k}, map[string]seal.Key{"k": k}, struct{ p *seal.Key }{&k}} {
			if s := fmt.Sprintf(v, a); shows(s) {
				t.Errorf("%s of %T shows the key", v, a)
			}
		}
	}
	if !shows(fmt.Sprintf("%v", raw)) || !shows(fmt.Sprintf("%x", raw)) || !shows(fmt.Sprintf("%#v", raw)) {
		t.Error("the search does not find a secret that is printed")
	}
	js, err := json.Marshal(map[string]any{"a": k, "b": h, "c": &tk})
	if err != nil || shows(string(js)) {
		t.Errorf("JSON: %s %v", js, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "k", k, "t", tk, "h", h, "p", &k)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "k", k, "t", tk, "h", h, "p", &k)
	if shows(log.String()) || !strings.Contains(log.String(), "[key]") {
		t.Error("slog:", log.String())
	}
	if b, err := k.MarshalText(); err != nil || shows(string(b)) {
		t.Error("text:", err)
	}
}

func TestPassphrase(t *testing.T) {
	p := seal.Params{Salt: []byte("0123456789abcdef"), Time: 1, Memory: 19 << 10, Threads: 1}
	a, err := seal.FromPassphrase([]byte("correct horse battery"), p)
	if err != nil {
		t.Fatal(err)
	}
	same, _ := seal.FromPassphrase([]byte("correct horse battery"), p)
	p.Salt = []byte("0123456789abcdeF")
	salted, _ := seal.FromPassphrase([]byte("correct horse battery"), p)
	if !bytes.Equal(a.Expose(nil), same.Expose(nil)) || bytes.Equal(a.Expose(nil), salted.Expose(nil)) {
		t.Error("same input must give the same key, another salt another")
	}
	if _, err := seal.FromPassphrase([]byte("short"), p); err == nil {
		t.Error("a short passphrase is taken")
	}
	if err := seal.NewParams().Check(); err != nil {
		t.Error("defaults:", err)
	}
	for name, change := range map[string]func(*seal.Params){
		"salt": func(p *seal.Params) { p.Salt = p.Salt[:8] }, "time": func(p *seal.Params) { p.Time = 0 },
		"little memory": func(p *seal.Params) { p.Memory = 1 }, "much memory": func(p *seal.Params) { p.Memory = 1 << 31 },
		"threads": func(p *seal.Params) { p.Threads = 0 },
	} {
		bad := p
		change(&bad)
		if _, err := seal.FromPassphrase([]byte("correct horse battery"), bad); err == nil {
			t.Error(name, "out of bounds is taken")
		}
	}
}
