package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"strongroom"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// Passphrase supplies a passphrase: from the file descriptor fd if it is
// positive, else by asking a person. It is never an environment variable.
type Passphrase func(fd int) ([]byte, error)

// openRoot returns the root key of an existing keyring.
func openRoot(c Config, pass Passphrase) (keys.KMS, error) {
	switch r := c.Root; {
	case r.Transit != nil:
		return openTransit(*r.Transit)
	case r.Passphrase:
		text, err := askFor(pass, r.FD)
		if err != nil {
			return nil, err
		}
		defer clear(text)
		return keys.PassphraseRoot(c.Keys, text)
	case r.FD > 0:
		return keys.RootFromDescriptor(r.FD)
	case r.Credential != "":
		return keys.RootFromCredentials(filepath.Dir(r.Credential), filepath.Base(r.Credential))
	default:
		return keys.RootFromFile(r.File)
	}
}

// makeRoot returns the root key for a new keyring, making a key file that does
// not exist yet.
func makeRoot(c Config, pass Passphrase) (keys.KMS, error) {
	switch r := c.Root; {
	case r.Passphrase:
		text, err := askFor(pass, r.FD)
		if err != nil {
			return nil, err
		}
		defer clear(text)
		return keys.NewPassphraseRoot(text, seal.NewParams())
	case r.File != "":
		return keyFile(r.File)
	default:
		return openRoot(c, pass)
	}
}

// keyFile opens the key file at path, or makes it in a private folder.
func keyFile(path string) (*keys.LocalRoot, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return keys.RootFromFile(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return keys.CreateRootFile(path)
}

func askFor(pass Passphrase, fd int) ([]byte, error) {
	if pass == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "passphrase", "the root key needs a passphrase and nobody can be asked").
			Advise("start with --root-fd, or use a key file")
	}
	return pass(fd)
}

func openTransit(t TransitConfig) (keys.KMS, error) {
	return keys.NewTransit(keys.TransitOptions{Address: t.Address, Mount: t.Mount, Key: t.Key, TokenFile: t.TokenFile, CAFile: t.CAFile})
}

// RotateRoot wraps the keyring under the key in newFile, made if missing, and
// writes the new source into the configuration that o names. It goes on where an earlier call
// was cut off. The old root opens nothing afterwards.
func RotateRoot(ctx context.Context, o Options, newFile string) error {
	if newFile == "" {
		return strongroom.Faultf(strongroom.Invalid, "root", "the file of the new root key must be named")
	}
	newFile, err := filepath.Abs(newFile)
	if err != nil {
		return err
	}
	c, err := LoadConfig(o.Dir, o.ConfigFile)
	if err != nil {
		return err
	}
	changed := c
	changed.Root = RootConfig{File: newFile}
	if err := changed.Check(o.Dir); err != nil {
		return err
	}
	a, err := open(ctx, o, c)
	if strongroom.IsKind(err, strongroom.Denied) {
		return finishRotation(ctx, o, changed, err)
	}
	if err != nil {
		return err
	}
	next, err := keyFile(newFile)
	if err == nil {
		err = a.keys.RotateRoot(ctx, a.local(), next)
	}
	if err == nil {
		err = changed.named(o.configFile())
	}
	return errors.Join(err, a.Close())
}

// named writes the configuration that names the new root, and says where things
// stand if it cannot be written: the keyring has been moved by then.
func (c Config) named(file string) error {
	err := c.writeTo(file)
	if err == nil {
		return nil
	}
	return strongroom.Faultf(strongroom.Conflict, "root-config", "the keyring opens with the new root key only, but %s cannot be written and does not name it", file).
		Advise("keep both keys, see that the file and its folder can be written, and run the same command again").Because(err)
}

// finishRotation ends a rotation that was cut off after the keyring was moved
// and before the configuration was: the old root opens nothing any more, the new
// one does. Where it does not either, nothing is touched and refused is why.
func finishRotation(ctx context.Context, o Options, changed Config, refused error) error {
	if _, err := os.Stat(changed.Root.File); err != nil {
		return refused
	}
	a, err := open(ctx, o, changed)
	if strongroom.IsKind(err, strongroom.Denied) {
		return refused
	}
	if err != nil {
		return err
	}
	return errors.Join(changed.named(o.configFile()), a.Close())
}

// writeTo stores the configuration in file with mode 0600.
func (c Config) writeTo(file string) error {
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return writeFileSync(file, text, 0o600)
}
