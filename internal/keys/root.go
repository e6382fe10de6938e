package keys

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"strongroom"
	"strongroom/internal/seal"
)

// LocalRoot is a root key held in this process: the KMS of a passphrase, a key
// file, a file descriptor or a credentials directory. It does not print.
type LocalRoot struct {
	key  seal.Key
	desc Description
}

const (
	rootAD     = "strongroom/root-wrap/1"
	rootPrefix = "strongroom-root-1:"
	rootLimit  = 4096 // bytes read of a key or passphrase, at most
)

func newLocalRoot(k seal.Key, kind string, p *seal.Params) *LocalRoot {
	mark := k.MAC([]byte("strongroom/root-fingerprint/1"))
	return &LocalRoot{key: k, desc: Description{Kind: kind, ID: hex.EncodeToString(mark[:8]), Passphrase: p}}
}

// Wrap seals plaintext under the root, bound to ad.
func (r *LocalRoot) Wrap(_ context.Context, ad, plaintext []byte) ([]byte, error) {
	return r.key.Seal(nil, seal.AD(rootAD, ad), plaintext), nil
}

// Unwrap opens what Wrap sealed.
func (r *LocalRoot) Unwrap(_ context.Context, ad, wrapped []byte) ([]byte, error) {
	out, err := r.key.Open(nil, seal.AD(rootAD, ad), wrapped)
	if err != nil {
		return nil, wrongRoot()
	}
	return out, nil
}

// Describe names the root by its fingerprint.
func (r *LocalRoot) Describe() Description { return r.desc }

// Zero ends the root key. The LocalRoot is of no use afterwards.
func (r *LocalRoot) Zero() { r.key.Zero() }

func wrongRoot() error {
	return strongroom.Faultf(strongroom.Denied, "root", "the keyring does not open with this root key").
		Advise("give the root key this keyring was made with; without it nothing sealed can ever be opened")
}

// NewPassphraseRoot returns a root of pass at cost p, for a new keyring or a
// rotation. pass may be wiped afterwards.
func NewPassphraseRoot(pass []byte, p seal.Params) (*LocalRoot, error) {
	k, err := seal.FromPassphrase(pass, p)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "passphrase", "the passphrase cannot be used").Because(err)
	}
	return newLocalRoot(k, "passphrase", &p), nil
}

// PassphraseRoot returns the root of pass for the keyring in dir, at the cost
// stored there.
func PassphraseRoot(dir string, pass []byte) (*LocalRoot, error) {
	_, desc, err := Inspect(dir)
	if err != nil {
		return nil, err
	}
	if desc.Passphrase == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "root", "this keyring's root is of kind %q, not a passphrase", desc.Kind)
	}
	return NewPassphraseRoot(pass, *desc.Passphrase)
}

// CreateRootFile makes a new root key in the file path, which must not exist,
// readable by its owner alone. The file is on stable storage on return.
func CreateRootFile(path string) (*LocalRoot, error) {
	k := seal.NewKey()
	raw := k.Expose(nil)
	text := []byte(rootPrefix + hex.EncodeToString(raw) + "\n")
	defer clear(raw)
	defer clear(text)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Conflict, "root", "cannot make the root key file").
			Advise("choose a path where no file is yet and its folder exists").Because(err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close(), syncDir(filepath.Dir(path)))
	if err != nil {
		return nil, unavailable("cannot write the root key file", err)
	}
	return newLocalRoot(k, "key", nil), nil
}

// RootFromFile returns the root key in the file path: what CreateRootFile wrote.
// A file that others than its owner may read is refused.
func RootFromFile(path string) (*LocalRoot, error) {
	return rootFromFile(path, false)
}

func rootFromFile(path string, handed bool) (*LocalRoot, error) {
	b, err := readSecret(path, handed)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return parseRoot(b)
}

// RootFromCredentials returns the root key in the file name of a credentials
// directory, such as the one systemd hands to a unit. The directory is given by
// the operator, never taken from the environment.
func RootFromCredentials(dir, name string) (*LocalRoot, error) {
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, strongroom.Faultf(strongroom.Invalid, "root", "a credential is named by a plain file name")
	}
	return rootFromFile(filepath.Join(dir, name), true)
}

// RootFromDescriptor reads the root key from an open file descriptor up to its
// end, and closes it.
func RootFromDescriptor(fd int) (*LocalRoot, error) {
	b, err := readDescriptor(fd)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return parseRoot(b)
}

// PassphraseFromFile reads a passphrase from a file that its owner alone may
// read, without the line end. The caller wipes it.
func PassphraseFromFile(path string) ([]byte, error) {
	b, err := readSecret(path, false)
	return bytes.TrimRight(b, "\r\n"), err
}

// PassphraseFromDescriptor reads a passphrase from an open file descriptor up
// to its end, without the line end, and closes it. The caller wipes it.
func PassphraseFromDescriptor(fd int) ([]byte, error) {
	b, err := readDescriptor(fd)
	return bytes.TrimRight(b, "\r\n"), err
}

func parseRoot(b []byte) (*LocalRoot, error) {
	malformed := strongroom.Faultf(strongroom.Invalid, "root", "this is no root key").
		Advise("a root key file holds one line that starts with %q", rootPrefix)
	text, ok := bytes.CutPrefix(bytes.TrimRight(b, "\r\n"), []byte(rootPrefix))
	if !ok || len(text) != 2*seal.KeySize {
		return nil, malformed
	}
	raw := make([]byte, seal.KeySize)
	defer clear(raw)
	if _, err := hex.Decode(raw, text); err != nil {
		return nil, malformed // the decoder's error would repeat a character of the key
	}
	k, err := seal.KeyFrom(raw)
	if err != nil {
		return nil, malformed
	}
	return newLocalRoot(k, "key", nil), nil
}

// readSecret reads a small file after checking that its owner alone may.
func readSecret(path string, handed bool) ([]byte, error) {
	f, err := openPrivate(path, handed)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f)
}

func readDescriptor(fd int) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "descriptor")
	if fd < 0 || f == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "root", "no such file descriptor")
	}
	defer f.Close()
	return readLimited(f)
}

func readLimited(f *os.File) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, rootLimit+1))
	if err != nil {
		return nil, unavailable("cannot read the root key", err)
	}
	if len(b) > rootLimit {
		clear(b)
		return nil, strongroom.Faultf(strongroom.Invalid, "root", "a root key or passphrase has at most %d bytes", rootLimit)
	}
	return b, nil
}

func unavailable(what string, err error) error {
	return strongroom.Faultf(strongroom.Unavailable, "keyring", "%s", what).Because(err)
}
