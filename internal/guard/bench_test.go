package guard_test

import (
	"context"
	"sync/atomic"
	"testing"

	"strongroom"
	"strongroom/internal/guard"
)

// BenchmarkDo measures small changes: one decision, one row, one event.
func BenchmarkDo(b *testing.B) {
	for _, callers := range []int{1, 8, 32, 128} {
		b.Run(name(callers), func(b *testing.B) {
			f := fresh(b, guard.Options{})
			var n atomic.Int64
			id := strongroom.NewID("rec")
			run(b, callers, func() error { return f.Do(context.Background(), f.who, f.add(id, n.Add(1))) })
			report(b, f)
		})
	}
}

// BenchmarkDoQueued is BenchmarkDo with the row queued: on PostgreSQL the rows of
// all members travel together.
func BenchmarkDoQueued(b *testing.B) {
	f := fresh(b, guard.Options{})
	var n atomic.Int64
	id := strongroom.NewID("rec")
	run(b, 32, func() error {
		return f.Do(context.Background(), f.who, func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
				return err
			}
			return tx.Queue(insertRow, n.Add(1), "body")
		})
	})
	report(b, f)
}

// BenchmarkRead measures disclosures: one decision on the snapshot with one row
// read, one confirmation that writes, one event.
func BenchmarkRead(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(name(callers), func(b *testing.B) {
			f := fresh(b, guard.Options{})
			if err := f.Do(context.Background(), f.who, f.add(strongroom.NewID("rec"), 1)); err != nil {
				b.Fatal(err)
			}
			id := strongroom.NewID("rec")
			run(b, callers, func() error {
				return f.Read(context.Background(), f.who, func(_ context.Context, v *guard.View) error {
					var n int64
					if err := v.QueryRow("select id from probe_row where id = $1", 1).Scan(&n); err != nil {
						return err
					}
					if err := v.Allow(reveal(), f.record(id), toTax()); err != nil {
						return err
					}
					v.Confirm(func(tx *guard.Tx) error {
						_, err := tx.Exec("update probe_row set body = $2 where id = $1", 1, "debit")
						return err
					})
					return nil
				})
			})
			report(b, f)
		})
	}
}

func name(callers int) string {
	return map[int]string{1: "callers-1", 8: "callers-8", 32: "callers-32", 128: "callers-128"}[callers]
}

func run(b *testing.B, callers int, call func() error) {
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, callers)
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
}

func report(b *testing.B, f *fixture) {
	s := f.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(s.Calls)/float64(s.Commits), "calls/commit")
}
