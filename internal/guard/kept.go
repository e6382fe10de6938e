package guard

// kept is what readers know of the database from one transaction to the next.
type kept struct {
	at     int64 // where the log goes on after the transaction that left it
	values map[any]any
}

// Kept returns the value that confirmations keep under key from one transaction to
// the next, made by the first of them: what they read or wrote last, so that it need
// not be asked for again. It is not kept
//   - over a transaction in which anything but confirmations had a turn: what
//     [Guard.Do] changes is seen,
//   - over a transaction that was not committed, or was begun again,
//   - over an event that another process recorded.
//
// Where it cannot be kept, each call returns a new one. Nobody else may write what
// is kept: not a migration while the guard runs, and nothing quiet, which touches
// no row that a decision reads. What a turn puts in must be what the database holds
// if the transaction is committed, whatever becomes of the turn.
func (tx *Tx) Kept(key any, create func() any) any { return tx.t.kept(key, create) }

// Kept is [Tx.Kept], for what is fetched ahead. On a snapshot nothing is kept.
func (v *View) Kept(key any, create func() any) any { return v.t.kept(key, create) }

func (t *turn) kept(key any, create func() any) any {
	if t.batch == nil || t.batch.kept == nil {
		return create()
	}
	v, ok := t.batch.kept[key]
	if !ok {
		v = create()
		t.batch.kept[key] = v
	}
	return v
}

// takeKept takes over what the transaction before left, if all of the calls do no
// more than confirm and nobody recorded an event in between. Until the batch is
// committed there is nothing for anybody else.
func (b *batch) takeKept(cs []*call) {
	left := b.g.kept
	b.g.kept = kept{}
	for _, c := range cs {
		if !c.snapshot && !c.note {
			return
		}
	}
	if b.kept = left.values; b.kept == nil || left.at != b.log.Next() {
		b.kept = make(map[any]any)
	}
}

// leaveKept leaves it to the next transaction, after the commit.
func (b *batch) leaveKept() {
	if b.kept != nil {
		b.g.kept = kept{at: b.log.Next(), values: b.kept}
	}
}
