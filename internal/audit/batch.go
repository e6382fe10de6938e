package audit

import (
	"bytes"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// Batch collects the events of one write transaction. It belongs to that
// transaction and to one goroutine.
type Batch struct {
	l    *Log
	tx   *db.Tx
	head head

	leaves []byte  // one after the other
	ends   []int   // where each leaf ends
	times  []int64 // the newest time after each leaf, microseconds
	done   bool
}

// Begin takes the log's head and returns a batch that continues it. It must be
// the first statement of the transaction: until the end no other writer can take
// the head. Faults: Unavailable if the log is not started, was continued by
// somebody else or is broken.
func (l *Log) Begin(tx *db.Tx) (*Batch, error) {
	if err := l.Ready(); err != nil {
		return nil, unavailable(err)
	}
	h, err := takeHead(tx)
	if err != nil {
		return nil, err
	}
	if h.log != l.started.Load().log {
		return nil, strongroom.Faultf(strongroom.Unavailable, "audit-continued",
			"the audit log was continued while this process was running").Advise("start it again")
	}
	return &Batch{l: l, tx: tx, head: h, leaves: make([]byte, 0, l.usual.Load())}, nil
}

// unavailable is what a caller who only wanted to work gets to see of a log that
// cannot take events; the reason is inside.
func unavailable(err error) error {
	if strongroom.IsKind(err, strongroom.Unavailable) {
		return err
	}
	return strongroom.Faultf(strongroom.Unavailable, "audit-broken", "the audit log takes no events, so nothing is done").Because(err)
}

// Append adds an event and returns its position. An error means that the event
// was refused; the work it describes must not be done.
func (b *Batch) Append(e Event) (index int64, err error) {
	if e.Break != nil {
		return 0, errField("break")
	}
	return b.append(&e)
}

func (b *Batch) append(e *Event) (int64, error) {
	if b.done {
		return 0, strongroom.Faultf(strongroom.Internal, "audit-flushed", "the batch was flushed already")
	}
	if err := b.l.checkAction(e.Action.Name); err != nil {
		return 0, err
	}
	newest := b.newest()
	at := max(b.timeOf(e), newest)
	if to, moved := clockMoved(e); moved {
		at = to
	}
	start := len(b.leaves)
	leaves, err := appendLeaf(b.leaves, e, at/1000)
	if err == nil {
		if kind, found := classify.Has(leaves[start:]); found {
			err = strongroom.Faultf(strongroom.Internal, "audit-personal", "the event was refused: it seems to hold a personal value (%s)", kind)
		}
	}
	if err != nil {
		b.leaves = leaves[:start]
		return 0, err
	}
	index := b.head.size + int64(len(b.ends))
	if index > maxIndex {
		b.leaves = leaves[:start]
		return 0, strongroom.Faultf(strongroom.Exhausted, "audit-full", "the log is full").Advise("continue it under a new origin")
	}
	b.leaves = leaves
	b.ends = append(b.ends, len(leaves))
	b.times = append(b.times, at)
	return position(b.head.log, index), nil
}

func (b *Batch) timeOf(e *Event) int64 {
	if e.Time.IsZero() {
		return db.Micros(b.tx.Now())
	}
	return db.Micros(e.Time)
}

// clockMoved returns the time a test instance's clock was set to by the event e.
// That event bears the new time, so the only step back in time that a log can
// show is one it explains itself.
func clockMoved(e *Event) (us int64, moved bool) {
	if e.Action.Name != SetClock.Name || e.Outcome != Success {
		return 0, false
	}
	for _, n := range e.Notes {
		if to, ok := n.Value.(int64); ok && n.Key == "to" {
			return to, true
		}
	}
	return 0, false
}

// newest returns the time of the event before the next one, in microseconds.
func (b *Batch) newest() int64 {
	if n := len(b.times); n > 0 {
		return b.times[n-1]
	}
	return b.head.newest
}

// Behind returns how far the transaction's instant is behind the newest event,
// 0 if it is not.
func (b *Batch) Behind() time.Duration {
	return max(0, time.Duration(b.newest()-db.Micros(b.tx.Now()))*time.Microsecond)
}

// Next returns the position that the next event gets. Between two batches it moves
// exactly when somebody, of this process or another, recorded an event.
func (b *Batch) Next() int64 { return position(b.head.log, b.head.size+int64(len(b.ends))) }

// Mark returns a place to come back to with [Batch.Truncate].
func (b *Batch) Mark() int { return len(b.ends) }

// Truncate forgets the events appended since mark. Their positions are given to
// the next ones.
func (b *Batch) Truncate(mark int) {
	if mark < 0 || mark > len(b.ends) || b.done {
		return
	}
	b.ends, b.times = b.ends[:mark], b.times[:mark]
	end := 0
	if mark > 0 {
		end = b.ends[mark-1]
	}
	b.leaves = b.leaves[:end]
}

// leaf returns the i-th event's bytes.
func (b *Batch) leaf(i int) []byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.leaves[start:b.ends[i]]
}

