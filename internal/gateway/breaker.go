package gateway

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"strongroom"
)

// When a store's circuit opens, and for how long; numbers are ours.
const (
	breakAfter = 5                // failures one after another
	breakFor   = 15 * time.Second // of real time, then one call tries
)

// circuits keep a store whose platform fails from holding up its callers: after
// some failures one after another its calls are refused at once for a while, then
// one of them tries.
type circuits struct {
	mu     sync.Mutex
	by     map[string]*circuit
	opened uint64 // how often one opened
}

type circuit struct {
	failures int
	opening  uint64    // which of the openings it is in; 0: closed
	until    time.Time // refused until then
	trying   bool
}

// pass is a call's leave to go out. It ends once: with [pass.leave] when the platform
// has answered or failed, with [pass.quit] when neither can be said.
type pass struct {
	circuits *circuits
	store    string
	opening  uint64
}

// enter returns the pass of a call that may go out, else a fault of kind Unavailable.
func (c *circuits) enter(store string, now time.Time) (pass, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := pass{circuits: c, store: store}
	one := c.by[store]
	if one == nil || one.opening == 0 {
		return p, nil
	}
	if now.Before(one.until) || one.trying {
		return p, strongroom.Faultf(strongroom.Unavailable, "circuit-open", "the platform of this store has failed repeatedly and is left alone for a moment").
			Advise("try again in %d seconds", int(breakFor/time.Second))
	}
	one.trying = true
	p.opening = one.opening
	return p, nil
}

// current returns the circuit that p still speaks for. A call that went out before the
// circuit opened says nothing of how the platform is now.
func (p pass) current() *circuit {
	one := p.circuits.by[p.store]
	if one != nil && one.opening != p.opening {
		return nil
	}
	if one == nil && p.opening == 0 {
		one = &circuit{}
		p.circuits.by[p.store] = one
	}
	return one
}

// leave says how a call ended.
func (p pass) leave(ok bool, now time.Time) {
	p.circuits.mu.Lock()
	defer p.circuits.mu.Unlock()
	one := p.current()
	if one == nil {
		return
	}
	if ok {
		delete(p.circuits.by, p.store)
		return
	}
	one.failures++
	one.trying = false
	if one.failures >= breakAfter {
		p.circuits.opened++
		one.opening = p.circuits.opened
		one.until = now.Add(breakFor)
	}
}

// quit says that a call came to no end that tells how the platform is.
func (p pass) quit() {
	p.circuits.mu.Lock()
	defer p.circuits.mu.Unlock()
	if one := p.circuits.by[p.store]; one != nil && one.opening == p.opening {
		one.trying = false
	}
}

// judged is the body of an answer by which the call's pass ends: a platform whose
// answers begin well and break off is one that fails.
type judged struct {
	io.ReadCloser
	ctx  context.Context // the caller's
	pass pass
	now  func() time.Time
	done bool
}

// judge ends the pass of a call that was answered, at once or with the body.
func (p pass) judge(ctx context.Context, a *answer, method string, now func() time.Time) {
	whole := method == http.MethodHead || a.status == http.StatusNoContent
	if a.status < 200 || a.status >= 300 || whole {
		p.leave(a.status < http.StatusInternalServerError, now())
		return
	}
	a.body = &judged{ReadCloser: a.body, ctx: ctx, pass: p, now: now}
}

func (j *judged) Read(b []byte) (int, error) {
	n, err := j.ReadCloser.Read(b)
	if err == nil || j.done {
		return n, err
	}
	j.done = true
	if err != io.EOF && j.ctx.Err() != nil {
		j.pass.quit() // the caller left: that is no fault of the platform's
	} else {
		j.pass.leave(err == io.EOF, j.now())
	}
	return n, err
}

// Close ends a pass that nobody read to the end of.
func (j *judged) Close() error {
	if !j.done {
		j.done = true
		j.pass.quit()
	}
	return j.ReadCloser.Close()
}
