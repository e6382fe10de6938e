package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"strongroom"
	"strongroom/internal/vault"
	"strongroom/internal/web"
)

// Bounds of a batch of bulk ingest: it closes when it is full, or when the next
// line is not there yet.
const (
	batchLines = 256
	batchBytes = 4 << 20
	linger     = 3 * time.Millisecond
)

// line is a line of the body, or why there are no more.
type line struct {
	text []byte
	err  error
}

// bulk answers each line of the body with a line: the same JSON with tokens, or a
// problem. It reads, stores and answers at the same time and holds two batches,
// so a body may be of any length. What was answered is stored for good, whatever
// becomes of the rest.
func (a *API) bulk(c *call, in *ingestIn) error {
	rc := http.NewResponseController(c.w)
	// HTTP/1.1 would else stop reading at the first byte of the answer; HTTP/2
	// has it anyway and says it is not supported.
	_ = rc.EnableFullDuplex()
	lines := make(chan line, batchLines)
	ctx, cancel := context.WithCancel(c.ctx)
	defer func() {
		cancel()
		// The past as deadline frees a reader that waits for the network, and then it
		// is waited for: the body is not ours after the return. A caller in the same
		// process has no deadlines, and no server that takes the body back.
		if rc.SetReadDeadline(time.Unix(1, 0)) == nil {
			for range lines {
			}
		}
	}()
	go readLines(ctx, c.r.Body, int(a.o.MaxLine), lines)

	h := c.w.Header()
	h.Set("Content-Type", ndjson)
	if c.r.ProtoMajor == 1 {
		// What was not read, or cut off by the deadline, must not be taken for the
		// next request on this connection.
		h.Set("Connection", "close")
	}
	h.Set("Trailer", headerStored+", "+headerSame+", "+headerDead)
	total := &vault.Ingested{}
	var out []byte
	begun := false
	for {
		web.Prolong(c.w, streamQuiet)
		batch, last := gather(ctx, lines)
		if len(batch) > 0 {
			var err error
			if out, err = a.storeBatch(c, in, batch, out[:0], total); err != nil && !begun {
				h.Del("Trailer")
				return err // nothing was answered yet, so it can be an answer of its own
			}
			if err != nil {
				out = appendProblem(out, err, web.RequestID(c.w))
				last = line{err: io.EOF} // nothing more can be stored
			}
		}
		if last.err != nil && last.err != io.EOF {
			out = appendProblem(out, a.cutOff(c, last.err), web.RequestID(c.w))
		}
		begun = true
		web.Prolong(c.w, streamQuiet)
		if _, err := c.w.Write(out); err != nil {
			return nil // the caller has gone; what was stored stays
		}
		out = out[:0]
		if err := rc.Flush(); err != nil || last.err != nil {
			count(h, total)
			return nil
		}
	}
}

// cutOff records why a stream goes no further. It returns err, or why it could not be
// recorded.
func (a *API) cutOff(c *call, err error) error {
	if !isRefusal(err) {
		return err
	}
	return a.o.Logbook.Refused(context.WithoutCancel(c.ctx), c.who, a.actions[c.route.Action], web.Status(err), err)
}

// storeBatch stores the lines and appends an answer for each. The error is one
// that concerns all of them. A body may take hours, so who sends it is recognised
// anew: a key, token or session that ended meanwhile stores nothing more (DPP 2.2.12).
func (a *API) storeBatch(c *call, in *ingestIn, batch []line, out []byte, total *vault.Ingested) ([]byte, error) {
	if err := a.recogniseAgain(c); err != nil {
		return out, a.cutOff(c, err)
	}
	ins := make([]vault.In, len(batch))
	for i, l := range batch {
		ins[i] = in.with(l.text)
	}
	outcomes, err := a.o.Vault.IngestMany(c.ctx, c.who, ins)
	if err != nil {
		return out, err
	}
	for _, o := range outcomes {
		if o.Err != nil {
			out = appendProblem(out, o.Err, "")
			continue
		}
		total.Stored += o.Stored
		total.Unchanged += o.Unchanged
		total.Dead += o.Dead
		out = append(bytes.TrimSpace(append(out, o.Body...)), '\n')
	}
	return out, nil
}

// gather takes the lines that are there, or waits for the first. last carries an
// error when no more will come: io.EOF at the end of the body.
func gather(ctx context.Context, lines <-chan line) (batch []line, last line) {
	var wait <-chan time.Time
	var timer *time.Timer
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	for size := 0; len(batch) < batchLines && size < batchBytes; {
		select {
		case l, ok := <-lines:
			if !ok {
				return batch, line{err: io.EOF}
			}
			if l.err != nil {
				return batch, l
			}
			batch, size = append(batch, l), size+len(l.text)
			if timer == nil {
				timer = time.NewTimer(linger)
				wait = timer.C
			}
		case <-wait:
			return batch, line{}
		case <-ctx.Done():
			return batch, line{err: ctx.Err()}
		}
	}
	return batch, line{}
}

// readLines sends the lines of r that are not blank, then why it stopped if that
// was not the end, and closes the channel. It never holds more than one line of
// at most limit bytes.
func readLines(ctx context.Context, r io.Reader, limit int, lines chan<- line) {
	defer close(lines)
	send := func(l line) bool {
		select {
		case lines <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := readLine(in, limit)
		if text = bytes.TrimSpace(text); len(text) > 0 && (err == nil || err == io.EOF) {
			if !send(line{text: text}) {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			send(line{err: err})
			return
		}
	}
}

// readLine returns the next line in memory of its own. A line over limit is a
// fault: where the next one begins cannot be known without reading on for ever.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(text)+len(part) > limit {
			return nil, strongroom.Faultf(strongroom.TooLarge, "line", "a line is longer than %d bytes", limit).
				Advise("the lines before it are stored")
		}
		text = append(text, part...)
		if err != bufio.ErrBufferFull {
			return text, err
		}
	}
}

// appendProblem appends err as a problem on a line of its own.
func appendProblem(dst []byte, err error, request string) []byte {
	b, _ := json.Marshal(web.ProblemOf(err, request)) // strings and an int: cannot fail
	return append(append(dst, b...), '\n')
}
