package db_test

import (
	"context"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// each runs a benchmark per engine.
func each(b *testing.B, f func(b *testing.B, d *db.DB)) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e), func(b *testing.B) {
			d := dbtest.NewOn(b, e, shelf())
			b.ResetTimer() // the first test on PostgreSQL starts the cluster
			f(b, d)
		})
	}
}

// BenchmarkInsert: single rows in a transaction of a thousand.
func BenchmarkInsert(b *testing.B) {
	each(b, func(b *testing.B, d *db.DB) {
		b.ReportAllocs()
		for i := 0; i < b.N; {
			update(b, d, func(tx *db.Tx) error {
				for range 1000 {
					if _, err := tx.Exec(insertNote, 1, i, "word"); err != nil {
						return err
					}
					i++
				}
				return nil
			})
		}
	})
}

// BenchmarkMember: a mark, a read and a write, thirty-two to a commit.
func BenchmarkMember(b *testing.B) {
	each(b, func(b *testing.B, d *db.DB) {
		b.ReportAllocs()
		for i := 0; i < b.N; {
			update(b, d, func(tx *db.Tx) error {
				for range 32 {
					tx.Mark()
					var n int
					if err := tx.QueryRow(`select count(*) from shelf_book`).Scan(&n); err != nil {
						return err
					}
					if _, err := tx.Exec(insertNote, 1, i, "word"); err != nil {
						return err
					}
					i++
				}
				return nil
			})
		}
	})
}

// BenchmarkCommit: one row, one commit, one sync on SQLite.
func BenchmarkCommit(b *testing.B) {
	each(b, func(b *testing.B, d *db.DB) {
		for i := 0; b.Loop(); i++ {
			update(b, d, func(tx *db.Tx) error {
				_, err := tx.Exec(insertNote, 1, i, "word")
				return err
			})
		}
	})
}

func BenchmarkBatch(b *testing.B) {
	each(b, func(b *testing.B, d *db.DB) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += 1000 {
			update(b, d, func(tx *db.Tx) error {
				_, err := tx.Batch(insertNote, 1000, func(j int) []any { return []any{1, i + j, "word"} })
				return err
			})
		}
	})
}

func BenchmarkSelect(b *testing.B) {
	each(b, func(b *testing.B, d *db.DB) {
		update(b, d, func(tx *db.Tx) error {
			_, err := tx.Batch(insertNote, 10_000, func(i int) []any { return []any{1, i, "word"} })
			return err
		})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			err := d.Read(context.Background(), func(r *db.Reader) error {
				var w string
				return r.QueryRow(`select word from shelf_note where book = 1 and line = $1`, i%10_000).Scan(&w)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkThreeSelects compares statements on their own with a snapshot: SQLite
// locks and unlocks shared memory per statement in the one and once in the other.
func BenchmarkThreeSelects(b *testing.B) {
	each(b, func(b *testing.B, d *db.DB) {
		update(b, d, func(tx *db.Tx) error {
			_, err := tx.Batch(insertNote, 10_000, func(i int) []any { return []any{1, i, "word"} })
			return err
		})
		for name, read := range map[string]func(context.Context, func(*db.Reader) error) error{"read": d.Read, "snapshot": d.Snapshot} {
			b.Run(name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					err := read(context.Background(), func(r *db.Reader) error {
						var w string
						for j := range 3 {
							if err := r.QueryRow(`select word from shelf_note where book = 1 and line = $1`, (i+j)%10_000).Scan(&w); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func BenchmarkFreshDatabase(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e), func(b *testing.B) {
			for b.Loop() {
				dbtest.NewOn(b, e, shelf())
			}
		})
	}
}
