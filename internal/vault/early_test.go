package vault_test

import (
	"strings"
	"sync"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// TestRevealsTogether: reveals that come at the same time ask for their rows
// together, and each gets its own answer: the record, that it is damaged, dead or
// of another store.
func TestRevealsTogether(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		const n = 40
		ids := make([]string, n)
		for i := range ids {
			ids[i] = f.ingest("orders", string(numbered(i))).Records[0].ID
		}
		f.exec(func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_record set anchor = 300 where id = $1", vault.RowOf(ids[3]))
			return err
		})
		_, err := f.Erase(t.Context(), f.who, vault.EraseRequest{Store: f.store, Records: ids[5:6]})
		f.must(err)
		elsewhere := f.addStore("Nopalito Sur")
		for range 4 {
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					store := f.store
					if i == 7 {
						store = elsewhere
					}
					out, err := f.Reveal(t.Context(), f.who, vault.RevealRequest{
						Store: store, Record: ids[i], Purpose: strongroom.Fulfilment, Reference: "order-1047",
					})
					switch i {
					case 3:
						if !vault.IsDamaged(err) {
							t.Error("a damaged row:", err)
						}
					case 5:
						if !strongroom.IsKind(err, strongroom.Erased) {
							t.Error("an erased record:", err)
						}
					case 7:
						if !strongroom.IsKind(err, strongroom.NotFound) {
							t.Error("a record of another store:", err)
						}
					default:
						if err != nil || !strings.Contains(string(numbered(i)), string(out.Body)) {
							t.Errorf("record %d: %v", i, err)
						}
					}
				})
			}
			wg.Wait()
		}
		if got, want := f.count().references, int64(n-3); got != want {
			t.Errorf("%d references beside the records, want %d", got, want)
		}
		for _, i := range []int{0, n - 1} {
			f.opens(ids[i], "order-1047")
		}
	})
}

// TestOwnNameIsThereAlready: a reference that is what the platform calls the record
// stands in its sealed body and is not written beside it. Planted: another record's
// name is.
func TestOwnNameIsThereAlready(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		one := f.ingest("orders", string(numbered(71))).Records[0].ID
		two := f.ingest("orders", string(numbered(72))).Records[0].ID
		for _, c := range []struct {
			id, reference string
			want          int64
		}{{one, "71", 0}, {two, "72", 0}, {one, "72", 1}, {one, "order-71", 2}} {
			_, err := f.Reveal(t.Context(), f.who, vault.RevealRequest{
				Store: f.store, Record: c.id, Purpose: strongroom.Fulfilment, Reference: c.reference,
			})
			f.must(err)
			if got := f.count().references; got != c.want {
				t.Errorf("%s for %s: %d references, want %d", c.id, c.reference, got, c.want)
			}
		}
	})
}

// TestAskedTogetherByAnyNumber: each of the questions finds every record it names
// once, be they as many as it takes or one less or more.
func TestAskedTogetherByAnyNumber(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ids := f.stock(66)
		for _, n := range []int{1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66} {
			f.must(f.db.Read(t.Context(), func(r *db.Reader) error {
				if got, err := vault.Sealed(r, ids[:n]); err != nil || got != n {
					t.Errorf("%d records: %d found, %v", n, got, err)
				}
				return nil
			}))
		}
	})
}
