package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"strongroom"
	"strongroom/internal/tlog"
)

// Report is what [Verify] saw. It is complete only where the error is nil.
type Report struct {
	Logs       int             // logs, one more than there are breaks
	Events     int64           // events in all logs
	Holes      int64           // events missing in logs that were continued because of it
	Breaks     []Break         // where the log was continued, oldest first
	Checkpoint tlog.Checkpoint // what the export was verified against
}

// maxLine bounds a line of an export, in bytes. An event has some hundred.
const maxLine = 1 << 20

// Verify checks an export with the log's public key, offline. It finds every
// edit, drop, reorder, duplicate and truncation, in events and in the lines
// around them. checkpoint is a newer one that was kept elsewhere, or nil: with
// it, an export that was cut and closed with an older checkpoint is found too.
//
// The error is an Invalid fault with the code "log-altered" that says what was
// found where; other faults mean that the export could not be read or the key
// not used. Breaks are no error: they are in the report for a person to judge.
func Verify(r io.Reader, verifierKey string, checkpoint []byte) (Report, error) {
	key, err := tlog.ParseVerifier(verifierKey)
	if err != nil {
		return Report{}, strongroom.Faultf(strongroom.Invalid, "verifier", "this is not a verifier key").Because(err)
	}
	v := verifier{in: bufio.NewReaderSize(r, 256<<10), key: key}
	if checkpoint != nil {
		mark, err := tlog.OpenCheckpoint(checkpoint, key)
		if err != nil {
			return Report{}, strongroom.Faultf(strongroom.Invalid, "checkpoint", "the checkpoint is not signed by this key").Because(err)
		}
		v.newer = &mark
	}
	err = v.run()
	return v.report, err
}

// verifier reads an export line by line.
type verifier struct {
	in     *bufio.Reader
	key    *tlog.Verifier
	newer  *tlog.Checkpoint
	line   int64
	report Report

	open   bool // inside a log
	origin string
	tree   tlog.Frontier
	hole   int64  // index of the first event that is missing in this log
	holes  int64  // how many are
	brk    []byte // the line of a break that waits for the event that proves it
	before ended  // the log before the break
	past   []pastPoint
}

// ended is what a continued log must be found to be.
type ended struct {
	mark  tlog.Checkpoint
	holes int64
}

// pastPoint is the root a log had at the newer checkpoint's size.
type pastPoint struct {
	origin string
	root   tlog.Hash
}

func (v *verifier) altered(format string, args ...any) error {
	f := strongroom.Faultf(strongroom.Invalid, "log-altered", format, args...)
	f.What = "line " + strconv.FormatInt(v.line, 10) + ": " + f.What
	return f
}

// read returns the next line with its end, valid until the next call.
func (v *verifier) read() ([]byte, error) {
	v.line++
	line, err := v.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		// A long line is rare; keep what was read and go on up to the limit.
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxLine {
			line, err = v.in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	switch {
	case err == nil:
		return line, nil
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
		return nil, v.altered("the line has no end")
	}
	return nil, strongroom.Faultf(strongroom.Unavailable, "export", "the export cannot be read").Because(err)
}

func (v *verifier) run() error {
	line, err := v.read()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(line, headLine(v.key)) {
		return v.altered("the export does not begin with its form and this key")
	}
	for {
		line, err := v.read()
		if errors.Is(err, io.EOF) {
			return v.altered("the export ends without a checkpoint: it was cut")
		}
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(line, []byte(lineIndex)):
			err = v.event(line)
		case bytes.HasPrefix(line, []byte(lineLog)):
			err = v.begin(line)
		case bytes.HasPrefix(line, []byte(lineBreak)):
			err = v.brkLine(line)
		case bytes.HasPrefix(line, []byte(lineCheckpoint)):
			return v.end(line)
		default:
			err = v.altered("the line is none of an export")
		}
		if err != nil {
			return err
		}
	}
}

// begin starts a log: the first one under the key's name, another one only
// after a break.
func (v *verifier) begin(line []byte) error {
	log := v.report.Logs
	origin, ok := cutOrigin(line)
	switch {
	case !ok || !bytes.Equal(line, logLine(int64(log), origin)):
		return v.altered("the line that begins log %d is changed", log)
	case log == 0 && origin != v.key.Name():
		return v.altered("the first log is not the one of this key")
	case log > 0 && (v.open || v.brk == nil):
		return v.altered("log %d begins without a break", log)
	}
	v.report.Logs++
	v.open, v.origin, v.holes = true, origin, 0
	v.tree = tlog.Frontier{}
	return nil
}

// cutOrigin finds the origin in a log line.
func cutOrigin(line []byte) (string, bool) {
	_, rest, ok := bytes.Cut(line, []byte(lineOrigin))
	if !ok {
		return "", false
	}
	var s string
	err := json.Unmarshal(bytes.TrimSuffix(rest, []byte("}\n")), &s)
	return s, err == nil
}

