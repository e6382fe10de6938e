package keys

import (
	"bufio"
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
	head   int64    // bytes of the first line
	synced bool     // the present transaction has synced already
	buf    []byte
}

func openLedger(path string, env strongroom.Environment, ring string) (*ledger, error) {
	l := &ledger{path: path}
	head := fmt.Sprintf(ledgerHead, env, ring)
	l.head = int64(len(head))
	err := l.open()
	if err != nil {
		return nil, err
	}
	b := make([]byte, len(head))
	switch n, err := l.f.ReadAt(b, 0); {
	case n == 0 && errors.Is(err, io.EOF):
		err = l.begin(head)
		if err != nil {
			l.f.Close()
			return nil, err
		}
	case err != nil || string(b) != head:
		l.f.Close()
		return nil, strongroom.Faultf(strongroom.Conflict, "ledger", "the erasure ledger belongs to another instance, or is damaged").
			Advise("point at the ledger of this keyring")
	}
	info, err := l.f.Stat()
	if err != nil {
		l.f.Close()
		return nil, unavailable("cannot read the erasure ledger", err)
	}
	// A line that a crash cut short was never relied upon; the next is written
	// over it.
	l.size = l.head + max(0, info.Size()-l.head)/ledgerLine*ledgerLine
	l.good = l.size
	return l, nil
}

func (l *ledger) open() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
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

func (l *ledger) begin(head string) error {
	_, err := l.f.WriteAt([]byte(head), 0)
	if err = errors.Join(err, l.f.Sync(), syncDir(filepath.Dir(l.path))); err != nil {
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

// count returns how many entries the ledger holds.
func (l *ledger) count() int64 { return (l.size - l.head) / ledgerLine }

// add writes entries behind the last. They are durable after sync.
func (l *ledger) add(records []uint64, reason Reason, at time.Time) error {
	if l.f == nil {
		if err := l.open(); err != nil {
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
