package db

import (
	"context"
	"sync"
	"time"

	"strongroom"
)

// state is what a connection says about its transaction.
type state uint8

const (
	stateIdle   state = iota // no transaction
	stateActive              // inside a transaction that accepts statements
	stateFailed              // inside a transaction that only accepts going back
	stateLost                // the connection is of no use
)

// opKind says what a queued statement does to the transaction.
type opKind uint8

const (
	opPlain opKind = iota
	opBegin
	opRelease
	opSavepoint
	opCommit
)

// op is a statement waiting to be sent.
type op struct {
	sql  string
	args []any // bound, see bind
	kind opKind
}

// link is one connection of one engine. Its errors are raw; fault makes a fault
// of them that repeats no value. A link is used by one goroutine at a time and
// knows no context: once begun, a statement is never cancelled.
type link interface {
	// exec runs one statement and returns the number of rows it changed.
	exec(sql string, args []any) (int64, error)
	// run runs ops in order, in one round trip where the engine can, and stops at
	// the first that fails. It returns how many succeeded and the number of rows
	// the last one changed.
	run(ops []op) (done int, affected int64, err error)
	// query runs ops like run and then one statement that returns rows.
	query(ops []op, sql string, args []any) (done int, c cursor, err error)
	// repeat runs ops like run, then n times the same statement. arg appends the
	// bound arguments of the i-th time to dst.
	repeat(ops []op, sql string, n int, arg func(dst []any, i int) ([]any, error)) (done int, affected int64, err error)
	engine() Engine
	// pipelines reports whether queued statements are worth waiting for others.
	pipelines() bool
	// script runs a text of several statements without arguments.
	script(sql string) error
	// check prepares a statement without running it.
	check(sql string) error
	// state asks the connection about its transaction.
	state() state
	// lost reports whether the connection itself has ended.
	lost() bool
	// fresh reports whether a connection that lay idle still answers.
	fresh(ctx context.Context, idle time.Duration) bool
	fault(err error) *strongroom.Fault
	// answered reports whether err is the engine's own answer to a commit, which
	// then did not happen.
	answered(err error) bool
	close()
}

// cursor walks the rows of one query. Cells of a row are valid until the next
// call.
type cursor interface {
	next() (bool, error)
	cells() int
	cell(i int) (cell, error)
	close() error
}

// pool hands out at most n connections, the most recently used one first, and
// opens them when they are needed. That is also how the product recovers when a
// database comes back: a dead connection is dropped, the next call opens one.
type pool struct {
	open  func(context.Context) (link, error)
	slots chan struct{}
	n     int
	gone  chan struct{} // closed when the pool is

	mu   sync.Mutex
	idle []idleLink
}

type idleLink struct {
	link  link
	since time.Time
}

func newPool(open func(context.Context) (link, error), n int) *pool {
	return &pool{open: open, slots: make(chan struct{}, n), n: n, gone: make(chan struct{})}
}

// get waits for a connection until ctx ends.
func (p *pool) get(ctx context.Context) (link, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-p.gone:
			return nil, errClosed()
		case <-ctx.Done():
			return nil, errLeft(ctx)
		}
	}
	if ctx.Err() != nil {
		<-p.slots
		return nil, errLeft(ctx)
	}
	for {
		i, ok := p.pop()
		if !ok {
			break
		}
		if i.link.fresh(ctx, time.Since(i.since)) {
			return i.link, nil
		}
		i.link.close()
	}
	l, err := p.open(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return l, nil
}

func (p *pool) pop() (idleLink, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return idleLink{}, false
	}
	i := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return i, true
}

// put gives a connection back; one that is not sound is closed.
func (p *pool) put(l link, sound bool) {
	if sound {
		p.mu.Lock()
		p.idle = append(p.idle, idleLink{l, time.Now()})
		p.mu.Unlock()
	} else {
		l.close()
	}
	<-p.slots
}

// drop closes the connections that lie idle.
func (p *pool) drop() {
	for {
		i, ok := p.pop()
		if !ok {
			return
		}
		i.link.close()
	}
}

// close waits for all connections and closes them.
func (p *pool) close() {
	for range p.n {
		p.slots <- struct{}{}
	}
	close(p.gone)
	p.drop()
}
