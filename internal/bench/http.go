package bench

import (
	"context"
	"errors"
)

// http measures both sides over HTTP. The client runs in this process too, so
// that its share of the cores is in both figures.
func (b *bench) http(ctx context.Context) (err error) {
	i, err := b.instance(ctx)
	if err != nil {
		return err
	}
	f, err := openFloor(ctx, b.at, "plain")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), b.at.drop(ctx, "plain")) }()
	if err := b.fill(ctx, &stock{side: f}, b.shop, b.sold, b.cold); err != nil {
		return err
	}
	b.sold += b.cold
	dir, err := b.at.folder("plain-tls")
	if err != nil {
		return err
	}
	fd, stop, err := newPlain(f).serve(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return i.serving(ctx, func(pd *door) error { return b.doors(ctx, f, fd, pd) })
}

func (b *bench) doors(ctx context.Context, f *floor, fd, pd *door) error {
	orders := make([][]order, b.rounds)
	for r := range orders {
		orders[r] = b.next(b.singles)
	}
	ingest := func(d *door) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			return load(manyAtOnce, len(orders[r]), b.slice, func(i int) error {
				return d.ingest(ctx, typeJSON, orders[r][i].body)
			})
		}
	}
	if err := b.compete("http: ingest", ingest(fd), ingest(pd), 0.5); err != nil {
		return err
	}
	theirs, err := pd.ids(ctx, 2000)
	if err != nil {
		return err
	}
	ours := f.ids(len(theirs))
	reveal := func(d *door, ids []string) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			return load(manyAtOnce, 1<<30, b.slice, func(i int) error {
				return d.reveal(ctx, ids[pick(r, i, len(ids))])
			})
		}
	}
	return b.compete("http: reveal", reveal(fd, ours), reveal(pd, theirs), 0.5)
}
