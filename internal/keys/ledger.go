package keys

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"strongroom"
)

// The ledger is a text file beside the database, never in it and never in a
// backup of it: one line for each record whose key was destroyed, written and
// synced before the transaction that destroys it commits. A database restored
// from an older copy is made to forget again what the ledger names. A line
// without commit is harmless: the erasure had been decided.
//
//	strongroom-ledger 1 test ring_…
//	018c5b1e9f400001 02 000606a1b2c3d4e5 9ae0f3b1
//
// are the record, the reason, the time in Unix microseconds, all in hexadecimal,
// and the CRC-32C of the line before it.
const (
	ledgerHead = "strongroom-ledger 1 %s %s\n"
	ledgerBody = "%016x %02x %016x "
	ledgerLine = 16 + 1 + 2 + 1 + 16 + 1 + 8 + 1 // bytes of a line
	ledgerHold = 1 << 16                         // bytes buffered while reading or writing
)

// Reason says why a data key was destroyed. The numbers are stored.
type Reason uint8

// The reasons.
const (
	Expired      Reason = iota + 1 // its date was reached
	Subject                        // the shopper asked
	Notice                         // the platform gave notice
	Disconnected                   // the store left
	Operator                       // a person decided
	Replayed                       // the ledger said so after a restore
)

// String returns the reason in the word the log uses.
func (r Reason) String() string { return r.word().String() }

// Entry is one line of the ledger.
type Entry struct {
	Record uint64
	Reason Reason
	At     time.Time
}

// ledger appends to the file. It is used by one transaction after another, so it
// needs no lock of its own.
type ledger struct {
	path   string
	f      *os.File // nil after a failure, until it is opened again
	size   int64    // bytes written
	good   int64    // bytes synced
	first  string   // the first line
	synced bool     // the present transaction has synced already
	buf    []byte
}

func openLedger(path string, env strongroom.Environment, ring string) (*ledger, error) {
	l := &ledger{path: path, first: fmt.Sprintf(ledgerHead, env, ring)}
	if err := l.open(os.O_CREATE); err != nil {
		return nil, err
	}
	if err := l.resume(); err != nil {
		l.f.Close()
		return nil, err
	}
	return l, nil
}

// resume finds the end of what was written, and begins an empty ledger.
func (l *ledger) resume() error {
	info, err := l.f.Stat()
	if err != nil {
		return unavailable("cannot read the erasure ledger", err)
	}
	size, err := writtenOf(l.f, info.Size())
	if err != nil {
		return unavailable("cannot read the erasure ledger", err)
	}
	if size < l.head() && l.holds(l.first[:size]) {
		return l.begin() // it is new, or a crash cut its beginning short
	}
	if err := l.ours(); err != nil {
		return err
	}
	// A line that a crash cut short was never relied upon.
	l.size = l.head() + max(0, size-l.head())/ledgerLine*ledgerLine
	l.good = l.size
	if l.size == info.Size() {
		return nil
	}
	if err := errors.Join(l.f.Truncate(l.size), l.f.Sync()); err != nil {
		return unavailable("cannot mend the end of the erasure ledger", err)
	}
	return nil
}

// writtenOf returns how much of a file is before the zeroes at its end. After a
// power failure a file may be longer than what reached the disk; nothing of that
// was synced, and no entry holds a zero byte.
func writtenOf(f *os.File, size int64) (int64, error) {
	b := make([]byte, 4096)
	for size > 0 {
		n := min(size, int64(len(b)))
		if _, err := f.ReadAt(b[:n], size-n); err != nil {
			return 0, err
		}
		if kept := bytes.TrimRight(b[:n], "\x00"); len(kept) > 0 {
			return size - n + int64(len(kept)), nil
		}
		size -= n
	}
	return 0, nil
}

// ours refuses a file that is not this keyring's ledger.
func (l *ledger) ours() error {
	if !l.holds(l.first) {
		return strongroom.Faultf(strongroom.Conflict, "ledger", "the erasure ledger belongs to another instance, or is damaged").
			Advise("point at the ledger of this keyring")
	}
	return nil
}

// holds reports whether the file begins with text.
func (l *ledger) holds(text string) bool {
	b := make([]byte, len(text))
	_, err := l.f.ReadAt(b, 0)
	return err == nil && string(b) == text
}

