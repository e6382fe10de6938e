package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"strongroom"
	"strongroom/internal/tlog"
)

// outside is the newest checkpoint kept outside the database.
type outside struct {
	note   []byte // nil: there is no file
	mark   tlog.Checkpoint
	damage error // the file is there and is not a checkpoint of ours
}

// maxNote bounds the checkpoint file, in bytes.
const maxNote = 64 << 10

// readOutside reads the checkpoint file. An error means that it cannot be read
// now; a file with other contents is damage, not an error.
func (l *Log) readOutside() (outside, error) {
	var o outside
	if l.o.CheckpointPath == "" {
		return o, nil
	}
	info, err := os.Stat(l.o.CheckpointPath)
	if err == nil && info.Size() <= maxNote {
		o.note, err = os.ReadFile(l.o.CheckpointPath)
	} else if err == nil {
		o.note, o.damage = []byte{}, tlog.ErrCheckpoint
		return o, nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return o, nil
	case err != nil:
		return o, strongroom.Faultf(strongroom.Unavailable, "audit-checkpoint", "the checkpoint file cannot be read").Because(err)
	}
	o.mark, o.damage = tlog.OpenCheckpoint(o.note, l.Verifier())
	return o, nil
}

// writeOutside replaces the checkpoint file so that a crash leaves the old or the
// new one: temporary file, sync, rename, sync of the folder.
func (l *Log) writeOutside(note []byte) error {
	path := l.o.CheckpointPath
	if path == "" {
		return nil
	}
	if err := replaceFile(path, note); err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "audit-checkpoint", "the checkpoint file cannot be written").
			Advise("make room or mend the folder's permissions").Because(err)
	}
	return nil
}

func replaceFile(path string, data []byte) error {
	tmp := path + ".new"
	// The mode is for whoever owns the process alone.
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// setAside keeps the lost checkpoint's file beside the new one, under a name that
// is never used twice.
func (l *Log) setAside(log int64) error {
	path := l.o.CheckpointPath
	if path == "" {
		return nil
	}
	for n := log; n <= maxLog; n++ {
		aside := path + ".lost-" + strconv.FormatInt(n, 10)
		err := os.Link(path, aside)
		switch {
		case err == nil:
			return syncFolder(filepath.Dir(path))
		case errors.Is(err, fs.ErrNotExist):
			return nil // there was none
		case !errors.Is(err, fs.ErrExist):
			return strongroom.Faultf(strongroom.Unavailable, "audit-checkpoint", "the lost checkpoint cannot be set aside").Because(err)
		}
	}
	return strongroom.Faultf(strongroom.Exhausted, "audit-checkpoint", "too many lost checkpoints lie beside the newest")
}
