package app

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/identity"
	"strongroom/internal/keys"
)

// Made is what [Init] made. APIKey is a secret that is shown once.
type Made struct {
	Data        string                 `json:"data"`
	Environment strongroom.Environment `json:"environment"`
	Keys        string                 `json:"keys"`
	RootKeyFile string                 `json:"root_key_file,omitempty"`
	LogKey      string                 `json:"log_key"` // verifier key of the audit log
	APIKey      string                 `json:"api_key"`
}

// initLifetime is how long the key that init makes lives: enough to make named
// ones.
const initLifetime = 90 * 24 * time.Hour

// Init makes a new instance in dir: configuration, root key, keyring, database,
// log and a first service key. It never touches an existing instance; what it
// made before an error is removed again.
func Init(ctx context.Context, dir string, c Config, pass Passphrase) (made Made, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return made, err
	}
	if c.Root == (RootConfig{}) {
		c.Root.File = filepath.Join(dir+".root", "root.key")
	}
	for _, p := range []*string{&c.Keys, &c.Root.File, &c.Root.Credential, &c.DatabasePasswordFile} {
		if *p != "" {
			if *p, err = filepath.Abs(*p); err != nil {
				return made, err
			}
		}
	}
	if err := c.Check(dir); err != nil {
		return made, err
	}
	undo, err := makeFolders(dir, c)
	defer func() {
		if err != nil {
			undo()
		}
	}()
	if err != nil {
		return made, err
	}
	root, err := makeRoot(c, pass)
	if err != nil {
		return made, err
	}
	clock := new(strongroom.Clock)
	ring, err := keys.CreateRing(ctx, keys.RingOptions{Dir: c.Keys, KMS: root, Environment: c.Environment, Clock: clock})
	if err != nil {
		return made, err
	}
	if err := c.Write(dir); err != nil {
		return made, errors.Join(err, ring.Close())
	}
	lock, err := TakeLock(dir)
	if err != nil {
		return made, errors.Join(err, ring.Close())
	}
	a, err := start(ctx, Options{Dir: dir}, c, lock, &ringAndClock{ring, clock})
	if err != nil {
		return made, err
	}
	secret, err := a.firstKey(ctx)
	made = Made{Data: dir, Environment: c.Environment, Keys: c.Keys, RootKeyFile: c.Root.File, LogKey: a.audit.Verifier().String(), APIKey: secret}
	return made, errors.Join(err, a.Close())
}

// firstKey makes the first service key: in a test instance one that may do
// everything, in production an owner's.
func (a *App) firstKey(ctx context.Context) (string, error) {
	role := authz.Owner
	if a.conf.Environment == strongroom.Test {
		role = authz.TestEverything
	}
	maker := a.local()
	if a.conf.Environment != strongroom.Test {
		// Nobody can sign in yet: who makes the instance is its owner for this one act.
		maker.Roles, maker.Standing.Trained = []string{authz.Owner}, true
	}
	_, secret, err := a.identity.CreateKey(ctx, maker, identity.KeySpec{
		Label: "init", Roles: []string{role}, AllStores: true, Expires: a.clock.Now().Add(min(initLifetime, a.conf.KeyMaxLife)),
	})
	if err != nil {
		return "", err
	}
	return secret.Reveal(), nil
}

// makeFolders makes the data and the key folder, private, and returns what
// removes again whatever was made: whole folders, or what has come into those
// that were there and empty.
func makeFolders(dir string, c Config) (undo func(), err error) {
	var made, filled []string
	keep := filepath.Base(c.Keys)
	undo = func() {
		for _, p := range filled {
			entries, _ := os.ReadDir(p) // what cannot be listed stays
			for _, e := range entries {
				if p != dir || e.Name() != keep {
					os.RemoveAll(filepath.Join(p, e.Name()))
				}
			}
		}
		for _, p := range made {
			os.RemoveAll(p)
		}
	}
	for _, p := range []string{dir, c.Keys} {
		entries, err := os.ReadDir(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := os.MkdirAll(p, 0o700); err != nil {
				return undo, err
			}
			made = append(made, p)
		case err != nil:
			return undo, err
		case len(entries) > 0 && !only(entries, keep):
			return undo, strongroom.Faultf(strongroom.Conflict, "init", "%s is not empty; init never touches what is there", p).
				Advise("choose another folder with --data or --keys")
		default:
			filled = append(filled, p)
			if err := os.Chmod(p, 0o700); err != nil {
				return undo, err
			}
		}
	}
	if f := c.Root.File; f != "" {
		if _, err := os.Stat(f); errors.Is(err, fs.ErrNotExist) {
			made = append(made, f)
			if _, err := os.Stat(filepath.Dir(f)); errors.Is(err, fs.ErrNotExist) {
				made = append(made, filepath.Dir(f))
			}
		}
	}
	return undo, nil
}

// only reports whether name is the only entry, as when the accepted key folder
// lies in the data folder.
func only(entries []os.DirEntry, name string) bool {
	return len(entries) == 1 && entries[0].Name() == name
}

// databaseURL returns the URL with the password from its file.
func (c Config) databaseURL() (string, error) {
	if c.DatabasePasswordFile == "" {
		return c.Database, nil
	}
	text, err := keys.PassphraseFromFile(c.DatabasePasswordFile)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(c.Database)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(u.User.Username(), strings.TrimSpace(string(text)))
	return u.String(), nil
}

func uidText() string { return strconv.Itoa(os.Getuid()) }