// open opens the file; create is os.O_CREATE to make a missing one, or 0.
func (l *ledger) open(create int) error {
	f, err := os.OpenFile(l.path, os.O_RDWR|create|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return unavailable("cannot open the erasure ledger", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = checkPrivate("the erasure ledger", info, false)
	}
	if err != nil {
		f.Close()
		return err
	}
	l.f = f
	return nil
}

// reopen opens the file again after a failure. It must hold all that was synced:
// entries behind a gap, in a file put in its place, would be lost with the rest.
func (l *ledger) reopen() error {
	if err := l.open(0); err != nil {
		return err
	}
	info, err := l.f.Stat()
	if err == nil && info.Size() >= l.good {
		if err = l.ours(); err == nil {
			return nil
		}
	}
	l.f.Close()
	l.f = nil
	return strongroom.Faultf(strongroom.Unavailable, "ledger", "the erasure ledger is not the one that was written before").
		Advise("bring it back; nothing is erased until then").Because(err)
}

func (l *ledger) begin() error {
	l.size, l.good = l.head(), l.head()
	_, err := l.f.WriteAt([]byte(l.first), 0)
	if err = errors.Join(err, l.f.Truncate(l.size), l.f.Sync(), syncDir(filepath.Dir(l.path))); err != nil {
		return unavailable("cannot begin the erasure ledger", err)
	}
	return nil
}

func (l *ledger) close() error {
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}

// head returns the length of the first line.
func (l *ledger) head() int64 { return int64(len(l.first)) }

// count returns how many entries the ledger holds.
func (l *ledger) count() int64 { return (l.size - l.head()) / ledgerLine }

// add writes entries behind the last. They are durable after sync.
func (l *ledger) add(records []uint64, reason Reason, at time.Time) error {
	if l.f == nil {
		if err := l.reopen(); err != nil {
			return err
		}
	}
	for len(records) > 0 {
		n := min(len(records), ledgerHold/ledgerLine)
		l.buf = l.buf[:0]
		for _, r := range records[:n] {
			l.buf = appendEntry(l.buf, Entry{Record: r, Reason: reason, At: at})
		}
		if _, err := l.f.WriteAt(l.buf, l.size); err != nil {
			return l.failed(err)
		}
		l.size += int64(len(l.buf))
		records = records[n:]
	}
	if l.synced {
		// The one sync of this transaction is over: this call needs its own.
		return l.sync()
	}
	return nil
}

// sync makes what was added durable.
func (l *ledger) sync() error {
	l.synced = true
	if l.size == l.good {
		return nil
	}
	if err := l.f.Sync(); err != nil {
		return l.failed(err)
	}
	l.good = l.size
	return nil
}

// failed lets go of the file and of what was not synced, which fails the
// transaction. After a failed sync the system may call the next one a success
// without having written, so the file is opened anew.
func (l *ledger) failed(err error) error {
	l.f.Close()
	l.f, l.size = nil, l.good
	return unavailable("cannot write the erasure ledger", err)
}

// appendEntry appends the line of e.
func appendEntry(dst []byte, e Entry) []byte {
	n := len(dst)
	dst = appendHex(dst, e.Record, 16)
	dst = appendHex(append(dst, ' '), uint64(e.Reason), 2)
	dst = appendHex(append(dst, ' '), uint64(e.At.UnixMicro()), 16)
	dst = append(dst, ' ')
	dst = appendHex(dst, uint64(crc32.Checksum(dst[n:], castagnoli())), 8)
	return append(dst, '\n')
}

// appendHex appends v in so many digits. The sweep writes a hundred thousand
// lines a second; package fmt would be what it waits for.
func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[v>>(4*i)&15])
	}
	return dst
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// ReadLedger calls fn with each entry of a ledger after the first skip, in
// order, in constant memory, and returns how many entries the ledger holds. A
// last line that was cut short is left out; any other damage is Internal. An
// error from fn ends the reading.
func ReadLedger(path string, skip int64, fn func(Entry) error) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, unavailable("cannot open the erasure ledger", err)
	}
	defer f.Close()
	return readEntries(f, skip, fn)
}

func readEntries(f io.ReadSeeker, skip int64, fn func(Entry) error) (int64, error) {
	r := bufio.NewReaderSize(f, ledgerHold)
	head, err := r.ReadString('\n')
	if err != nil || len(head) > 256 {
		return 0, strongroom.Faultf(strongroom.Internal, "ledger", "the erasure ledger has no first line")
	}
	if _, err := f.Seek(int64(len(head))+skip*ledgerLine, io.SeekStart); err != nil {
		return 0, unavailable("cannot read the erasure ledger", err)
	}
	r.Reset(f)
	line := make([]byte, ledgerLine)
	for n := skip; ; n++ {
		_, err := io.ReadFull(r, line)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return n, nil
		}
		if err != nil {
			return n, unavailable("cannot read the erasure ledger", err)
		}
		e, ok := parseEntry(line)
		if !ok {
			return n, strongroom.Faultf(strongroom.Internal, "ledger", "entry %d of the erasure ledger is damaged", n).
				Advise("bring back the ledger's newest copy; entries after it are not read")
		}
		if err := fn(e); err != nil {
			return n, err
		}
	}
}

// parseEntry reads one line, in its only spelling.
func parseEntry(line []byte) (Entry, bool) {
	if len(line) != ledgerLine {
		return Entry{}, false
	}
	record, err1 := strconv.ParseUint(string(line[:16]), 16, 64)
	reason, err2 := strconv.ParseUint(string(line[17:19]), 16, 8)
	us, err3 := strconv.ParseUint(string(line[20:36]), 16, 64)
	e := Entry{Record: record, Reason: Reason(reason), At: time.UnixMicro(int64(us)).UTC()}
	ok := err1 == nil && err2 == nil && err3 == nil && string(appendEntry(nil, e)) == string(line)
	return e, ok
}
