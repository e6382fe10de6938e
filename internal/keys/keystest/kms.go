package keystest

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"strongroom"
	"strongroom/internal/keys"
)

// KMS tests the duties that keys.KMS states. open returns the same root at every
// call, as a restarted process would; other returns another root of the same
// kind.
func KMS(t *testing.T, open, other func(t *testing.T) keys.KMS) {
	ctx := context.Background()
	secret := make([]byte, 32)
	rand.Read(secret)
	ad := []byte("context \x00\xff")
	wrap := func(t *testing.T) []byte {
		t.Helper()
		w, err := open(t).Wrap(ctx, ad, secret)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	t.Run("comes back", func(t *testing.T) {
		for _, n := range []int{1, 32, 1024} {
			plain := bytes.Repeat([]byte{9}, n)
			w, err := open(t).Wrap(ctx, ad, plain)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := open(t).Unwrap(ctx, ad, w); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes do not come back: %v", n, err)
			}
		}
	})
	t.Run("hides", func(t *testing.T) {
		a, b := wrap(t), wrap(t)
		if bytes.Contains(a, secret) {
			t.Error("the secret lies in clear")
		}
		if bytes.Equal(a, b) {
			t.Error("two wraps of one secret are the same bytes")
		}
	})
	t.Run("binds", func(t *testing.T) {
		w := wrap(t)
		denied := func(what string, k keys.KMS, ad, w []byte) {
			t.Helper()
			got, err := k.Unwrap(ctx, ad, w)
			if !strongroom.IsKind(err, strongroom.Denied) || got != nil {
				t.Errorf("%s: %v, want a fault of kind denied", what, err)
			}
			if err != nil && bytes.Contains([]byte(err.Error()), secret) {
				t.Errorf("%s: the error repeats the secret", what)
			}
		}
		denied("another context", open(t), []byte("context"), w)
		denied("no context", open(t), nil, w)
		denied("another root", other(t), ad, w)
		denied("cut short", open(t), ad, w[:len(w)-4])
		denied("nothing", open(t), ad, nil)
		denied("something else", open(t), ad, []byte("something else entirely, and long enough"))
		changed := bytes.Clone(w)
		changed[len(changed)-6] ^= 1
		denied("changed", open(t), ad, changed)
	})
	t.Run("at once", func(t *testing.T) {
		k := open(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				w, err := k.Wrap(ctx, ad, secret)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := k.Unwrap(ctx, ad, w); err != nil || !bytes.Equal(got, secret) {
					t.Error("does not come back:", err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("gives up", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		// A root in memory may well answer; one that does not says why.
		if _, err := open(t).Wrap(ended, ad, secret); err != nil && !strongroom.IsKind(err, strongroom.Unavailable) {
			t.Error(err)
		}
	})
	t.Run("describes", func(t *testing.T) {
		a, b, c := open(t).Describe(), open(t).Describe(), other(t).Describe()
		if a.Kind == "" || a.ID == "" || a.ID != b.ID || a.ID == c.ID {
			t.Errorf("%+v, %+v, and of the other %+v", a, b, c)
		}
	})
	t.Run("keeps a ring", func(t *testing.T) { keepsRing(t, open, other) })
}

// keepsRing makes a keyring under the root, opens it again, and moves it to the
// other.
func keepsRing(t *testing.T, open, other func(t *testing.T) keys.KMS) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o := keys.RingOptions{Dir: dir, KMS: open(t), Environment: strongroom.Test}
	r, err := keys.CreateRing(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.EnsureStore("str_a"); err != nil {
		t.Error(err)
	}
	r.Close()
	o.KMS = open(t)
	if r, err = keys.OpenRing(ctx, o); err != nil {
		t.Fatal(err)
	}
	if err := r.Rewrap(ctx, other(t)); err != nil {
		t.Error(err)
	}
	r.Close()
	if _, err := keys.OpenRing(ctx, o); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("the old root: %v, want a fault of kind denied", err)
	}
	o.KMS = other(t)
	if r, err = keys.OpenRing(ctx, o); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.StoreKey("str_a", keys.Token); err != nil {
		t.Error(err)
	}
}