// Flush writes the events, the tiles they fill and the head. It is called once,
// right before the commit. After an error the transaction must be rolled back.
func (b *Batch) Flush() error {
	if b.done {
		return strongroom.Faultf(strongroom.Internal, "audit-flushed", "the batch was flushed already")
	}
	b.done = true
	b.l.usual.Store(int64(min(len(b.leaves), 1<<16)))
	n := len(b.ends)
	if n == 0 {
		return nil
	}
	builder, err := b.l.takeBuilder(b)
	if err != nil {
		return err
	}
	var tiles []tlog.Tile
	for i := range n {
		err := builder.Append(tlog.LeafHash(b.leaf(i)), func(t tlog.Tile) error {
			tiles = addTile(tiles, t)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := b.write(builder, tiles); err != nil {
		return err
	}
	b.l.putBuilder(b, builder)
	return nil
}

// addTile keeps the newest state of each tile.
func addTile(tiles []tlog.Tile, t tlog.Tile) []tlog.Tile {
	t.Data = bytes.Clone(t.Data)
	for i := range tiles {
		if tiles[i].ID == t.ID {
			tiles[i] = t
			return tiles
		}
	}
	return append(tiles, t)
}

func (b *Batch) write(builder *tlog.Builder, tiles []tlog.Tile) error {
	if err := b.writeEvents(); err != nil {
		return err
	}
	for _, t := range tiles {
		if err := b.tx.Queue(sqlPutTile, b.head.log, t.ID.Level, t.ID.Index, t.Data); err != nil {
			return err
		}
	}
	return b.tx.Queue(sqlMoveHead, b.head.log, builder.Size(), builder.Marshal(), b.newest())
}

// writeEvents queues the events, addWidth to a statement while there are as many.
func (b *Batch) writeEvents() error {
	first := position(b.head.log, b.head.size)
	var room [2 * addWidth]any
	for i := 0; i < len(b.ends); {
		n := 1
		if len(b.ends)-i >= addWidth {
			n = addWidth
		}
		args := room[:0]
		for j := i; j < i+n; j++ {
			args = append(args, first+int64(j), b.leaf(j))
		}
		var err error
		if n == addWidth {
			err = b.tx.Queue(sqlAddEvents, args...)
		} else {
			err = b.tx.Queue(sqlAddEvent, args...)
		}
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// takeBuilder returns a builder that stands at the batch's head: the one of the
// last Flush if that is what was committed, else one made from the stored edge.
// It is taken out so that an uncommitted Flush can never be continued unseen.
func (l *Log) takeBuilder(b *Batch) (*tlog.Builder, error) {
	l.mu.Lock()
	builder, number := l.builder, l.number
	l.builder = nil
	l.mu.Unlock()
	if builder != nil && number == b.head.log && bytes.Equal(builder.Marshal(), b.head.frontier) {
		return builder, nil
	}
	f, err := b.head.tree()
	if err != nil {
		return nil, err
	}
	builder, err = tlog.NewBuilder(f, tileReader{&b.tx.Reader, b.head.log}.ReadTile)
	if err != nil {
		return nil, unavailable(l.fail("the newest events do not hash to the head of the log", err))
	}
	return builder, nil
}

// putBuilder keeps the builder for the next Flush and tells the sealer.
func (l *Log) putBuilder(b *Batch, builder *tlog.Builder) {
	l.mu.Lock()
	l.builder, l.number = builder, b.head.log
	l.mu.Unlock()
	l.newest.Store(b.newest())
	before := l.seen.Swap(builder.Size())
	if before/sealEvery != builder.Size()/sealEvery {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// checkAction holds an action's name against the closed list, if there is one.
func (l *Log) checkAction(name string) error {
	if len(l.actions) == 0 {
		return nil
	}
	if _, found := slices.BinarySearch(l.actions, name); found || ownAction(name) {
		return nil
	}
	return errField("action")
}
