package bench

import (
	"context"
	"runtime"

	"strongroom/internal/db"
)

// group commits the work of many callers together, as the guard does: one
// transaction and one sync for all that wait, each caller's part behind a mark
// of its own, so that one that fails takes nobody along.
type group struct {
	db    *db.DB
	queue chan *part
	ended chan struct{}
}

type part struct {
	work func(tx *db.Tx) error
	done chan error
}

const groupSize = 256

func newGroup(d *db.DB) *group {
	g := &group{db: d, queue: make(chan *part, 1024), ended: make(chan struct{})}
	go g.run()
	return g
}

// do runs work in a shared transaction and returns when it is on disk.
func (g *group) do(work func(tx *db.Tx) error) error {
	p := &part{work: work, done: make(chan error, 1)}
	g.queue <- p
	return <-p.done
}

// close waits for the work under way; nobody may call do any more.
func (g *group) close() {
	close(g.queue)
	<-g.ended
}

func (g *group) run() {
	defer close(g.ended)
	for p := range g.queue {
		g.commit(g.gather(p))
	}
}

// gather takes who waits, lets the callers just answered run once, and takes
// who waits then.
func (g *group) gather(first *part) []*part {
	parts := []*part{first}
	for round := range 2 {
		for more := true; more && len(parts) < groupSize; {
			select {
			case p, ok := <-g.queue:
				if more = ok; ok {
					parts = append(parts, p)
				}
			default:
				more = false
			}
		}
		if round == 0 && len(parts) < groupSize {
			runtime.Gosched()
		}
	}
	return parts
}

// commit goes without savepoints, and begins again with them if a part that had
// written fails.
func (g *group) commit(parts []*part) {
	refused := make([]error, len(parts))
	run := func(mark func(*db.Tx)) error {
		return g.db.Update(context.Background(), func(tx *db.Tx) error {
			for i, p := range parts {
				mark(tx)
				if refused[i] = p.work(tx); refused[i] != nil {
					if err := tx.RollbackToMark(); err != nil {
						return err
					}
				}
			}
			return tx.Settle()
		})
	}
	err := run((*db.Tx).MarkLightly)
	if err != nil {
		err = run((*db.Tx).Mark)
	}
	for i, p := range parts {
		if refused[i] == nil {
			refused[i] = err
		}
		p.done <- refused[i]
	}
}
