package vault_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// numbered returns an order of about 1.2 KB with its own id and shopper.
func numbered(n int) []byte {
	return fmt.Appendf(nil, `{"success":true,"order":{"id":"%d","number":"%d","name":"#%d","email":"shopper%d@example.com","currency":"MXN",`+
		`"status":{"id":null,"status":"open","financial":"paid","ecartapi":"paid","ecartapiId":"1"},`+
		`"totals":{"subtotal":"1168.00","total":"1268.00","tax":"0","discount":"0","weight":null,"shipping":"100.00"},`+
		`"customer":{"id":"77%d","email":"shopper%d@example.com","firstName":"Mara","lastName":"Zarco %d","phone":"+52 55 %08d"},`+
		`"billingAddress":{"firstName":"Mara","lastName":"Zarco %d","address1":"Calle Zarzaparrilla %d","city":"Monterrey","country":{"code":"MX","name":"Mexico"},"postalCode":"%05d","phone":"+52 55 %08d"},`+
		`"shippingAddress":{"firstName":"Mara","lastName":"Zarco %d","address1":"Calle Zarzaparrilla %d","city":"Monterrey","country":{"code":"MX","name":"Mexico"},"postalCode":"%05d","phone":"+52 55 %08d"},`+
		`"items":[{"id":"153300217702","sku":"NOP-MOLC-02","name":"Molcajete","quantity":"1","price":"584.00"},{"id":"153300217703","sku":"NOP-TORT-11","name":"Tortillero","quantity":"2","price":"292.00"}],`+
		`"note":"Leave it at the door","dates":{"createdAt":"2026-11-10T09:00:00Z","updatedAt":"2026-11-10T10:00:00Z","paidAt":"2026-11-10T09:01:00Z"}}}`,
		n, n, n, n, n, n, n, n, n, n, n%100000, n, n, n, n%100000, n)
}

func BenchmarkIngestMany(b *testing.B) {
	f := open(b)
	const batch = 300
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		ins := make([]vault.In, batch)
		for i := range ins {
			ins[i] = f.in("orders", string(numbered(1_000_000+n*batch+i)))
		}
		out, err := f.IngestMany(context.Background(), f.who, ins)
		if err != nil || out[0].Err != nil || out[0].Stored != 1 {
			b.Fatal(err, out[0].Err)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "orders/s")
}

func BenchmarkAgain(b *testing.B) {
	f := open(b)
	ins := make([]vault.In, 300)
	for i := range ins {
		ins[i] = f.in("orders", string(numbered(1_000_000+i)))
	}
	for b.Loop() {
		if _, err := f.IngestMany(context.Background(), f.who, ins); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(ins))/b.Elapsed().Seconds(), "orders/s")
}

