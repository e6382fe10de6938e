//go:build unix

package keys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"strongroom"
)

// Names inside the key folder.
const (
	ringName = "keyring"
	tempName = "keyring.new"
	lockName = "lock"
)

// folder is the key folder of one process: private, locked, with one file that
// is replaced as a whole or not at all.
type folder struct {
	path string
	lock *os.File
	// at is told each step of a replacement; a test ends the process there.
	at func(step string) error
}

// openFolder checks and locks the folder. A folder or file that anybody but its
// owner may touch, or that another user owns, is refused.
func openFolder(path string) (*folder, error) {
	if err := checkFolder(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, unavailable("cannot open the lock of the key folder", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, strongroom.Faultf(strongroom.Conflict, "keyring", "another process holds the keyring").
			Advise("stop it first, or let it do the work").Because(err)
	}
	d := &folder{path: path, lock: f, at: func(string) error { return nil }}
	// A write that was cut short leaves a file nothing depends on.
	if err := wipeFile(filepath.Join(path, tempName)); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *folder) close() error { return d.lock.Close() } // closing frees the lock

// checkFolder refuses a folder that is not its owner's alone.
func checkFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return strongroom.Faultf(strongroom.NotFound, "keyring", "cannot find the key folder").Because(err)
	}
	if !info.IsDir() {
		return strongroom.Faultf(strongroom.Invalid, "keyring", "the key folder is no folder")
	}
	return checkPrivate("the key folder", info, false)
}

// checkPrivate refuses loose permissions and foreign owners. A handed-over file
// may be root's and show a group's right to read: systemd gives a unit's user
// access to its credentials by an ACL, whose mask shows there.
func checkPrivate(what string, info fs.FileInfo, handed bool) error {
	loose := fs.FileMode(0o077)
	if handed {
		loose = 0o037
	}
	if info.Mode().Perm()&loose != 0 {
		return strongroom.Faultf(strongroom.Denied, "permissions", "%s may be touched by others than its owner (mode %04o)", what, info.Mode().Perm()).
			Advise("take the rights of group and others away: chmod go= on it")
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && (!handed || st.Uid != 0) {
		return strongroom.Faultf(strongroom.Denied, "permissions", "%s belongs to another user", what).
			Advise("run as that user, or give it to the user the program runs as")
	}
	return nil
}

// openPrivate opens an existing regular file that its owner alone may touch. It
// checks what it has opened, so that nothing can be swapped in between.
func openPrivate(path string, handed bool) (*os.File, error) {
	// Without NONBLOCK, opening a pipe put in the file's place would hang.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, strongroom.Faultf(strongroom.NotFound, "keyring", "no such key file").Because(err)
	}
	if err != nil {
		return nil, unavailable("cannot open a key file", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = strongroom.Faultf(strongroom.Invalid, "keyring", "a key file must be a plain file")
	}
	if err == nil {
		err = checkPrivate("a key file", info, handed)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// replace puts b in the place of the keyring: after any crash the file holds the
// old bytes or the new ones, and on return the new ones are on stable storage.
// The old bytes are overwritten before their blocks are given back, which is the
// best a program can do; flash and copy-on-write storage may keep them.
func (d *folder) replace(b []byte) error {
	ring, temp := filepath.Join(d.path, ringName), filepath.Join(d.path, tempName)
	if err := d.writeTemp(temp, b); err != nil {
		return err
	}
	old, err := os.OpenFile(ring, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable("cannot open the keyring", err)
	}
	if old != nil {
		defer old.Close()
	}
	if err := d.at("rename"); err != nil {
		return err
	}
	if err := os.Rename(temp, ring); err != nil {
		return unavailable("cannot replace the keyring", err)
	}
	if err := d.at("sync folder"); err != nil {
		return err
	}
	if err := syncDir(d.path); err != nil {
		return unavailable("cannot make the keyring durable", err)
	}
	if err := d.at("overwrite"); err != nil {
		return err
	}
	if old != nil {
		wipe(old) // best effort: the new file stands already
	}
	return d.at("done")
}

func (d *folder) writeTemp(path string, b []byte) error {
	if err := d.at("write"); err != nil {
		return err
	}
	// A write that failed before may have left one.
	if err := wipeFile(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return unavailable("cannot write the keyring", err)
	}
	half := len(b) / 2
	_, err = f.Write(b[:half])
	if err == nil {
		err = d.at("half")
	}
	if err == nil {
		_, err = f.Write(b[half:])
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return unavailable("cannot write the keyring", err)
	}
	return d.at("written")
}

// read returns the keyring's bytes.
func (d *folder) read() ([]byte, error) { return readRing(d.path) }

// wipe overwrites the file with zeroes, in place.
func wipe(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zero := make([]byte, 32<<10)
	for at := int64(0); at < info.Size(); at += int64(len(zero)) {
		if _, err := f.WriteAt(zero[:min(int64(len(zero)), info.Size()-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}

// wipeFile overwrites and removes a file, if it is there.
func wipeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(wipe(f), f.Close(), os.Remove(path))
	}
	if err != nil {
		return unavailable("cannot remove a leftover of the keyring", err)
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
