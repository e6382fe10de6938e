package keys_test

import (
	"context"
	"math"
	"testing"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

const benchKeys = 200_000

// BenchmarkRoll moves keys under a new epoch, with events and commits.
func BenchmarkRoll(b *testing.B) {
	f := open(b)
	f.fill(benchKeys, f.later())
	b.ResetTimer()
	for range b.N {
		f.must(f.Roll(context.Background(), f.who, nil))
	}
	b.ReportMetric(float64(b.N)*benchKeys/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkRollStep is one step in the middle.
func BenchmarkRollStep(b *testing.B) {
	f := open(b)
	f.fill(20_000, f.later())
	n := 0
	for b.Loop() {
		f.must(keys.NewEpoch(f.ring))
		_, m, err := f.RollStep(context.Background(), f.who, math.MinInt64, 2000)
		f.must(err)
		n += m
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkExpire destroys keys past their date: ledger, keys, queue, event.
func BenchmarkExpire(b *testing.B) {
	for range b.N {
		b.StopTimer()
		f := open(b)
		f.fill(benchKeys, f.clock.Now())
		f.clock.SetOffset(40 * 24 * time.Hour)
		b.StartTimer()
		for more := true; more; {
			var err error
			_, more, err = f.ExpireStep(context.Background(), f.who, 500)
			f.must(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchKeys/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkPlainDelete is the floor of BenchmarkExpire: rows of 1.2 KB without
// secondary indexes, deleted in the same batches with one plain log row each.
func BenchmarkPlainDelete(b *testing.B) {
	const (
		table  = "create table plain (id integer primary key, due bigint not null, body bytea not null)"
		logs   = "create table plain_log (id integer primary key, n bigint not null)"
		insert = "insert into plain (id, due, body) values ($1, $2, $3)"
		purge  = "delete from plain where id > $1 and id <= $2"
		note   = "insert into plain_log (id, n) values ($1, $2)"
		drop   = "drop table if exists plain"
		dropL  = "drop table if exists plain_log"
	)
	f := open(b)
	body := make([]byte, 1200)
	for range b.N {
		b.StopTimer()
		f.exec(func(tx *db.Tx) error {
			f.must(first(tx.Exec(drop)))
			f.must(first(tx.Exec(dropL)))
			f.must(first(tx.Exec(table)))
			f.must(first(tx.Exec(logs)))
			return first(tx.Batch(insert, benchKeys, func(i int) []any { return []any{i + 1, 0, body} }))
		})
		b.StartTimer()
		for i := 0; i < benchKeys; i += 500 {
			f.exec(func(tx *db.Tx) error {
				f.must(first(tx.Exec(note, i, 500)))
				return first(tx.Exec(purge, i, i+500))
			})
		}
	}
	b.ReportMetric(float64(b.N)*benchKeys/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkPut stores keys in batches of 300, as bulk ingest does.
func BenchmarkPut(b *testing.B) {
	f := open(b)
	n := uint64(0)
	for b.Loop() {
		ws := make([]keys.Wrapped, 300)
		for i := range ws {
			n++
			_, w, err := f.NewData(f.store, n, 1, f.later())
			f.must(err)
			ws[i] = w
		}
		f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, ws) }))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
}

func BenchmarkNewData(b *testing.B) {
	f := open(b)
	later := f.later()
	b.ReportAllocs()
	for b.Loop() {
		f.NewData(f.store, 1, 1, later)
	}
}

func BenchmarkOpen(b *testing.B) {
	f := open(b)
	_, w := f.put(1, 1, f.later())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Open(f.store, w); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDestroy erases one record a call, from many callers.
func BenchmarkDestroy(b *testing.B) {
	f := open(b)
	const n = 20_000
	f.fill(n, f.later())
	next := make(chan uint64, n)
	for r := uint64(1); r <= n; r++ {
		next <- r
	}
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			select {
			case r := <-next:
				if _, err := f.destroy(keys.Subject, r); err != nil {
					b.Error(err)
				}
			default:
				return
			}
		}
	})
	b.ReportMetric(float64(n-len(next))/b.Elapsed().Seconds(), "keys/s")
}
