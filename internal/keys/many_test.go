package keys_test

import (
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// TestLoadManyOfAnyNumber: each of the questions finds every key it names, be they
// as many as it takes or one less or more, and none that it does not name.
func TestLoadManyOfAnyNumber(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		const most = 66
		var records []uint64
		for i := range uint64(most) {
			f.put(i+1, 1, f.later())
			records = append(records, i+1)
		}
		for _, n := range []int{1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, most} {
			f.must(f.db.Read(t.Context(), func(r *db.Reader) error {
				got, err := f.LookMany(r, records[:n])
				if err != nil || len(got) != n {
					t.Errorf("%d records: %d keys, %v", n, len(got), err)
				}
				for _, record := range records[:n] {
					if got[record].Record != record {
						t.Errorf("%d records: record %d has the key of %d", n, record, got[record].Record)
					}
				}
				return nil
			}))
		}
	})
}
