package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"strongroom"
)

// Names inside the data folder.
const (
	databaseName = "strongroom.db"
	lockName     = "lock"
	SocketName   = "strongroom.sock" // SocketName is the Unix socket of a serving instance.
	clockName    = "clock.json"
)

// Lock is the exclusive ownership of a data folder by one process. The kernel
// lets go of it when the process dies, however it dies.
type Lock struct{ f *os.File }

// ErrLocked says that another process owns the data folder.
var ErrLocked error = strongroom.Faultf(strongroom.Conflict, "locked", "another process owns the data folder").
	Advise("stop the server or the command that has it")

// TakeLock takes the exclusive lock of the data folder dir, or returns
// ErrLocked at once.
func TakeLock(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return &Lock{f}, nil
}

// Release gives the folder back.
func (l *Lock) Release() error { return l.f.Close() }

// socketPath returns a path to the socket in dir that fits into the kernel's 107
// bytes, however deep dir lies: a longer one goes through a descriptor of the
// folder. free lets go of that descriptor.
func socketPath(dir string) (path string, free func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) <= 107 {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), SocketName), func() { d.Close() }, nil
}

// CheckFolder refuses a data or key folder that others may enter.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return strongroom.Faultf(strongroom.Invalid, "folder", "%s is not a folder", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return strongroom.Faultf(strongroom.Invalid, "permissions", "%s is open to other users (mode %04o)", path, info.Mode().Perm()).
			Advise("chmod 700 %s", path)
	}
	return nil
}

// clockFile keeps a test instance's clock across restarts: an offset from real
// time, so that it keeps ticking while nothing runs.
type clockFile struct {
	OffsetMicros int64 `json:"offset_us"`
}

// loadClock returns the clock of the instance in dir: real time, except in a
// test instance whose clock was moved.
func loadClock(dir string, env strongroom.Environment) (*strongroom.Clock, error) {
	clock := new(strongroom.Clock)
	text, err := os.ReadFile(filepath.Join(dir, clockName))
	if errors.Is(err, fs.ErrNotExist) {
		return clock, nil
	}
	if err != nil {
		return nil, err
	}
	if env != strongroom.Test {
		return nil, strongroom.Faultf(strongroom.Invalid, "clock", "%s moves the clock, which only a test instance may do", filepath.Join(dir, clockName)).
			Advise("remove the file")
	}
	var c clockFile
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "clock", "%s cannot be read", filepath.Join(dir, clockName)).Because(err)
	}
	clock.SetOffset(time.Duration(c.OffsetMicros) * time.Microsecond)
	return clock, nil
}

func saveClock(dir string, offset time.Duration) error {
	text, err := json.Marshal(clockFile{offset.Microseconds()})
	if err != nil {
		return err
	}
	return writeFileSync(filepath.Join(dir, clockName), append(text, '\n'), 0o600)
}

func writeFileSync(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
