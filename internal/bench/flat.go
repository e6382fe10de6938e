package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	loadBatch = 4096               // orders a call while loading
	loadChunk = 8 * loadBatch      // orders made and brought in between two looks at the clock
	sayEvery  = 10 * time.Second   // while loading
	keptFor   = 3 * 24 * time.Hour // after that the first kept orders come to their date
)

// flat measures the product with few records beside the product with many. Both
// stand open, hold as many orders a shopper, and take turns.
func (b *bench) flat(ctx context.Context) (err error) {
	now := time.Now()
	few, many := newShop(3*b.small, now), newShop(3*b.large, now)
	p, err := openProduct(ctx, b.at, "small")
	if err != nil {
		return err
	}
	small := &stock{side: p}
	defer func() { err = errors.Join(err, p.Close(), b.at.drop(context.WithoutCancel(ctx), "small")) }()
	if err := b.fill(ctx, small, few, 0, b.small); err != nil {
		return err
	}
	l, err := b.openLarge(ctx, many)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close(context.WithoutCancel(ctx))) }()
	orders := l.orders(b.rounds, b.flatSingles)
	if err := l.remember(); err != nil {
		return err
	}
	return b.flatRows(ctx, small, &l.stock, orders)
}

// flatRows measures what changes nothing first, so that small is as small as the
// rows say.
func (b *bench) flatRows(ctx context.Context, small, large *stock, orders [][]order) error {
	from := fmt.Sprintf(", %s to %s records", thousands(b.small), thousands(b.large))
	const bar = 1 / 1.3
	if err := b.reveal(ctx, "flat: reveal"+from, "", small, large, bar); err != nil {
		return err
	}
	if err := b.find(ctx, "flat: find"+from, small, large, bar); err != nil {
		return err
	}
	return b.singly(ctx, "flat: ingest"+from, small, large, orders, bar)
}

// large is the large instance of the flat rows with what the next run must know
// of it.
type large struct {
	stock
	p    *product
	at   place
	name string
	shop *shop
	kept bool
	keptFacts
}

// keptFacts is what lies beside a kept instance: synthetic, like all its records.
type keptFacts struct {
	Records int       `json:"records"` // it was loaded with
	Next    int       `json:"next"`    // number of the shop's first order it does not have
	Loaded  time.Time `json:"loaded"`
	IDs     []string  `json:"ids"` // some of its orders
	Names   []string  `json:"names"`
	Mails   []string  `json:"mails"`
}

// openLarge opens the kept instance, or loads one.
func (b *bench) openLarge(ctx context.Context, many *shop) (*large, error) {
	l := &large{at: b.at, name: "large", shop: many}
	// As many to ask for as the small one has: a reveal that names its reference
	// for the first time does more than the next.
	l.every = max(b.large/b.small, 1)
	if b.o.Keep != "" {
		l.at.dir, l.name, l.kept = b.o.Keep, "kept", true
		if l.recall(ctx, b) {
			b.say("%s records are there from the last run", thousands(b.large))
			return l, nil
		}
	}
	if err := l.at.drop(ctx, l.name); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(l.file()); err != nil {
		return nil, err
	}
	var err error
	if l.p, err = openProduct(ctx, l.at, l.name); err != nil {
		return nil, err
	}
	l.side, l.Loaded = l.p, time.Now()
	if err := b.fill(ctx, &l.stock, many, 0, b.large); err != nil {
		return nil, errors.Join(err, l.p.Close(), l.at.drop(context.WithoutCancel(ctx), l.name))
	}
	l.Records, l.Next, l.IDs, l.Names, l.Mails = b.large, b.large, l.ids, l.names, l.mails
	return l, l.remember()
}

// recall opens what the last run kept. One that is of another size, too old or
// not whole is loaded anew.
func (l *large) recall(ctx context.Context, b *bench) bool {
	text, err := os.ReadFile(l.file())
	if err != nil || json.Unmarshal(text, &l.keptFacts) != nil || l.Records != b.large ||
		time.Since(l.Loaded) > keptFor || len(l.IDs) == 0 || len(l.IDs) != len(l.Mails) || len(l.IDs) != len(l.Names) ||
		l.Next+b.rounds*b.flatSingles > 3*b.large {
		l.keptFacts = keptFacts{}
		return false
	}
	p, err := openProduct(ctx, l.at, l.name)
	if err != nil {
		return false
	}
	if n, err := p.Find(ctx, l.Mails[0]); err != nil || n == 0 { // not the server it was kept on
		_ = p.Close() // it is made anew
		return false
	}
	l.p, l.side, l.ids, l.names, l.mails = p, p, l.IDs, l.Names, l.Mails
	return true
}

// orders returns the shop's next orders, a list for each round.
func (l *large) orders(rounds, each int) [][]order {
	out := make([][]order, rounds)
	for r := range out {
		out[r] = l.shop.orders(l.Next, l.Next+each)
		l.Next += each
	}
	return out
}

func (l *large) file() string { return filepath.Join(l.at.dir, string(l.at.engine)+"-"+l.name+".json") }

// remember writes down what the next run must know, if there is to be one.
func (l *large) remember() error {
	if !l.kept {
		return nil
	}
	text, err := json.Marshal(l.keptFacts)
	if err != nil {
		return err
	}
	return os.WriteFile(l.file(), text, 0o600)
}

func (l *large) close(ctx context.Context) error {
	err := l.p.Close()
	if l.kept {
		return err
	}
	return errors.Join(err, l.at.drop(ctx, l.name))
}

// fill brings n orders of a shop into a side, from number from on: the product's
// own way in, in large calls of several callers. The next orders are made while
// these come in.
func (b *bench) fill(ctx context.Context, s *stock, shop *shop, from, n int) error {
	begun, said := time.Now(), time.Now()
	orders := func(done int) <-chan []order {
		made := make(chan []order, 1)
		go func() { made <- shop.orders(from+done, from+min(done+loadChunk, n)) }()
		return made
	}
	next := orders(0)
	for done := 0; done < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := <-next
		done += len(batch)
		if done < n {
			next = orders(done)
		}
		o, err := s.ingestMany(ctx, batch, loadBatch)
		if err != nil {
			return err
		}
		if time.Since(said) >= sayEvery || done == n && n > loadChunk {
			said = time.Now()
			left := time.Duration(float64(time.Since(begun)) / float64(done) * float64(n-done))
			b.say("%s of %s records loaded, %s a second, %d µs of processor each, %s left", thousands(done), thousands(n),
				thousands(int(o.rate())), o.cpu.Microseconds()/int64(max(o.ops, 1)), left.Round(time.Second))
		}
	}
	return nil
}
