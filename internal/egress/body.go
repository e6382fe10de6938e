package egress

import (
	"context"
	"io"
	"net/http"
	"time"

	"strongroom"
)

// body is the body of an answer within its bounds. It is read by one goroutine.
type body struct {
	next   io.ReadCloser
	ctx    context.Context
	cancel context.CancelFunc
	quiet  *time.Timer // cancels when nothing comes
	wait   time.Duration
	left   int64 // bytes; negative is without end
}

// bound puts the body of an answer into its bounds.
func (t *Transport) bound(ctx context.Context, res *http.Response, cancel context.CancelFunc) io.ReadCloser {
	l := t.o.Limits
	b := &body{next: res.Body, ctx: ctx, cancel: cancel, quiet: time.AfterFunc(l.Quiet, cancel), wait: l.Quiet, left: l.BodyBytes}
	b.quiet.Stop() // it runs while somebody reads
	return b
}

// Read returns TooLarge egress-body once the bound is passed, and Unavailable
// egress-reach where the body breaks off or stands still.
func (b *body) Read(p []byte) (int, error) {
	b.quiet.Reset(b.wait)
	defer b.quiet.Stop()
	if b.left == 0 {
		if n, err := io.ReadFull(b.next, make([]byte, 1)); n == 0 && err == io.EOF {
			return 0, io.EOF // it ends where it must
		}
		return 0, strongroom.Faultf(strongroom.TooLarge, "egress-body", "the answer is larger than allowed")
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.next.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err != nil && err != io.EOF {
		err = faultOf(b.ctx, err)
	}
	return n, err
}

// Close ends the call. It waits for nothing.
func (b *body) Close() error {
	b.quiet.Stop()
	b.cancel()
	return b.next.Close()
}
