package db

// setMark begins a new mark. Nothing is sent: the savepoint of the mark before
// is released, and this one's set, together with the first write that follows.
//
// A failure that nobody went back over would count as work done, so a mark on
// top of one breaks the transaction.
func (s *session) setMark() {
	if s.failed != nil && s.broken == nil {
		s.broken = errBroken(s.failed)
	}
	s.mark, s.light = markPending, false
}

// setLightMark is setMark without a savepoint.
func (s *session) setLightMark() {
	s.setMark()
	s.light = true
}

// wantMark queues the savepoint of a pending mark, because a write follows.
func (s *session) wantMark() {
	if s.mark != markPending {
		return
	}
	if s.light {
		s.mark = markPassed
		return
	}
	s.markAt, s.stood = len(s.queue), s.stands
	if s.stands {
		s.queue = append(s.queue, op{sql: sqlRelease, kind: opRelease})
	}
	s.queue = append(s.queue, op{sql: sqlSavepoint, kind: opSavepoint})
	s.stands = true
	s.mark = markQueued
}

// backToMark undoes everything since the mark and makes the transaction usable
// again, or says that it is not.
func (s *session) backToMark() error {
	switch {
	case s.done:
		return errOver()
	case s.mark == markNone:
		return errNoMark()
	}
	s.closeRows()
	if s.broken != nil {
		return s.broken
	}
	switch s.mark {
	case markQueued:
		// Nothing of it was sent: forget it.
		s.queue = s.queue[:s.markAt]
		s.mark, s.stands = markPending, s.stood
	case markSet:
		s.takeQueue()
		if _, err := s.link.exec(sqlRollbackTo, nil); err != nil {
			s.broken = errBroken(s.link.fault(err))
			return s.broken
		}
		if s.failed != nil && s.link.state() != stateActive {
			s.broken = errBroken(s.failed)
			return s.broken
		}
	case markPassed:
		s.broken = errBroken(errPassed())
		return s.broken
	case markPending, markNone:
	}
	s.failed = nil
	return nil
}

// sound proves that the transaction stands and, if a statement failed, that the
// mark does too.
func (s *session) sound() error {
	switch {
	case s.done:
		return errOver()
	case s.broken != nil:
		return s.broken
	case s.failed != nil, !s.sent:
		return nil // proved by fail; nothing to prove
	case s.rows != nil:
		return nil // the engine is handing out rows
	}
	if st := s.link.state(); st != stateActive {
		s.broken = errBroken(errGone())
		return s.broken
	}
	return nil
}

// commit ends the transaction. After an error nothing was changed, unless the
// fault's code is [CodeUnknown].
func (s *session) commit() error {
	if err := s.finish(); err != nil {
		return err
	}
	switch {
	case s.broken != nil:
		return s.broken
	case s.failed != nil:
		return errAfter(s.failed)
	case !s.sent && len(s.queue) == 1:
		return nil // no statement but begin
	}
	ops := append(s.queue, op{sql: sqlCommit, kind: opCommit})
	s.queue = s.queue[:0]
	done, _, err := s.link.run(ops)
	s.note(ops, done)
	if err == nil {
		s.clean = true
		return nil
	}
	fault := s.link.fault(err)
	// Statements that travel together may all have arrived, the commit included,
	// even if the first answer is missing.
	reached := done == len(ops)-1 || s.link.pipelines()
	if reached && !s.link.answered(err) {
		return errUnknown(fault)
	}
	return fault
}

// rollback undoes what commit did not end. It is harmless after commit.
func (s *session) rollback() {
	s.closeRows()
	if s.clean || !s.inTx || s.link.lost() {
		return
	}
	_, err := s.link.exec(sqlRollback, nil)
	s.clean = err == nil
}

// finish refuses rows that were left open.
func (s *session) finish() error {
	if s.rows == nil {
		return nil
	}
	s.closeRows()
	return errRowsOpen()
}

func (s *session) closeRows() {
	if s.rows != nil {
		s.rows.Close() // its error is kept in the session
	}
}
