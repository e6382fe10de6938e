package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// stock is a side and some of the orders it holds, to ask for later.
type stock struct {
	side
	every int // of the orders that came in, how many pass for one that is remembered; 0 is 1

	mu    sync.Mutex
	seen  int
	ids   []string
	names []string // what the platform calls them
	mails []string
}

func (s *stock) keep(id string, o order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen++; s.every > 1 && s.seen%s.every != 0 {
		return
	}
	s.ids, s.names, s.mails = append(s.ids, id), append(s.names, o.name), append(s.mails, o.email)
}

// pick returns a random number below n, the same for both sides in the same call
// of a round.
func pick(round, i, n int) int {
	return rand.New(rand.NewPCG(uint64(round), uint64(i))).IntN(n)
}

// ingestMany brings orders in by calls of size from several callers.
func (s *stock) ingestMany(ctx context.Context, orders []order, size int) (outcome, error) {
	batches := slices.Collect(slices.Chunk(orders, size))
	o, err := load(bulkAtOnce, len(batches), 0, func(i int) error {
		bodies := make([][]byte, len(batches[i]))
		for j, one := range batches[i] {
			bodies[j] = one.body
		}
		ids, err := s.IngestMany(ctx, bodies)
		for j := range ids {
			s.keep(ids[j], batches[i][j])
		}
		return err
	})
	o.ops = len(orders)
	return o, err
}

func (b *bench) bulkIngest(ctx context.Context, f, p *stock) error {
	orders := make([][]order, b.rounds)
	for r := range orders {
		orders[r] = b.next(b.bulk)
	}
	side := func(s *stock) func(int) (outcome, error) {
		return func(r int) (outcome, error) { return s.ingestMany(ctx, orders[r], batchSize) }
	}
	ff, fp, err := duel(b.rounds, side(f), side(p))
	if err != nil {
		return err
	}
	b.addDuel("bulk ingest", bulkAtOnce, 0.5, ff, fp, "calls of 256 orders; latencies are of a call")
	return b.same(ctx, f, p, orders[0][0])
}

// same proves that both sides keep what came in: the first order comes back
// byte for byte.
func (b *bench) same(ctx context.Context, f, p *stock, first order) error {
	for _, s := range []*stock{f, p} {
		i := slices.Index(s.mails, first.email)
		if i < 0 {
			return wrong("the first order is not in stock")
		}
		hits, err := s.Find(ctx, first.email)
		if err != nil {
			return err
		}
		if hits < 1 {
			return wrong("the first order is not found")
		}
		if s.every > 1 {
			continue
		}
		found := false
		for j, mail := range s.mails {
			if mail != first.email {
				continue
			}
			body, err := s.Reveal(ctx, s.ids[j], s.names[j])
			if err != nil {
				return err
			}
			found = found || bytes.Equal(body, first.body)
		}
		if !found {
			return wrong("the first order did not come back as it came in")
		}
	}
	return nil
}

// single measures orders that come in one by one.
func (b *bench) single(ctx context.Context, name string, f, p *stock, bar float64) error {
	orders := make([][]order, b.rounds)
	for r := range orders {
		orders[r] = b.next(b.singles)
	}
	return b.singly(ctx, name, f, p, orders, bar)
}

// singly measures these orders, a list for each round, one by one.
func (b *bench) singly(ctx context.Context, name string, f, p *stock, orders [][]order, bar float64) error {
	side := func(s *stock) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			return load(manyAtOnce, len(orders[r]), b.slice, func(i int) error {
				id, err := s.Ingest(ctx, orders[r][i].body)
				s.keep(id, orders[r][i])
				return err
			})
		}
	}
	return b.compete(name, side(f), side(p), bar)
}

// reveal measures single reveals of random orders. They are for reference, or for
// the order itself if that is empty.
func (b *bench) reveal(ctx context.Context, name, reference string, f, p *stock, bar float64) error {
	side := func(s *stock) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			return load(manyAtOnce, 1<<30, b.slice, func(i int) error {
				n := pick(r, i, len(s.ids))
				body, err := s.Reveal(ctx, s.ids[n], cmp.Or(reference, s.names[n]))
				if err == nil && len(body) < 100 {
					err = wrong("a reveal came back empty")
				}
				return err
			})
		}
	}
	return b.compete(name, side(f), side(p), bar)
}

