package audit

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"strconv"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// An export is one JSON object a line, and every byte of it is checked by
// [Verify]:
//
//	{"strongroom_log":1,"key":"…"}          the form and the public key
//	{"log":0,"origin":"…"}                  a log begins
//	{"index":0,"event":{…}}                 an event, verbatim
//	{"break":{…}}                           a log was continued; the next begins
//	{"checkpoint":"…"}                      the newest checkpoint, a signed note
const (
	lineHead       = `{"strongroom_log":1,"key":`
	lineLog        = `{"log":`
	lineOrigin     = `,"origin":`
	lineIndex      = `{"index":`
	lineEvent      = `,"event":`
	lineBreak      = `{"break":`
	lineCheckpoint = `{"checkpoint":`
)

// exportPage is how many events are read at a time.
const exportPage = 1000

// Export writes everything up to the newest checkpoint, which it signs first, to
// w: what an outsider needs to verify the log with the public key alone. It uses
// constant memory and holds no transaction while w is slow.
func (l *Log) Export(ctx context.Context, w io.Writer) error {
	note, mark, err := l.Seal(ctx)
	if err != nil {
		return err
	}
	var logs []logRow
	if err := l.db.Read(ctx, func(r *db.Reader) error {
		logs, err = readLogs(r)
		return err
	}); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	out.Write(headLine(l.Verifier()))
	for _, g := range logs {
		size := int64(math.MaxInt64)
		if g.origin == mark.Origin {
			size = mark.Size
		}
		if err := l.exportLog(ctx, out, g, size); err != nil {
			return err
		}
		if g.origin == mark.Origin {
			break
		}
	}
	out.Write(checkpointLine(note))
	return out.Flush()
}

// exportLog writes one log's events, and before them the break that led to it.
func (l *Log) exportLog(ctx context.Context, out *bufio.Writer, g logRow, size int64) error {
	next, end := position(g.log, 0), position(g.log+1, 0)
	if size <= maxIndex {
		end = position(g.log, size)
	}
	first := true
	for next < end {
		if err := ctx.Err(); err != nil {
			return strongroom.Faultf(strongroom.Unavailable, "cancelled", "the export was stopped").Because(err)
		}
		page, err := l.exportRead(ctx, next, end)
		if err != nil {
			return err
		}
		if first {
			if err := l.exportHead(out, g, page); err != nil {
				return err
			}
			first = false
		}
		if len(page) == 0 {
			return nil
		}
		for _, e := range page {
			writeEvent(out, e.Index(), e.Leaf)
		}
		next = page[len(page)-1].Position + 1
	}
	if first {
		return l.exportHead(out, g, nil)
	}
	return nil
}

func (l *Log) exportRead(ctx context.Context, from, to int64) (page []Entry, err error) {
	page = make([]Entry, 0, exportPage)
	err = l.db.Read(ctx, func(r *db.Reader) error {
		return eachEvent(r, from, to, exportPage, func(at int64, leaf []byte) error {
			page = append(page, Entry{Position: at, Leaf: leaf})
			return nil
		})
	})
	return page, err
}

// exportHead writes the break before a continued log and the line that begins it.
func (l *Log) exportHead(out *bufio.Writer, g logRow, page []Entry) error {
	if g.log > 0 && len(page) > 0 {
		ev, err := page[0].Event()
		if err != nil {
			return err
		}
		if ev.Break != nil {
			out.Write(breakLine(*ev.Break))
		}
	}
	out.Write(logLine(g.log, g.origin))
	return nil
}

// The lines. Verify makes them again and compares, so each has one spelling.

func headLine(v *tlog.Verifier) []byte {
	return append(append([]byte(lineHead), jsonString(v.String())...), "}\n"...)
}

func logLine(log int64, origin string) []byte {
	b := strconv.AppendInt([]byte(lineLog), log, 10)
	b = append(b, lineOrigin...)
	return append(append(b, jsonString(origin)...), "}\n"...)
}

func checkpointLine(note []byte) []byte {
	return append(append([]byte(lineCheckpoint), jsonString(string(note))...), "}\n"...)
}

// jsonString spells a string as encoding/json does.
func jsonString(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("audit: a string has no JSON: " + err.Error()) // it always has
	}
	return b
}

func writeEvent(out *bufio.Writer, index int64, leaf []byte) {
	out.WriteString(lineIndex)
	out.Write(strconv.AppendInt(out.AvailableBuffer(), index, 10))
	out.WriteString(lineEvent)
	out.Write(leaf)
	out.WriteString("}\n")
}

// breakJSON is a break as exports and reports spell it.
type breakJSON struct {
	Reason string         `json:"reason"`
	Lost   checkpointJSON `json:"lost"`
	Found  checkpointJSON `json:"found"`
	Events int64          `json:"lost_events"`
}

type checkpointJSON struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

func breakLine(b Break) []byte {
	spell := func(c tlog.Checkpoint) checkpointJSON {
		return checkpointJSON{c.Origin, c.Size, hex.EncodeToString(c.Root[:])}
	}
	j, err := json.Marshal(breakJSON{b.Reason, spell(b.Lost), spell(b.Found), b.LostEvents()})
	if err != nil {
		panic("audit: a break has no JSON: " + err.Error()) // it always has
	}
	return append(append([]byte(lineBreak), j...), "}\n"...)
}
