package sftp

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"strongroom"
)

// folder is a room as the protocol sees it: a root with files, and nothing below.
type folder struct {
	ctx   context.Context
	room  Room
	visit *visit

	mu   sync.Mutex
	open map[*reading]struct{}
	held int // open files, and those that are being opened
}

// nameOf is the name of a file in the root, or false.
func nameOf(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, "/")
	if !ok || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
		return "", false
	}
	return name, true
}

// said is what a client may know of an error.
func said(err error) error {
	switch {
	case err == nil:
		return nil
	case strongroom.IsKind(err, strongroom.NotFound), strongroom.IsKind(err, strongroom.Erased):
		return sftp.ErrSSHFxNoSuchFile
	case strongroom.IsKind(err, strongroom.Unavailable), strongroom.IsKind(err, strongroom.Internal):
		return sftp.ErrSSHFxFailure
	}
	return sftp.ErrSSHFxPermissionDenied
}

// Fileread opens a file.
func (f *folder) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	name, ok := nameOf(r.Filepath)
	if !ok || r.Pflags().Write || r.Pflags().Creat || r.Pflags().Append || r.Pflags().Trunc {
		f.visit.refuse(RefusedAct)
		return nil, sftp.ErrSSHFxPermissionDenied
	}
	f.mu.Lock()
	if f.held >= maxOpen {
		f.mu.Unlock()
		f.visit.refuse(RefusedLimit)
		return nil, sftp.ErrSSHFxFailure
	}
	f.held++
	f.mu.Unlock()
	content, err := f.room.Open(f.ctx, name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.held--
		return nil, said(err)
	}
	open := &reading{content: content, folder: f}
	if f.open == nil {
		f.open = map[*reading]struct{}{}
	}
	f.open[open] = struct{}{}
	return open, nil
}

// Filewrite refuses every write.
func (f *folder) Filewrite(*sftp.Request) (io.WriterAt, error) {
	f.visit.refuse(RefusedAct)
	return nil, sftp.ErrSSHFxPermissionDenied
}

// Filecmd removes a file and refuses all else.
func (f *folder) Filecmd(r *sftp.Request) error {
	name, ok := nameOf(r.Filepath)
	if r.Method != "Remove" || !ok {
		f.visit.refuse(RefusedAct)
		return sftp.ErrSSHFxPermissionDenied
	}
	return said(f.room.Remove(f.ctx, name))
}

// Filelist lists the root and stats it or one of its files.
func (f *folder) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	name, ok := nameOf(r.Filepath)
	root := r.Filepath == "/"
	switch {
	case r.Method == "Stat" && root:
		return listing{info{dir: true, file: File{Name: "/"}}}, nil
	case r.Method == "List" && root, r.Method == "Stat" && ok:
	default:
		f.visit.refuse(RefusedAct)
		return nil, sftp.ErrSSHFxNoSuchFile
	}
	files, err := f.room.Files(f.ctx)
	if err != nil {
		return nil, said(err)
	}
	var out listing
	for _, file := range files {
		if root || file.Name == name {
			out = append(out, info{file: file})
		}
	}
	if !root && len(out) == 0 {
		return nil, sftp.ErrSSHFxNoSuchFile
	}
	return out, nil
}

// closeAll lets go of what a client left open.
func (f *folder) closeAll() {
	f.mu.Lock()
	var left []*reading
	for r := range f.open {
		left = append(left, r)
	}
	f.mu.Unlock()
	for _, r := range left {
		_ = r.Close()
	}
}

// listing is a list at one moment.
type listing []info

// ListAt copies the entries from an offset on.
func (l listing) ListAt(to []fs.FileInfo, offset int64) (int, error) {
	if offset < 0 || offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := 0
	for n < len(to) && int(offset)+n < len(l) {
		to[n] = l[int(offset)+n]
		n++
	}
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

// info is an entry: it may be read by its one recipient.
type info struct {
	file File
	dir  bool
}

func (i info) Name() string       { return i.file.Name }
func (i info) Size() int64        { return i.file.Size }
func (i info) ModTime() time.Time { return i.file.Made }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o500
	}
	return 0o400
}