// reveals measures reveals as they are: for the order itself, and for a reference
// that the product sees for the first time and keeps beside the record.
func (b *bench) reveals(ctx context.Context, c *contest) error {
	if err := b.reveal(ctx, "reveal", "", c.sf, c.sp, 0.5); err != nil {
		return err
	}
	if err := b.personal(ctx, c); err != nil {
		return err
	}
	// Each run has its own: a reference that is known is not written again.
	return b.reveal(ctx, "reveal, new reference", fmt.Sprintf("run-%05d", rand.IntN(100_000)), c.sf, c.sp, 0.5)
}

// find measures searches for the e-mail addresses of random orders.
func (b *bench) find(ctx context.Context, name string, f, p *stock, bar float64) error {
	side := func(s *stock) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			return load(manyAtOnce, 1<<30, b.slice, func(i int) error {
				hits, err := s.Find(ctx, s.mails[pick(r, i, len(s.mails))])
				if err == nil && hits == 0 {
					err = wrong("an order that is there was not found")
				}
				return err
			})
		}
	}
	return b.compete(name, side(f), side(p), bar)
}

// erase measures single erasures.
func (b *bench) erase(ctx context.Context, f, p *stock) error {
	n := min(len(f.ids), len(p.ids)) / (4 * b.rounds) // the others are for the sweep
	side := func(s *stock) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			ids := s.ids[len(s.ids)-(r+1)*n : len(s.ids)-r*n] // the newest: the sweep takes the oldest
			return load(manyAtOnce, n, b.slice, func(i int) error { return s.Erase(ctx, ids[i]) })
		}
	}
	return b.compete("erase", side(f), side(p), 0.3)
}

func (b *bench) compete(name string, f, p func(int) (outcome, error), bar float64) error {
	ff, fp, err := duel(b.rounds, f, p)
	if err != nil {
		return err
	}
	b.addDuel(name, manyAtOnce, bar, ff, fp, "")
	return nil
}

// sweep lets everything reach its date and measures the two halves of the
// sweep: keys die, then what they leave behind is cleared.
func (b *bench) sweep(ctx context.Context, f *floor, p *product) error {
	if err := f.bare(ctx); err != nil {
		return err
	}
	// What was erased waits to be cleared; it is not what is measured here.
	for more := true; more; {
		var err error
		if _, more, err = p.vault.ClearStep(ctx, p.who, sweepSize); err != nil {
			return err
		}
	}
	p.pass(400 * 24 * time.Hour)
	held, err := p.keys.Gauges(ctx)
	if err != nil {
		return err
	}
	plain, err := f.bareCount(ctx)
	if err != nil {
		return err
	}
	due := int(min(held.Overdue, plain)) // the quicker side erased more before
	size := min(sweepSize, due/b.rounds)
	if size == 0 {
		return wrong("nothing is due")
	}
	steps := due / size / b.rounds
	ff, fp, err := duel(b.rounds,
		func(int) (outcome, error) { return sweeping(steps, size, f.purgeBare) },
		func(int) (outcome, error) {
			return sweeping(steps, size, func(n int) (int, error) {
				done, _, err := p.keys.ExpireStep(ctx, p.who, n)
				return done, err
			})
		})
	if err != nil {
		return err
	}
	b.addDuel("sweep: key death", 1, 0.3, ff, fp, "records a second; floor deletes rows without secondary indexes")
	ff, fp, err = duel(b.rounds,
		func(int) (outcome, error) { return sweeping(steps, size, f.purge) },
		func(int) (outcome, error) {
			return sweeping(steps, size, func(n int) (int, error) {
				done, _, err := p.vault.ClearStep(ctx, p.who, n)
				return done, err
			})
		})
	if err != nil {
		return err
	}
	b.addDuel("sweep: the rest", 1, 0.3, ff, fp, "records a second; floor deletes rows with six indexes")
	return nil
}

// sweeping measures steps of a sweep. Its operations are records.
func sweeping(steps, size int, step func(n int) (int, error)) (outcome, error) {
	total := 0
	o, err := load(1, steps, 0, func(int) error {
		n, err := step(size)
		if err == nil && n == 0 {
			err = wrong("a step of the sweep had nothing to do")
		}
		total += n
		return err
	})
	o.ops = total
	return o, err
}
