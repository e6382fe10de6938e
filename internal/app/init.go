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
	"strongroom/internal/people"
)

// Made is what [Init] made. APIKey and Link are secrets that are shown once.
type Made struct {
	Data        string                 `json:"data"`
	Environment strongroom.Environment `json:"environment"`
	Keys        string                 `json:"keys"`
	RootKeyFile string                 `json:"root_key_file,omitempty"`
	LogKey      string                 `json:"log_key"`           // verifier key of the audit log
	APIKey      string                 `json:"api_key,omitempty"` // of a test instance
	Owner       string                 `json:"owner,omitempty"`   // the id of the first owner
	Link        string                 `json:"link,omitempty"`    // where the first owner enrols
	LinkExpires time.Time              `json:"link_expires_at,omitzero"`
}

// FirstOwner is the person who owns a new instance. It is personal.
type FirstOwner struct {
	Name, Email string
	Vouched     bool // it is the own name, though it reads like that of a role
}

// Init makes a new instance in dir: configuration, root key, keyring, database,
// log, and the first owner with the link to enrol, whom a test instance may do
// without. A test instance gets a service key that may do everything. Init never
// touches an existing instance; what it made before an error is removed again.
func Init(ctx context.Context, dir string, c Config, owner FirstOwner, pass Passphrase) (made Made, err error) {
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
	if err := owner.check(c.Environment); err != nil {
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
	if err := bind(dir, c.Keys, false); err != nil {
		return made, errors.Join(err, a.Close())
	}
	made = Made{Data: dir, Environment: c.Environment, Keys: c.Keys, RootKeyFile: c.Root.File, LogKey: a.audit.Verifier().String()}
	err = errors.Join(a.found(ctx, owner, &made), a.Close())
	return made, err
}

// check refuses a production instance without an owner, and who could not be one,
// before anything is made.
func (o FirstOwner) check(env strongroom.Environment) error {
	if o == (FirstOwner{}) && env == strongroom.Test {
		return nil
	}
	if o.Name == "" || o.Email == "" {
		return strongroom.Faultf(strongroom.Invalid, "owner", "an instance needs a first owner, with name and address").
			Advise("pass --owner-name and --owner-email")
	}
	err := people.RefuseShared(o.Name, o.Email, o.Vouched)
	if !o.Vouched && err != nil && people.RefuseShared(o.Name, o.Email, true) == nil {
		err = strongroom.Faultf(strongroom.Invalid, "shared-name", "the name is that of a role or a group").
			Advise("enter the person's own name; if it is their own name, pass --owner-vouched")
	}
	return err
}

// found makes what lets somebody in: the first owner, and in a test instance a key
// that may do everything.
func (a *App) found(ctx context.Context, owner FirstOwner, made *Made) error {
	if a.conf.Environment == strongroom.Test {
		_, secret, err := a.identity.CreateKey(ctx, a.local(), identity.KeySpec{
			Label: "init", Roles: []string{authz.TestEverything}, AllStores: true, Expires: a.clock.Now().Add(a.conf.KeyMaxLife),
		})
		if err != nil {
			return err
		}
		made.APIKey = secret.Reveal()
	}
	if owner == (FirstOwner{}) {
		return nil
	}
	p, link, err := a.people.Found(ctx, a.local(), people.Spec{Name: owner.Name, Email: owner.Email, Vouched: owner.Vouched, Employment: people.Employee})
	if err != nil {
		return err
	}
	made.Owner, made.Link, made.LinkExpires = p.ID, a.conf.EnrolmentLink(link.Token.Reveal()), link.Expires
	return nil
}

// EnrolmentLink is where a person enrols with the token of a link. The token is
// behind the #, so that no server and no log on the way sees it.
func (c *Config) EnrolmentLink(token string) string { return c.publicURL() + "/enrol#" + token }

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
