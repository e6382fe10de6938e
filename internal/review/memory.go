package review

import (
	"context"
	"encoding/json"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Shelf keeps what was read of the log over a restart. What lies on it can be lost or
// replaced by an older state of itself: reading goes on from there and comes to the
// same.
type Shelf interface {
	// Load returns what was kept last, nil if there is nothing that opens.
	Load(ctx context.Context) ([]byte, error)
	// Keep replaces it.
	Keep(ctx context.Context, state []byte) error
}

// NewShelf returns a shelf in the database. What it keeps is sealed under key, the one
// of [Options], and belongs to one environment.
func NewShelf(g *guard.Guard, env strongroom.Environment, key seal.Key) Shelf {
	return &shelf{g, key.Derive("review memory", []byte(env))}
}

type shelf struct {
	guard *guard.Guard
	key   seal.Key
}

// place is the one row of the shelf.
const place = 1

func (s *shelf) ad() []byte { return seal.AD("review", "memory", place) }

// Load implements [Shelf]. A row that was edited counts as none.
func (s *shelf) Load(ctx context.Context) (state []byte, err error) {
	err = s.guard.Look(ctx, guard.Cursor, func(r *db.Reader) error {
		var sealed []byte
		state = nil
		there, err := found(r.QueryRow(sqlMemory, place).Scan(&sealed))
		if err != nil || !there {
			return err
		}
		if text, err := s.key.Open(nil, s.ad(), sealed); err == nil {
			state = text
		}
		return nil
	})
	return state, err
}

// Keep implements [Shelf].
func (s *shelf) Keep(ctx context.Context, state []byte) error {
	sealed := s.key.Seal(nil, s.ad(), state)
	return s.guard.Quiet(ctx, guard.Cursor, func(_ context.Context, tx *guard.Tx) error {
		_, err := tx.Exec(sqlPutMemory, place, sealed)
		return err
	})
}

// load takes up what was kept, once.
func (l *fromLog) load(ctx context.Context) error {
	if l.loaded || l.shelf == nil {
		return nil
	}
	text, err := l.shelf.Load(ctx)
	if err != nil {
		return err
	}
	var m memory
	if l.loaded = true; text == nil || json.Unmarshal(text, &m) != nil {
		return nil
	}
	l.memory, l.kept = m, m.Next+m.Read
	return nil
}

// keepEvery is how many events are read between two times that the memory is kept.
const keepEvery = 10_000

// keep puts the memory on the shelf where much was read since the last time. What
// fails is tried the next time: it costs reading alone.
func (l *fromLog) keep(ctx context.Context) {
	at := l.memory.Next + l.memory.Read
	if l.shelf == nil || at-l.kept < keepEvery {
		return
	}
	text, err := json.Marshal(l.memory)
	// What was read before a caller left is worth as much.
	if err == nil && l.shelf.Keep(context.WithoutCancel(ctx), text) == nil {
		l.kept = at
	}
}
