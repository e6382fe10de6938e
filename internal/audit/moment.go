package audit

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// Moment is a place in the log: between the events before an instant and those from
// it on.
type Moment struct {
	// Next is the position of the first event from the instant on, or behind the last.
	Next int64
	// Size and Root are the tree over the events before it, in the log that holds the
	// last of them.
	Size int64
	Root tlog.Hash
}

// Moment finds an instant in the log. It reads as many events as the log's size has
// bits, and as many tiles as the tree is high; only of a log that was continued it
// reads all events up to the instant. Time in a log goes forward. In a test instance
// whose clock was set back it does not, and the place is then one of several.
func (l *Log) Moment(ctx context.Context, t time.Time) (m Moment, err error) {
	err = l.db.Read(ctx, func(r *db.Reader) error {
		m, err = moment(r, t)
		return err
	})
	return m, err
}

func moment(r *db.Reader, t time.Time) (Moment, error) {
	h, err := readHead(r)
	if err != nil {
		return Moment{}, err
	}
	logs, err := readLogs(r)
	if err != nil {
		return Moment{}, err
	}
	at := h.log
	for i := len(logs) - 1; i >= 0 && at > 0; i-- {
		if at = logs[i].log; at > h.log {
			continue
		}
		begun, ok, err := eventFrom(r, at, 0)
		if err != nil {
			return Moment{}, err
		}
		if ok && begun.Time.Before(t) {
			break
		}
	}
	if at < h.log {
		return earlier(r, at, t)
	}
	tree, err := h.tree()
	if err != nil {
		return Moment{}, err
	}
	n, err := firstFrom(r, at, h.size, t)
	if err != nil {
		return Moment{}, err
	}
	root, err := tlog.PrefixRoot(h.size, tree.Root(), n, tileReader{r, at})
	return Moment{Next: position(at, n), Size: n, Root: root}, unproven(err)
}

// firstFrom returns the index of the first event of a log from an instant on, size
// if there is none.
func firstFrom(r *db.Reader, log, size int64, t time.Time) (int64, error) {
	low, high := int64(0), size
	for low < high {
		mid := low + (high-low)/2
		e, ok, err := eventFrom(r, log, mid)
		if err != nil {
			return 0, err
		}
		if ok && e.Time.Before(t) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, nil
}

// eventFrom returns the first event of a log at or behind an index.
func eventFrom(r *db.Reader, log, index int64) (e Event, ok bool, err error) {
	err = eachEvent(r, position(log, index), position(log+1, 0), 1, func(at int64, leaf []byte) error {
		ok = true
		e, err = Entry{Position: at, Leaf: leaf}.Event()
		return err
	})
	return e, ok, err
}

// earlier is moment in a log that was continued. It may have holes, so its tree is
// made as [Log.Continue] made it.
func earlier(r *db.Reader, log int64, t time.Time) (Moment, error) {
	m := Moment{Next: position(log, 0)}
	var tree tlog.Frontier
	for read, over := 1, false; read > 0 && !over; {
		read = 0
		err := eachEvent(r, m.Next, position(log+1, 0), MaxEvents, func(at int64, leaf []byte) error {
			e, err := Entry{Position: at, Leaf: leaf}.Event()
			if over = over || err != nil || !e.Time.Before(t); over {
				return err
			}
			_, index := splitPosition(at)
			if index-tree.Size() > maxGap {
				return strongroom.Faultf(strongroom.Internal, "audit-hole", "a log that was continued has a large hole")
			}
			fillTo(&tree, index)
			tree.Append(tlog.LeafHash(leaf))
			m.Next = at + 1
			read++
			return nil
		})
		if err != nil {
			return Moment{}, err
		}
	}
	m.Size, m.Root = tree.Size(), tree.Root()
	return m, nil
}
