package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"strongroom"
)

// servesName is the file of the key folder that says which data folder it serves.
const servesName = "serves"

// serves binds a key folder to one data folder. A copy of the data folder names the
// same key folder in its configuration; were it opened, its events would move the
// checkpoint, and the original would look cut.
type serves struct {
	Instance string `json:"instance"` // as instanceID names the data folder
	Path     string `json:"path"`     // where that lay
	Keys     string `json:"keys"`     // the key folder's own place on its disk
}

// bind refuses a data folder that is not the one its key folder serves while that
// one is still where it was, and notes which it serves from here on. Nothing is in
// the way of a move: the data folder is gone from its old place then, or the key
// folder is a copy as well. The caller holds both folders.
func bind(dir, keyDir string, adopt bool) error {
	now, err := servesNow(dir, keyDir)
	if err != nil {
		return err
	}
	path := filepath.Join(keyDir, servesName)
	was, err := readServes(path)
	if err != nil || was == now {
		return err
	}
	if !adopt && was.Instance != now.Instance && was.Keys == now.Keys && was.Path != now.Path && was.there() {
		return strongroom.Faultf(strongroom.Conflict, "key-folder", "this is a copy: its key folder serves the data folder %s", was.Path).
			Advise("to look into a copy, copy the key folder too and name that in its %s; to go on here instead of there, run: strongroom adopt --data %s", ConfigName, dir)
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return writeFileSync(path, append(text, '\n'), 0o600)
}

func servesNow(dir, keyDir string) (s serves, err error) {
	if s.Instance, err = instanceID(dir); err != nil {
		return s, err
	}
	if s.Path, err = filepath.Abs(dir); err != nil {
		return s, err
	}
	if s.Path, err = filepath.EvalSymlinks(s.Path); err != nil {
		return s, err
	}
	s.Keys, err = place(keyDir)
	return s, err
}

// there reports whether the data folder that is served still lies where it lay.
func (s serves) there() bool {
	if _, err := os.Stat(filepath.Join(s.Path, ConfigName)); err != nil {
		return false
	}
	id, err := instanceID(s.Path)
	return err == nil && id == s.Instance
}

// readServes returns what a key folder serves; nothing where it has never been bound.
func readServes(path string) (s serves, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, strongroom.Faultf(strongroom.Invalid, "key-folder", "%s cannot be read", path).
			Advise("remove the file; the next start writes it anew").Because(err)
	}
	return s, nil
}

// place names where a folder lies on its disk.
func place(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x.%x", uint64(st.Dev), st.Ino), nil
}

// Adopt makes the key folder that the configuration names serve the data folder
// o.Dir from now on, in the place of the one it served. Nobody may have either open.
func Adopt(ctx context.Context, o Options) error {
	c, err := o.config()
	if err != nil {
		return err
	}
	lock, err := TakeLock(o.Dir)
	if err != nil {
		return err
	}
	root, err := openRoot(c, o.Passphrase)
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	o.adopt = true
	r, err := openRing(ctx, o, c, root)
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	return errors.Join(r.ring.Close(), lock.Release())
}
