package keys_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"strongroom"
	"strongroom/internal/keys"
)

// A keyring whose environment is rewritten in the file does not open either: the
// environment is bound into every wrap.
func TestObligation_3_5_3_Keyring(t *testing.T) {
	r, o := newRing(t)
	r.Close()
	path := filepath.Join(o.Dir, "keyring")
	b, _ := os.ReadFile(path)
	forged := bytes.Replace(b, []byte(`"environment":"test"`), []byte(`"environment":"production"`), 1)
	if bytes.Equal(b, forged) {
		t.Fatal("nothing was forged")
	}
	other := o
	other.Environment = strongroom.Production
	_, err := keys.OpenRing(context.Background(), other)
	wantKind(t, "the other environment", err, strongroom.Conflict)
	os.WriteFile(path, forged, 0o600)
	_, err = keys.OpenRing(context.Background(), other)
	wantKind(t, "forged environment", err, strongroom.Denied)
	os.WriteFile(path, b, 0o600)
	if r, err = keys.OpenRing(context.Background(), o); err != nil {
		t.Fatal("its own environment must open:", err)
	}
	r.Close()
}

// Any change of the file is found: a key dropped, doubled or moved to another
// store, a store's life, garbage.
func TestRingFileTampered(t *testing.T) {
	r, o := newRing(t)
	for _, s := range []string{"str_a", "str_b"} {
		if err := r.EnsureStore(s); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	path := filepath.Join(o.Dir, "keyring")
	good, _ := os.ReadFile(path)
	for name, change := range map[string]func([]byte) []byte{
		"stores swapped": func(b []byte) []byte {
			b = bytes.Replace(b, []byte("str_a"), []byte("str_x"), 1)
			b = bytes.Replace(b, []byte("str_b"), []byte("str_a"), 1)
			return bytes.Replace(b, []byte("str_x"), []byte("str_b"), 1)
		},
		"key moved": func(b []byte) []byte { return bytes.Replace(b, []byte(`"store":1`), []byte(`"store":2`), 1) },
		"use":       func(b []byte) []byte { return bytes.Replace(b, []byte(`"token"`), []byte(`"ident"`), 1) },
		"store gone": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"id":"str_a"`), []byte(`"id":"str_a","gone":true`), 1)
		},
		"serial":        func(b []byte) []byte { return bytes.Replace(b, []byte(`"serial":3`), []byte(`"serial":4`), 1) },
		"format":        func(b []byte) []byte { return bytes.Replace(b, []byte(`"format":1`), []byte(`"format":2`), 1) },
		"unknown field": func(b []byte) []byte { return bytes.Replace(b, []byte(`{`), []byte(`{"x":1,`), 1) },
		"half":          func(b []byte) []byte { return b[:len(b)/2] },
		"empty":         func([]byte) []byte { return nil },
		"garbage":       func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 100) },
	} {
		bad := change(bytes.Clone(good))
		if bytes.Equal(bad, good) {
			t.Errorf("%s: nothing was changed", name)
		}
		os.WriteFile(path, bad, 0o600)
		if r, err := keys.OpenRing(context.Background(), o); err == nil {
			r.Close()
			t.Errorf("%s: the ring opens", name)
		}
	}
	os.WriteFile(path, good, 0o600)
	r, err := keys.OpenRing(context.Background(), o)
	if err != nil {
		t.Fatal("untouched, it must open:", err)
	}
	r.Close()
}

// The file shows no key in any notation a search would find.
func TestRingFileHoldsNoKey(t *testing.T) {
	r, o := newRing(t)
	if err := r.EnsureStore("str_a"); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(o.Dir, "keyring"))
	for _, u := range keys.StoreUses() {
		k, _ := r.StoreKey("str_a", u)
		raw := k.Expose(nil)
		for _, s := range []string{string(raw), fmt.Sprintf("%x", raw)} {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("the %s key lies in clear", u)
			}
		}
	}
}

// The bytes of a replaced keyring are overwritten, not only unlinked.
func TestRingOverwritesOldFile(t *testing.T) {
	r, o := newRing(t)
	old, err := os.Open(filepath.Join(o.Dir, "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := r.EnsureStore("str_a"); err != nil {
		t.Fatal(err)
	}
	info, _ := old.Stat()
	b := make([]byte, info.Size())
	if _, err := old.ReadAt(b, 0); err != nil || len(bytes.Trim(b, "\x00")) > 0 {
		t.Errorf("the old file still reads: %.40q %v", b, err)
	}
}
