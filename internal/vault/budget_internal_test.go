package vault

import "testing"

// TestAccountWindows: a window ends with its clock hour or day, a clock that went
// back counts on in the newer one, and no bound is passed.
func TestAccountWindows(t *testing.T) {
	b := Budgets{RecordsHour: 2, RecordsDay: 3, FieldsHour: 20, FieldsDay: 30}
	const noon = 12 + 24*20000
	for _, c := range []struct {
		name            string
		at              []int64 // hours of the draws
		records, fields int64   // of each
		refused         []int   // which of them
	}{
		{"within", []int64{noon, noon}, 1, 1, nil},
		{"records of an hour", []int64{noon, noon, noon}, 1, 1, []int{2}},
		{"records of a day", []int64{noon, noon, noon + 1, noon + 1, noon + 2}, 1, 1, []int{3, 4}},
		{"the next day", []int64{noon, noon, noon + 1, noon + 1, noon + 12}, 1, 1, []int{3}},
		{"fields of an hour", []int64{noon, noon, noon + 1}, 1, 15, []int{1}},
		{"fields of a day", []int64{noon, noon + 1, noon + 2}, 1, 15, []int{2}},
		{"more than there ever is", []int64{noon}, 1, 21, []int{0}},
		{"the clock went back", []int64{noon, noon, noon - 1, noon - 24}, 1, 1, []int{2, 3}},
	} {
		var a account
		refused := 0
		for i, hour := range c.at {
			after, ok := a.debit(b, hour, c.records, c.fields)
			if want := refused == len(c.refused) || c.refused[refused] != i; ok != want {
				t.Errorf("%s: draw %d: %v, want %v", c.name, i, ok, want)
			}
			if ok {
				a = after
			} else {
				refused++
			}
		}
	}
}
