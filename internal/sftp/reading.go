package sftp

import (
	"io"
	"slices"
	"sync"
)

// reading is an open file. It keeps which spans of it were read: clients read ahead, out
// of order and past the end, so the last byte alone does not say that all were.
type reading struct {
	content Content
	folder  *folder

	mu     sync.Mutex
	spans  []span // ascending, apart
	closed bool
}

// maxSpans bounds what is kept of a client that reads here and there; beyond it the file
// does not count as read whole.
const maxSpans = 4096

type span struct{ from, to int64 }

// ReadAt reads from the one content.
func (r *reading) ReadAt(p []byte, offset int64) (int, error) {
	if err := r.folder.ctx.Err(); err != nil {
		return 0, err
	}
	if offset < 0 || offset >= r.content.Size() {
		return 0, io.EOF
	}
	n, err := r.content.ReadAt(p, offset)
	r.note(span{offset, offset + int64(n)})
	return n, err
}

// note adds a span to those that were read.
func (r *reading) note(s span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.from == s.to || len(r.spans) > maxSpans {
		return
	}
	i, _ := slices.BinarySearchFunc(r.spans, s.from, func(e span, from int64) int {
		if e.to < from {
			return -1
		}
		return 1
	})
	j := i
	for j < len(r.spans) && r.spans[j].from <= s.to {
		s.from = min(s.from, r.spans[j].from)
		s.to = max(s.to, r.spans[j].to)
		j++
	}
	r.spans = slices.Replace(r.spans, i, j, s)
}

// Close lets go of the content; the second time nothing happens.
func (r *reading) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	size := r.content.Size()
	whole := size == 0 || len(r.spans) == 1 && r.spans[0] == span{0, size}
	r.mu.Unlock()
	r.folder.mu.Lock()
	delete(r.folder.open, r)
	r.folder.held--
	r.folder.mu.Unlock()
	return said(r.content.Close(whole))
}
