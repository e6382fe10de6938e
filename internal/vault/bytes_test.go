package vault_test

import (
	"context"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// TestBytesOnDisk compares the bytes a stored order takes, with index, key and
// log, with the same JSON as a plain row with six indexes.
func TestBytesOnDisk(t *testing.T) {
	const orders = 3000
	f := open(t)
	size := func(d *db.DB) int64 {
		n, err := d.Size(context.Background())
		f.must(err)
		return n
	}
	before := size(f.db)
	f.stock(orders)
	ours := (size(f.db) - before) / orders

	d := dbtest.New(t, db.Schema{Package: "plain", FS: plainSchema()})
	before = size(d)
	for n := range orders / 300 {
		f.must(d.Update(context.Background(), func(tx *db.Tx) error { return plainOrders(tx, n*300, 300) }))
	}
	plain := (size(d) - before) / orders
	t.Logf("%d bytes an order, plain %d, body %d", ours, plain, len(numbered(1_000_000)))
	if float64(ours) > 2.5*float64(plain) {
		t.Errorf("an order takes %d bytes, a plain one %d", ours, plain)
	}
}
