package bench

import (
	"context"
	"time"

	"strongroom/internal/db"
)

// What the tests look at.
var (
	Load       = load
	Duel       = duel
	ResidentOf = residentOf
	Durable    = durable
)

type (
	Outcome = outcome
	Figure  = figure
)

func NewOutcome(ops int, took time.Duration) outcome { return outcome{ops: ops, took: took} }

func (f figure) Rate() float64 { return f.rate }
func (o outcome) Ops() int     { return o.ops }

// Columns reads an order as the floor does.
func Columns(body []byte) [6]string {
	c := columnsOf(body)
	return [6]string{c.externalID, c.email, c.phone, c.name, c.postal, c.national}
}

// Judge has a row judged.
func Judge(r Row, lower bool) Row {
	b := &bench{at: place{engine: db.SQLite}}
	b.add(r, lower)
	return b.rows[0]
}

// Same brings one order into the floor and checks it, with the floor's reveals
// changed by spoil.
func Same(ctx context.Context, dir string, spoil func([]byte) []byte) error {
	at := place{engine: db.SQLite, dir: dir}
	f, err := openFloor(ctx, at, "floor")
	if err != nil {
		return err
	}
	defer f.Close()
	s := &stock{side: spoiled{f, spoil}}
	first := newShop(10, time.Now()).orders(0, 3)
	if _, err := s.ingestMany(ctx, first, batchSize); err != nil {
		return err
	}
	return new(bench).same(ctx, s, s, first[0])
}

type spoiled struct {
	side
	spoil func([]byte) []byte
}

func (s spoiled) Reveal(ctx context.Context, id, reference string) ([]byte, error) {
	body, err := s.side.Reveal(ctx, id, reference)
	return s.spoil(body), err
}