func parallel(b *testing.B, each func(n int)) {
	var next atomic.Int64
	b.SetParallelism(16) // 32 callers on two cores
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			each(int(next.Add(1)))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func BenchmarkIngest(b *testing.B) {
	f := open(b)
	parallel(b, func(n int) {
		if _, err := f.Ingest(context.Background(), f.who, f.in("orders", string(numbered(1_000_000+n)))); err != nil {
			b.Error(err)
		}
	})
}

const stocked = 3000

func (f *fixture) stock(n int) (ids []string) {
	f.t.Helper()
	for from := 0; from < n; from += 300 {
		var ins []vault.In
		for i := from; i < min(n, from+300); i++ {
			ins = append(ins, f.in("orders", string(numbered(1_000_000+i))))
		}
		out, err := f.IngestMany(context.Background(), f.who, ins)
		f.must(err)
		for _, o := range out {
			f.must(o.Err)
			ids = append(ids, o.Records[0].ID)
		}
	}
	return ids
}

func unlimited() vault.Budgets {
	return vault.Budgets{RecordsHour: 1 << 50, RecordsDay: 1 << 50, FieldsHour: 1 << 50, FieldsDay: 1 << 50}
}

func BenchmarkReveal(b *testing.B) {
	f := openWith(b, setup{budgets: unlimited()})
	ids := f.stock(stocked)
	parallel(b, func(n int) {
		if _, err := f.reveal(ids[n%len(ids)]); err != nil {
			b.Error(err)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	f := open(b)
	f.stock(stocked)
	parallel(b, func(n int) {
		list, _, err := f.Find(context.Background(), f.who, vault.FindQuery{Store: f.store, Email: fmt.Sprintf("shopper%d@example.com", 1_000_000+n%stocked)})
		if err != nil || len(list) != 1 {
			b.Error(err, len(list))
		}
	})
}

func BenchmarkErase(b *testing.B) {
	f := open(b)
	var ids []string
	for len(ids) < b.N {
		ids = append(ids, f.stockFrom(len(ids), 300)...)
	}
	parallel(b, func(n int) {
		if _, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: ids[n-1 : n]}); err != nil {
			b.Error(err)
		}
	})
}

func (f *fixture) stockFrom(from, n int) (ids []string) {
	f.t.Helper()
	ins := make([]vault.In, n)
	for i := range ins {
		ins[i] = f.in("orders", string(numbered(1_000_000+from+i)))
	}
	out, err := f.IngestMany(context.Background(), f.who, ins)
	f.must(err)
	for _, o := range out {
		ids = append(ids, o.Records[0].ID)
	}
	return ids
}

// BenchmarkSweep lets records die of their date and clears what is left.
func BenchmarkSweep(b *testing.B) {
	f := open(b)
	var ids []string
	for len(ids) < b.N {
		ids = append(ids, f.stockFrom(len(ids), 300)...)
	}
	f.pass(100 * 24 * 3600 * 1e9)
	who := strongroom.System("sweeper")
	b.ResetTimer()
	for more := true; more; {
		var err error
		if _, more, err = f.keys.ExpireStep(context.Background(), who, 500); err != nil {
			b.Fatal(err)
		}
	}
	death := b.Elapsed()
	for more := true; more; {
		var err error
		if _, more, err = f.ClearStep(context.Background(), who, 500); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(ids))/death.Seconds(), "keys/s")
	b.ReportMetric(float64(len(ids))/(b.Elapsed()-death).Seconds(), "cleared/s")
}

// BenchmarkFloor is the same orders as plain rows with six indexes and a log
// row, on the same engine and settings, 300 in a transaction.
func BenchmarkFloor(b *testing.B) {
	d := dbtest.New(b, db.Schema{Package: "plain", FS: plainSchema()})
	const batch = 300
	line := strings.Repeat("x", 150)
	for n := 0; b.Loop(); n++ {
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			if err := plainOrders(tx, n*batch, batch); err != nil {
				return err
			}
			_, err := tx.Exec("insert into plain_log (id, line) values ($1, $2)", n, line)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "orders/s")
}

func plainSchema() fstest.MapFS {
	const table = `create table plain_order (id integer primary key, external text not null, email text not null, phone text not null,
		name text not null, postal text not null, national text not null, body text not null);
		create index plain_1 on plain_order (external); create index plain_2 on plain_order (email); create index plain_3 on plain_order (phone);
		create index plain_4 on plain_order (name); create index plain_5 on plain_order (postal); create index plain_6 on plain_order (national);
		create table plain_log (id integer primary key, line text not null)`
	return fstest.MapFS{
		"schema/0001_init.sqlite.sql":   {Data: []byte(table)},
		"schema/0001_init.postgres.sql": {Data: []byte(strings.ReplaceAll(table, "integer", "bigint"))},
	}
}

// plainOrders writes n orders as plain rows. People do not come in the order of
// their names, so neither do the values of the indexes.
func plainOrders(tx *db.Tx, from, n int) error {
	_, err := tx.Batch("insert into plain_order (id, external, email, phone, name, postal, national, body) values ($1, $2, $3, $4, $5, $6, $7, $8)",
		n, func(i int) []any {
			k := 1_000_000 + from + i
			r := uint32(k) * 2654435761
			return []any{k, fmt.Sprint(k), fmt.Sprintf("%d-shopper@example.com", r), fmt.Sprintf("+%d", r), fmt.Sprintf("%d mara zarco", r),
				fmt.Sprintf("%05d", r%100000), fmt.Sprint(r), string(numbered(k))}
		})
	return err
}
