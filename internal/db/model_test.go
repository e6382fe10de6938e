package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// model is what a transaction should do, over the set of ids in shelf_book.
type model struct {
	committed, now, atMark []int64
	marked, failed         bool
}

func (m *model) add(id int64) { m.now = append(slices.Clone(m.now), id) }

// TestTransactionModel runs random transactions against the model on both
// engines: writes of every form, collisions, marks, going back, and commits
// after all of it.
func TestTransactionModel(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{}
			update(t, d, func(tx *db.Tx) error { _, err := tx.Exec(`delete from shelf_book`); return err })
			for range rapid.IntRange(1, 4).Draw(rt, "transactions") {
				m.now, m.marked, m.failed = m.committed, false, false
				err := d.Update(context.Background(), func(tx *db.Tx) error {
					for range rapid.IntRange(0, 12).Draw(rt, "steps") {
						m.step(rt, tx)
					}
					return nil
				})
				switch {
				case m.failed && !strongroom.IsKind(err, strongroom.Unavailable):
					rt.Fatalf("a swallowed failure ended in %v", err)
				case !m.failed && err != nil:
					rt.Fatalf("commit: %v", err)
				case !m.failed:
					m.committed = m.now
				}
				if got, want := titles(t, d), m.want(); got != want {
					rt.Fatalf("titles are %q, want %q", got, want)
				}
			}
		})
	})
}

func (m *model) want() string {
	ids := slices.Sorted(slices.Values(m.committed))
	var words []string
	for _, id := range ids {
		words = append(words, title(id))
	}
	return strings.Join(words, " ")
}

func title(id int64) string { return fmt.Sprintf("t%d", id) }

// step takes one random step in the transaction and in the model.
func (m *model) step(rt *rapid.T, tx *db.Tx) {
	id := rapid.Int64Range(1, 8).Draw(rt, "id")
	exists := slices.Contains(m.now, id)
	var err error
	switch what := rapid.SampledFrom([]string{"exec", "returning", "batch", "queue", "count", "mark", "back", "sound"}).Draw(rt, "step"); what {
	case "exec":
		err = add(tx, id, title(id))
	case "returning":
		err = tx.QueryRow(`insert into shelf_book (id, title) values ($1, $2) returning id`, id, title(id)).Scan(new(int64))
	case "batch":
		_, err = tx.Batch(insertBook, 1, func(int) []any { return []any{id, title(id)} })
	case "queue":
		if err = tx.Queue(insertBook, id, title(id)); err == nil {
			err = tx.Settle()
		}
	case "count":
		if m.failed {
			return
		}
		var n int
		if err := tx.QueryRow(countBooks).Scan(&n); err != nil || n != len(m.now) {
			rt.Fatalf("count is %d, want %d; error %v", n, len(m.now), err)
		}
		return
	case "mark":
		if !m.failed {
			tx.Mark()
			m.atMark, m.marked = m.now, true
		}
		return
	case "back":
		err := tx.RollbackToMark()
		if (err == nil) != m.marked {
			rt.Fatalf("going back with mark %v: %v", m.marked, err)
		}
		if m.marked {
			m.now, m.failed = m.atMark, false
		}
		return
	case "sound":
		if err := tx.Sound(); (err == nil) != (m.marked || !m.failed) {
			rt.Fatalf("sound with mark %v, failed %v: %v", m.marked, m.failed, err)
		}
		return
	}
	switch {
	case m.failed && !strongroom.IsKind(err, strongroom.Unavailable):
		rt.Fatalf("a statement after a failure: %v", err)
	case m.failed:
	case exists && !strongroom.IsKind(err, strongroom.Conflict):
		rt.Fatalf("a collision: %v", err)
	case exists:
		m.failed = true
	case err != nil:
		rt.Fatalf("a good statement: %v", err)
	default:
		m.add(id)
	}
}
