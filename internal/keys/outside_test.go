package keys_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/keys"
)

// Another OS user reads neither the keyring nor the root key file. A public file
// in the same place is the negative: that one he reads.
func TestObligation_3_4_2_OtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user; the mode bits are tested elsewhere")
	}
	base, err := os.MkdirTemp("", "strongroom-other-user")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	os.Chmod(base, 0o755)
	dir := filepath.Join(base, "keys")
	os.Mkdir(dir, 0o700)
	root, err := keys.CreateRootFile(filepath.Join(base, "root"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := keys.CreateRing(context.Background(), keys.RingOptions{Dir: dir, KMS: root, Environment: strongroom.Test})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	public := filepath.Join(base, "public")
	os.WriteFile(public, []byte("x"), 0o644)
	readable := func(path string) bool {
		cmd := exec.Command("cat", path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd.Run() == nil
	}
	if !readable(public) {
		t.Fatal("the other user cannot read a public file, so the test proves nothing")
	}
	for _, p := range []string{filepath.Join(base, "root"), filepath.Join(dir, "keyring"), filepath.Join(dir, "lock")} {
		if readable(p) {
			t.Errorf("%s can be read by another user", filepath.Base(p))
		}
	}
	os.Chmod(dir, 0o755) // the files hold on their own, too
	if readable(filepath.Join(dir, "keyring")) {
		t.Error("the keyring alone can be read by another user")
	}
}

// Whoever copies everything but the key folder opens nothing: no key lies in the
// database, its journal or the ledger in any notation, and no keyring opens.
func TestObligation_3_4_2_CopyOfDataOpensNothing(t *testing.T) {
	f := openOn(t, db.SQLite)
	var secrets [][]byte
	for r := uint64(1); r <= 20; r++ {
		k, _ := f.put(r, 1, f.later())
		secrets = append(secrets, k.Expose(nil))
	}
	for _, u := range keys.StoreUses() {
		k, err := f.StoreKey(f.store, u)
		f.must(err)
		secrets = append(secrets, k.Expose(nil))
	}
	_, err := f.destroy(keys.Subject, 3)
	f.must(err)
	files := 0
	look := func(path string) (found bool) {
		b, err := os.ReadFile(path)
		f.must(err)
		files++
		for _, s := range secrets {
			if bytes.Contains(b, s) || bytes.Contains(b, []byte(hex.EncodeToString(s))) {
				return true
			}
		}
		return false
	}
	data := filepath.Dir(f.path)
	f.must(filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && look(path) {
			t.Errorf("a key lies in %s", d.Name())
		}
		return err
	}))
	if look(f.opt.Ledger) {
		t.Error("a key lies in the ledger")
	}
	planted := filepath.Join(t.TempDir(), "planted")
	os.WriteFile(planted, append([]byte("some bytes before "), secrets[7]...), 0o600)
	if !look(planted) || files < 3 {
		t.Error("the search finds nothing even where a key was planted")
	}
	o := f.ringOpt
	if o.Dir = filepath.Join(t.TempDir(), "copy"); os.CopyFS(o.Dir, os.DirFS(data)) != nil {
		t.Fatal("the copy failed")
	}
	os.Chmod(o.Dir, 0o700)
	_, err = keys.OpenRing(context.Background(), o)
	wantKind(t, "a copy of the data folder, even with the root key", err, strongroom.NotFound)
}

// killVar has the test binary act as a process that writes the keyring until it
// is killed.
const killVar = "STRONGROOM_KEYS_TEST_WRITER"

// A process killed with signal 9 at any moment leaves a ring that holds every
// store it has acknowledged.
func TestRingSurvivesKill(t *testing.T) {
	if dir := os.Getenv(killVar); dir != "" {
		writeUntilKilled(dir)
	}
	r, o := newRing(t)
	root := filepath.Join(t.TempDir(), "root")
	if _, err := keys.CreateRootFile(root); err != nil {
		t.Fatal(err)
	}
	next, err := keys.RootFromFile(root)
	if err != nil {
		t.Fatal(err)
	}
	o.KMS = next
	if err := r.Rewrap(context.Background(), next); err != nil {
		t.Fatal(err)
	}
	r.Close()
	total := 0
	for round := range 12 {
		acknowledged := killWriter(t, o.Dir+"\n"+root, time.Duration(20+7*round)*time.Millisecond)
		r, err := keys.OpenRing(context.Background(), o)
		if err != nil {
			t.Fatal("after a kill:", err)
		}
		for _, id := range acknowledged {
			if _, err := r.StoreKey(id, keys.Token); err != nil {
				t.Errorf("store %s was acknowledged and is lost: %v", id, err)
			}
		}
		total += len(acknowledged)
		r.Close()
	}
	if total == 0 {
		t.Error("nothing was ever acknowledged")
	}
}

// killWriter runs a writer for a while, kills it and returns what it told.
func killWriter(t *testing.T, where string, after time.Duration) (ids []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestRingSurvivesKill$")
	cmd.Env = append(os.Environ(), killVar+"="+where)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if len(ids) == 0 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
		id, ok := strings.CutPrefix(lines.Text(), "have ")
		if !ok {
			t.Error(lines.Text())
		}
		ids = append(ids, id)
	}
	cmd.Wait()
	return ids
}

func writeUntilKilled(where string) {
	dir, root, _ := strings.Cut(where, "\n")
	kms, err := keys.RootFromFile(root)
	if err == nil {
		var r *keys.Ring
		r, err = keys.OpenRing(context.Background(), keys.RingOptions{Dir: dir, KMS: kms, Environment: strongroom.Test})
		for err == nil {
			id := strongroom.NewID("str")
			if err = r.EnsureStore(id); err == nil {
				fmt.Println("have", id)
			}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
