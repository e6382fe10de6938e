package db

import "time"

// session is one connection at work: a transaction, a snapshot, or a run of
// single statements. It is used by one goroutine.
//
// The statements that begin the transaction and set a mark are not sent when
// they are asked for: they wait in queue and travel with the next statement, so
// that they cost PostgreSQL no round trip of their own.
type session struct {
	link    link
	now     time.Time
	inTx    bool // a transaction is open, or its begin waits in queue
	sent    bool // something reached the engine
	clean   bool // the connection is known to be outside a transaction
	done    bool // fn has returned; whoever kept the handle is refused
	queue   []op // not yet sent, in order
	rows    *Rows
	scratch []any

	mark   markState
	light  bool // the newest mark takes no savepoint
	stands bool // a savepoint stands in the engine once queue is sent
	markAt int  // while markQueued: where the mark's statements start in queue
	stood  bool // while markQueued: what stands was before it

	failed error // the statement that failed since the mark: only going back helps
	broken error // why the transaction is beyond use
}

// markState says where the newest mark is.
type markState uint8

const (
	markNone    markState = iota
	markPending           // nothing was written since: no savepoint is needed yet
	markQueued            // its savepoint waits in queue
	markSet               // its savepoint stands in the engine
	markPassed            // a light mark that was written over: there is no way back
)

func newSession(l link, now time.Time, begin string) *session {
	s := &session{link: l, now: now, clean: true}
	if begin != "" {
		s.inTx = true
		s.queue = append(s.queue, op{sql: begin, kind: opBegin})
	}
	return s
}

// ready reports why no statement may be sent now, if so.
func (s *session) ready() error {
	switch {
	case s.done:
		return errOver()
	case s.broken != nil:
		return s.broken
	case s.failed != nil:
		return errAfter(s.failed)
	case s.rows != nil:
		return errRowsOpen()
	}
	return nil
}

// exec runs a statement that returns no rows.
func (s *session) exec(sql string, args []any) (int64, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	bound, err := s.bind(args)
	if err != nil {
		return 0, err
	}
	s.wantMark()
	if len(s.queue) == 0 {
		s.sent = true
		n, err := s.link.exec(sql, bound)
		if err != nil {
			return 0, s.fail(err, false)
		}
		return n, nil
	}
	return s.run(append(s.queue, op{sql: sql, args: bound}))
}

// maxQueue bounds the memory of what waits.
const maxQueue = 1024

// later queues a statement whose outcome nobody waits for.
func (s *session) later(sql string, args []any) error {
	if err := s.ready(); err != nil {
		return err
	}
	if !s.link.pipelines() {
		_, err := s.exec(sql, args)
		return err
	}
	bound, err := bind(nil, args)
	if err != nil {
		return err
	}
	s.wantMark()
	s.queue = append(s.queue, op{sql: sql, args: bound})
	if len(s.queue) >= maxQueue {
		return s.settle()
	}
	return nil
}

// settle sends what waits in the queue.
func (s *session) settle() error {
	if err := s.ready(); err != nil {
		return err
	}
	if len(s.queue) == 0 {
		return nil
	}
	_, err := s.run(s.queue)
	return err
}

// repeat runs the same statement n times.
func (s *session) repeat(sql string, n int, arg func(int) []any) (int64, error) {
	if err := s.ready(); err != nil || n == 0 {
		return 0, err
	}
	s.wantMark()
	ops := s.takeQueue()
	var refused error
	done, affected, err := s.link.repeat(ops, sql, n, func(dst []any, i int) ([]any, error) {
		bound, err := bind(dst, arg(i))
		refused = err
		return bound, err
	})
	if refused != nil && done < len(ops) {
		// An argument was refused before anything was sent.
		s.queue = ops
		return 0, refused
	}
	s.note(ops, done)
	if err != nil {
		// A refused argument counts too: some rows may be written.
		return 0, s.fail(err, done < len(ops))
	}
	return affected, nil
}

// query runs a statement that returns rows.
func (s *session) query(sql string, args []any, rows *Rows) error {
	if err := s.ready(); err != nil {
		return err
	}
	bound, err := s.bind(args)
	if err != nil {
		return err
	}
	if !isRead(sql) {
		s.wantMark()
	}
	ops := s.takeQueue()
	s.sent = true
	done, c, err := s.link.query(ops, sql, bound)
	s.note(ops, done)
	if err != nil {
		return s.fail(err, done < len(ops))
	}
	rows.s, rows.c = s, c
	s.rows = rows
	return nil
}

// run sends ops, which are the queue and perhaps one more.
func (s *session) run(ops []op) (int64, error) {
	s.queue = ops
	s.takeQueue()
	done, affected, err := s.link.run(ops)
	s.note(ops, done)
	if err != nil {
		return 0, s.fail(err, done < len(ops)-1)
	}
	return affected, nil
}

// takeQueue returns the queue and empties it. The result is valid until the
// next statement is queued.
func (s *session) takeQueue() []op {
	ops := s.queue
	s.queue = s.queue[:0]
	return ops
}

// note records that the first done of ops succeeded.
func (s *session) note(ops []op, done int) {
	s.sent, s.clean = true, false
	if s.mark != markQueued {
		return
	}
	// The queue may hold savepoints of several marks; only the last one is ours.
	for i := len(ops) - 1; i >= 0; i-- {
		if ops[i].kind == opSavepoint {
			if i < done {
				s.mark = markSet
			}
			return
		}
	}
}

// fail records that a statement failed and proves what is left of the
// transaction. undone says that something queued before the statement was not
// carried out. fail returns the fault to hand out.
func (s *session) fail(err error, undone bool) error {
	fault := s.link.fault(err)
	s.clean = false
	if !s.inTx {
		if s.link.lost() {
			s.broken = errBroken(fault)
		}
		return fault
	}
	s.failed = fault
	if !s.canGoBack(undone) {
		s.broken = errBroken(fault)
	}
	return fault
}

// canGoBack reports whether the transaction stands and the newest mark with it.
func (s *session) canGoBack(undone bool) bool {
	switch s.link.state() {
	case stateActive:
		// The engine undid the failed statement alone. With a pending mark there is
		// nothing to go back over, unless work from before the mark got lost.
		return s.mark == markSet || s.mark == markPending && !undone
	case stateFailed:
		// Only a savepoint of this very mark leads back without taking the work of
		// an earlier mark along.
		return s.mark == markSet
	case stateIdle, stateLost:
	}
	return false
}

func (s *session) bind(args []any) ([]any, error) {
	var err error
	s.scratch, err = bind(s.scratch[:0], args)
	return s.scratch, err
}

// isRead reports whether the statement is a select. Everything else may write.
func isRead(sql string) bool {
	const word = "select"
	i := 0
	for i < len(sql) && (sql[i] == ' ' || sql[i] == '\n' || sql[i] == '\t') {
		i++
	}
	if len(sql) < i+len(word) {
		return false
	}
	for j := range len(word) {
		if sql[i+j]|0x20 != word[j] {
			return false
		}
	}
	return true
}
