package keys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

func cheap() seal.Params {
	p := seal.NewParams()
	p.Time, p.Memory, p.Threads = 1, 19<<10, 1
	return p
}

func TestPassphraseRoot(t *testing.T) {
	ctx := context.Background()
	pass := []byte("correct horse battery staple")
	root, err := keys.NewPassphraseRoot(pass, cheap())
	if err != nil {
		t.Fatal(err)
	}
	o := keys.RingOptions{Dir: keyDir(t), KMS: root, Environment: strongroom.Test}
	r, err := keys.CreateRing(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	env, desc, err := keys.Inspect(o.Dir)
	if err != nil || env != strongroom.Test || desc.Kind != "passphrase" {
		t.Fatalf("%v %+v %v", env, desc, err)
	}
	again, err := keys.PassphraseRoot(o.Dir, pass)
	if err != nil {
		t.Fatal(err)
	}
	o.KMS = again
	if r, err = keys.OpenRing(ctx, o); err != nil {
		t.Fatal(err)
	}
	// The cost can rise: the same passphrase, a new salt, more passes.
	dearer := cheap()
	dearer.Time = 2
	next, _ := keys.NewPassphraseRoot(pass, dearer)
	if err := r.Rewrap(ctx, next); err != nil {
		t.Fatal(err)
	}
	r.Close()
	_, err = keys.OpenRing(ctx, o)
	wantKind(t, "the old cost", err, strongroom.Denied)
	if o.KMS, err = keys.PassphraseRoot(o.Dir, pass); err != nil {
		t.Fatal(err)
	}
	if r, err = keys.OpenRing(ctx, o); err != nil {
		t.Fatal(err)
	}
	r.Close()
	wrong, err := keys.PassphraseRoot(o.Dir, []byte("another passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	o.KMS = wrong
	_, err = keys.OpenRing(ctx, o)
	wantKind(t, "wrong passphrase", err, strongroom.Denied)
	_, err = keys.PassphraseRoot(o.Dir, []byte("short"))
	wantKind(t, "short passphrase", err, strongroom.Invalid)

	_, file := newRing(t)
	_, err = keys.PassphraseRoot(file.Dir, pass)
	wantKind(t, "a passphrase for a key file's ring", err, strongroom.Invalid)
}

func TestRootFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root")
	root, err := keys.CreateRootFile(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.RootFromFile(path)
	if err != nil || again.Describe().ID != root.Describe().ID {
		t.Fatal("the root does not come back:", err)
	}
	_, err = keys.CreateRootFile(path)
	wantKind(t, "a file that is there", err, strongroom.Conflict)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o611} {
		os.Chmod(path, mode)
		_, err = keys.RootFromFile(path)
		wantKind(t, fmt.Sprintf("mode %o", mode), err, strongroom.Denied)
	}
	// What systemd hands over shows the mask of an access list.
	os.Chmod(path, 0o440)
	if _, err = keys.RootFromCredentials(filepath.Dir(path), "root"); err != nil {
		t.Error("a credential:", err)
	}
	os.Chmod(path, 0o444)
	_, err = keys.RootFromCredentials(filepath.Dir(path), "root")
	wantKind(t, "a credential everybody reads", err, strongroom.Denied)
	for _, name := range []string{"", "../root", "a/b", ".hidden"} {
		_, err = keys.RootFromCredentials(filepath.Dir(path), name)
		wantKind(t, "credential "+name, err, strongroom.Invalid)
	}
	os.Chmod(path, 0o600)
	f, _ := os.Open(path)
	if fromFD, err := keys.RootFromDescriptor(dup(t, f)); err != nil || fromFD.Describe().ID != root.Describe().ID {
		t.Error("by descriptor:", err)
	}
	f.Close()
	_, err = keys.RootFromDescriptor(-1)
	wantKind(t, "no descriptor", err, strongroom.Invalid)
	_, err = keys.RootFromFile(path + "x")
	wantKind(t, "no file", err, strongroom.NotFound)

	secret, _ := os.ReadFile(path)
	for name, text := range map[string]string{
		"empty": "", "no prefix": "0123", "short": "strongroom-root-1:00", "not hex": "strongroom-root-1:" + strings.Repeat("zz", 32),
		"long": string(secret) + "1", "huge": strings.Repeat("x", 10000),
	} {
		p := filepath.Join(t.TempDir(), "bad")
		os.WriteFile(p, []byte(text), 0o600)
		_, err := keys.RootFromFile(p)
		wantKind(t, name, err, strongroom.Invalid)
		if err != nil && strings.Contains(err.Error(), "z") {
			t.Error("the error repeats the file:", err)
		}
	}
}

func TestPassphraseFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pass")
	os.WriteFile(path, []byte("open sesame, please\r\n"), 0o600)
	if b, err := keys.PassphraseFromFile(path); err != nil || string(b) != "open sesame, please" {
		t.Errorf("%q %v", b, err)
	}
	f, _ := os.Open(path)
	defer f.Close()
	if b, err := keys.PassphraseFromDescriptor(dup(t, f)); err != nil || string(b) != "open sesame, please" {
		t.Errorf("%q %v", b, err)
	}
	os.Chmod(path, 0o644)
	_, err := keys.PassphraseFromFile(path)
	wantKind(t, "a passphrase everybody reads", err, strongroom.Denied)
}

func TestRootDoesNotPrint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root")
	root, _ := keys.CreateRootFile(path)
	b, _ := os.ReadFile(path)
	secret := strings.TrimSpace(strings.TrimPrefix(string(b), "strongroom-root-1:"))
	//lint:ignore SA9005 that nothing is marshalled is what is tested
	js, _ := json.Marshal(root)
	out := string(js)
	for _, v := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		out += fmt.Sprintf(v, root) + fmt.Sprintf(v, *root)
	}
	var raw []byte
	fmt.Sscanf(secret, "%x", &raw)
	for _, s := range []string{secret[:16], string(raw[:8]), strings.Trim(fmt.Sprint(raw[:6]), "[]")} {
		if strings.Contains(out, s) {
			t.Error("the root prints")
		}
	}
	if !bytes.Contains(b, []byte(secret[:16])) {
		t.Error("the search finds nothing even in the file")
	}
}
