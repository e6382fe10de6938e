package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// keyDir returns a private folder.
func keyDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func newRoot(t testing.TB) *keys.LocalRoot {
	t.Helper()
	r, err := keys.CreateRootFile(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newRing(t testing.TB) (*keys.Ring, keys.RingOptions) {
	t.Helper()
	o := keys.RingOptions{Dir: keyDir(t), KMS: newRoot(t), Environment: strongroom.Test, Clock: new(strongroom.Clock)}
	r, err := keys.CreateRing(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, o
}

func reopen(t testing.TB, r *keys.Ring, o keys.RingOptions) *keys.Ring {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := keys.OpenRing(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func wantKind(t testing.TB, what string, err error, want strongroom.Kind) {
	t.Helper()
	if !strongroom.IsKind(err, want) {
		t.Errorf("%s: %v, want a fault of kind %q", what, err, want)
	}
}

// untilMarch is an offset to the middle of a month that is followed by another
// 31 days later, whatever today is.
func untilMarch() time.Duration {
	return time.Until(time.Date(2040, 3, 15, 0, 0, 0, 0, time.UTC))
}

func same(a, b seal.Key) bool { return bytes.Equal(a.Expose(nil), b.Expose(nil)) }

// Every kind of key comes back from the file as it was.
func TestRingComesBack(t *testing.T) {
	r, o := newRing(t)
	if err := r.EnsureStore("str_a"); err != nil {
		t.Fatal(err)
	}
	month := keys.PeriodOf(o.Clock.Now())
	all := func(r *keys.Ring) []seal.Key {
		var ks []seal.Key
		add := func(k seal.Key, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			ks = append(ks, k)
		}
		for _, u := range keys.StoreUses() {
			add(r.StoreKey("str_a", u))
		}
		add(r.IndexKey("str_a", 1, month))
		add(r.IndexKey("str_a", 2, month))
		add(r.LogKey())
		add(r.InstanceKey("cursors"), nil)
		return ks
	}
	signer, err := r.LogSigner("example.test/log")
	if err != nil {
		t.Fatal(err)
	}
	before := all(r)
	copied := make([]seal.Key, len(before)) // closing wipes the ring's own
	for i, k := range before {
		copied[i], _ = seal.KeyFrom(k.Expose(nil))
		for j := range i {
			if same(copied[i], copied[j]) {
				t.Errorf("keys %d and %d are the same", j, i)
			}
		}
	}
	r = reopen(t, r, o)
	for i, k := range all(r) {
		if !same(k, copied[i]) {
			t.Errorf("key %d came back as another", i)
		}
	}
	again, err := r.LogSigner("example.test/log")
	if err != nil || again.Verifier().String() != signer.Verifier().String() {
		t.Error("the log key came back as another:", err)
	}
	if got := r.LivePeriods("str_a"); len(got) != 1 || got[0] != month {
		t.Error("live periods:", got)
	}
}

func TestRingLookups(t *testing.T) {
	r, o := newRing(t)
	_, err := r.StoreKey("str_a", keys.Token)
	wantKind(t, "unknown store", err, strongroom.NotFound)
	_, err = r.IndexKey("str_a", 1, "2026-11")
	wantKind(t, "index of an unknown store", err, strongroom.NotFound)
	if err := r.EnsureStore("str_a"); err != nil {
		t.Fatal(err)
	}
	_, err = r.StoreKey("str_a", 99)
	wantKind(t, "unknown use", err, strongroom.Erased)
	_, err = r.IndexKey("str_a", 1, "2001-01")
	wantKind(t, "a month long gone", err, strongroom.Erased)
	_, err = r.IndexKey("str_a", 1, "jane@example.com")
	wantKind(t, "no month", err, strongroom.Invalid)
	if strings.Contains(err.Error(), "jane") {
		t.Error("the error repeats what it was given:", err)
	}
	wantKind(t, "empty store", r.EnsureStore(""), strongroom.Invalid)

	o.Clock.SetOffset(untilMarch())
	first, _ := r.LogKey()
	month := keys.PeriodOf(o.Clock.Now())
	o.Clock.SetOffset(untilMarch() + 31*24*time.Hour)
	second, _ := r.LogKey()
	if same(first, second) {
		t.Error("a new month keeps the log key")
	}
	old, err := r.LogKeyOf(month)
	if err != nil || !same(old, first) {
		t.Error("last month's log key is not found:", err)
	}
	_, err = r.LogKeyOf("1999-01")
	wantKind(t, "a month without log key", err, strongroom.NotFound)
	if k, err := r.IndexKey("str_a", 1, month); err != nil || k.IsZero() {
		t.Error("work that began last month gets no index key:", err)
	}
}

// At the turn of a month the first store to ask has the key made for all that
// had one the month before, in one write of the file.
func TestIndexKeysOfAMonthAreMadeTogether(t *testing.T) {
	r, o := newRing(t)
	for _, id := range []string{"str_a", "str_b", "str_quiet"} {
		if err := r.EnsureStore(id); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(id string) {
		t.Helper()
		if _, err := r.IndexKey(id, 1, keys.PeriodOf(o.Clock.Now())); err != nil {
			t.Fatal(err)
		}
	}
	o.Clock.SetOffset(untilMarch())
	ask("str_a")
	ask("str_b")
	o.Clock.SetOffset(untilMarch() + 31*24*time.Hour)
	writes := 0
	keys.AtStep(r, func(s string) error {
		if s == "done" {
			writes++
		}
		return nil
	})
	ask("str_a")
	ask("str_b")
	if writes != 1 {
		t.Errorf("the file was written %d times", writes)
	}
	for id, want := range map[string]int{"str_a": 2, "str_b": 2, "str_quiet": 0} {
		if got := r.LivePeriods(id); len(got) != want {
			t.Errorf("%s has the months %v, want %d", id, got, want)
		}
	}
}

// Concurrent first uses make one key.
func TestRingConcurrent(t *testing.T) {
	r, o := newRing(t)
	month := keys.PeriodOf(o.Clock.Now())
	var wg sync.WaitGroup
	got := make([]seal.Key, 16)
	for i := range got {
		wg.Go(func() {
			if err := r.EnsureStore("str_a"); err != nil {
				t.Error(err)
			}
			got[i], _ = r.IndexKey("str_a", 3, month)
			if err := r.EnsureStore(fmt.Sprint("str_", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range got {
		if !same(k, got[0]) {
			t.Fatal("two callers got two index keys")
		}
	}
	r = reopen(t, r, o)
	for i := range got {
		if _, err := r.StoreKey(fmt.Sprint("str_", i), keys.Ident); err != nil {
			t.Error(err)
		}
	}
}

// Nobody else gets at the keys: not another OS user (mode bits), not a second
// process, not the other environment, not another root.
func TestRingRefuses(t *testing.T) {
	ctx := context.Background()
	r, o := newRing(t)
	_, err := keys.OpenRing(ctx, o)
	wantKind(t, "a ring that is open", err, strongroom.Conflict)
	_, err = keys.CreateRing(ctx, o)
	wantKind(t, "making a ring that is open", err, strongroom.Conflict)
	r.Close()
	_, err = keys.CreateRing(ctx, o)
	wantKind(t, "making a ring twice", err, strongroom.Conflict)

	other := o
	other.KMS = newRoot(t)
	_, err = keys.OpenRing(ctx, other)
	wantKind(t, "another root", err, strongroom.Denied)
	other = o
	other.Environment = strongroom.Production
	_, err = keys.OpenRing(ctx, other)
	wantKind(t, "the other environment", err, strongroom.Conflict)
	other.Environment = "staging"
	_, err = keys.OpenRing(ctx, other)
	wantKind(t, "no environment", err, strongroom.Invalid)
	other = o
	other.Dir = filepath.Join(o.Dir, "nowhere")
	_, err = keys.OpenRing(ctx, other)
	wantKind(t, "no folder", err, strongroom.NotFound)
	other.Dir = keyDir(t)
	_, err = keys.OpenRing(ctx, other)
	wantKind(t, "an empty folder", err, strongroom.NotFound)

	ring := filepath.Join(o.Dir, "keyring")
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{{o.Dir, 0o750}, {o.Dir, 0o701}, {o.Dir, 0o720}, {ring, 0o640}, {ring, 0o604}, {ring, 0o602}} {
		was, _ := os.Stat(c.path)
		os.Chmod(c.path, c.mode)
		_, err = keys.OpenRing(ctx, o)
		wantKind(t, fmt.Sprintf("mode %o of %s", c.mode, filepath.Base(c.path)), err, strongroom.Denied)
		os.Chmod(c.path, was.Mode().Perm())
	}
	if err := os.Rename(ring, ring+".x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(ring+".x", ring); err != nil {
		t.Fatal(err)
	}
	if _, err = keys.OpenRing(ctx, o); err == nil {
		t.Error("a link in the keyring's place is followed")
	}
	os.Remove(ring)
	os.Rename(ring+".x", ring)
	if r, err = keys.OpenRing(ctx, o); err != nil {
		t.Fatal("put right again, it must open:", err)
	}
	r.Close()
	for _, name := range []string{"keyring", "lock"} {
		if info, err := os.Stat(filepath.Join(o.Dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v: %v", name, info.Mode(), err)
		}
	}
}

var errKilled = errors.New("killed")

// A process that dies at any step of writing leaves the old ring or the new one.
func TestRingKillPoints(t *testing.T) {
	steps := []string{"write", "half", "written", "rename", "sync folder", "overwrite", "done"}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			r, o := newRing(t)
			if err := r.EnsureStore("str_a"); err != nil {
				t.Fatal(err)
			}
			reached := false
			keys.AtStep(r, func(s string) error {
				if s != step {
					return nil
				}
				reached = true
				return errKilled
			})
			if err := r.EnsureStore("str_b"); err == nil {
				t.Fatal("a write that was cut short is called done")
			}
			if !reached {
				t.Fatal("the step was never reached")
			}
			if _, err := r.StoreKey("str_b", keys.Token); err == nil {
				t.Error("a key is seen before it is durable")
			}
			keys.AtStep(r, func(string) error { return nil })
			r = reopen(t, r, o)
			if _, err := r.StoreKey("str_a", keys.Token); err != nil {
				t.Error("the old store is lost:", err)
			}
			if err := r.EnsureStore("str_b"); err != nil {
				t.Error("the ring cannot be written after the crash:", err)
			}
			if left, _ := filepath.Glob(filepath.Join(o.Dir, "keyring.new")); len(left) > 0 {
				t.Error("a leftover stays")
			}
		})
	}
}

// A rotation cut short at any step leaves a ring that opens with exactly one of
// the two roots, and can be finished. Finished, the old root opens nothing.
func TestRotateRootKillPoints(t *testing.T) {
	ctx := context.Background()
	for _, step := range []string{"write", "half", "written", "rename", "sync folder", "overwrite", "done", ""} {
		t.Run("at "+step, func(t *testing.T) {
			r, o := newRing(t)
			if err := r.EnsureStore("str_a"); err != nil {
				t.Fatal(err)
			}
			k, _ := r.StoreKey("str_a", keys.Token)
			k, _ = seal.KeyFrom(k.Expose(nil))
			next := o
			next.KMS = newRoot(t)
			keys.AtStep(r, func(s string) error {
				if s == step {
					return errKilled
				}
				return nil
			})
			if err := r.Rewrap(ctx, next.KMS); (err == nil) != (step == "") {
				t.Fatal("rewrap:", err)
			}
			r.Close()
			opened := 0
			for _, try := range []keys.RingOptions{o, next} {
				r, err := keys.OpenRing(ctx, try)
				if err != nil {
					wantKind(t, "the root that does not fit", err, strongroom.Denied)
					continue
				}
				opened++
				if err := r.Rewrap(ctx, next.KMS); err != nil {
					t.Error("the rotation cannot be finished:", err)
				}
				r.Close()
				break
			}
			if opened != 1 {
				t.Fatal("no root opens the ring")
			}
			_, err := keys.OpenRing(ctx, o)
			wantKind(t, "the old root", err, strongroom.Denied)
			r, err = keys.OpenRing(ctx, next)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, _ := r.StoreKey("str_a", keys.Token); !same(got, k) {
				t.Error("a key changed on the way")
			}
			if r.Root().ID != next.KMS.Describe().ID {
				t.Error("the header names another root")
			}
		})
	}
}