// event takes one event into the tree.
func (v *verifier) event(line []byte) error {
	index, leaf, ok := cutEvent(line)
	if !ok {
		return v.altered("the event's line is changed")
	}
	if !v.open {
		return v.altered("an event stands outside a log")
	}
	if v.brk != nil {
		if err := v.afterBreak(index, leaf); err != nil {
			return err
		}
	}
	next := v.tree.Size()
	if index < next {
		return v.altered("event %d stands where event %d should: a duplicate, or out of order", index, next)
	}
	if index > next {
		// Only a log that was continued may have holes; its tree says which.
		if v.holes == 0 {
			v.hole = next
		}
		if v.holes += index - next; v.holes > maxGap {
			return v.altered("event %d follows event %d: the ones between are missing", index, next-1)
		}
		for v.tree.Size() < index {
			v.grow(nil)
		}
	}
	v.grow(leaf)
	v.report.Events++
	return nil
}

// grow adds a leaf, and remembers the root at the newer checkpoint's size.
func (v *verifier) grow(leaf []byte) {
	v.tree.Append(tlog.LeafHash(leaf))
	if v.newer != nil && v.newer.Size == v.tree.Size() {
		v.past = append(v.past, pastPoint{v.origin, v.tree.Root()})
	}
}

// cutEvent takes an event's line apart.
func cutEvent(line []byte) (index int64, leaf []byte, ok bool) {
	rest := bytes.TrimPrefix(line, []byte(lineIndex))
	number, leaf, ok := bytes.Cut(rest, []byte(lineEvent))
	if !ok || len(number) > 13 {
		return 0, nil, false
	}
	index, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || index < 0 || index > maxIndex || len(number) > 1 && number[0] == '0' || number[0] == '+' {
		return 0, nil, false
	}
	leaf, ok = bytes.CutSuffix(leaf, []byte("}\n"))
	return index, leaf, ok && len(leaf) > 0
}

// brkLine holds a break until the event that proves it.
func (v *verifier) brkLine(line []byte) error {
	if !v.open || v.brk != nil {
		return v.altered("a break stands where no log ends")
	}
	v.brk, v.open = bytes.Clone(line), false
	v.before = ended{tlog.Checkpoint{Origin: v.origin, Size: v.tree.Size(), Root: v.tree.Root()}, v.holes}
	return nil
}

// afterBreak checks the first event of a continued log: it must commit to what
// stands before it.
func (v *verifier) afterBreak(index int64, leaf []byte) error {
	ev, err := (Entry{Leaf: leaf}).Event()
	if err != nil || index != 0 || ev.Break == nil {
		return v.altered("log %d does not begin with the event of its break", v.report.Logs-1)
	}
	if !bytes.Equal(breakLine(*ev.Break), v.brk) {
		return v.altered("the line of the break before log %d is changed", v.report.Logs-1)
	}
	if ev.Break.Found != v.before.mark {
		return v.altered("log %d is not as it was found when it was continued: events were changed, dropped or added", v.report.Logs-2)
	}
	v.report.Breaks = append(v.report.Breaks, *ev.Break)
	v.report.Holes += v.before.holes
	v.brk = nil
	return nil
}

// end checks the last line, and that nothing follows.
func (v *verifier) end(line []byte) error {
	var note string
	raw := bytes.TrimSuffix(bytes.TrimPrefix(line, []byte(lineCheckpoint)), []byte("}\n"))
	if json.Unmarshal(raw, &note) != nil || !bytes.Equal(line, checkpointLine([]byte(note))) {
		return v.altered("the checkpoint's line is changed")
	}
	mark, err := tlog.OpenCheckpoint([]byte(note), v.key)
	if err != nil {
		return v.altered("the checkpoint is not signed by this key or is changed")
	}
	switch {
	case !v.open || v.brk != nil:
		return v.altered("the log that the checkpoint belongs to is missing")
	case mark.Origin != v.origin:
		return v.altered("the checkpoint belongs to another log")
	case v.holes > 0:
		return v.altered("%d events are missing from event %d on", v.holes, v.hole)
	case mark.Size != v.tree.Size():
		return v.altered("the checkpoint counts %d events and %d are there", mark.Size, v.tree.Size())
	case mark.Root != v.tree.Root():
		return v.altered("an event was changed: the events do not hash to the checkpoint")
	}
	v.report.Checkpoint = mark
	if _, err := v.read(); !errors.Is(err, io.EOF) {
		return v.altered("something follows the checkpoint")
	}
	if v.newer == nil {
		return nil
	}
	return v.compare(*v.newer)
}

// compare holds the export against a checkpoint that was kept elsewhere.
func (v *verifier) compare(newer tlog.Checkpoint) error {
	for _, p := range v.past {
		if p.origin == newer.Origin {
			if p.root != newer.Root {
				return v.altered("the log is not the one of the checkpoint kept elsewhere: it was rewritten")
			}
			return nil
		}
	}
	if newer.Origin == v.origin || newer.Origin == v.key.Name() && v.report.Logs == 1 {
		if newer.Size == 0 {
			return nil
		}
		return v.altered("the checkpoint kept elsewhere counts %d events: the export is older or was cut", newer.Size)
	}
	for _, b := range v.report.Breaks {
		if b.Lost.Origin == newer.Origin && b.Lost.Size >= newer.Size || b.Found.Origin == newer.Origin && newer.Size == 0 {
			return nil // the break reports what was lost
		}
	}
	return v.altered("the checkpoint kept elsewhere belongs to a log that is not in the export")
}
