package federation_test

import (
	"fmt"
	"testing"
	"time"

	"strongroom/internal/db"
)

// However many sources there are, what is under way has an end.
func TestSignOnsFromEverywhere(t *testing.T) {
	s := newSite(t, newOP(t))
	const others = 4095
	fill := func(until time.Time) {
		if err := s.f.db.Update(t.Context(), func(tx *db.Tx) error {
			for i := range others {
				if _, err := tx.Exec(`insert into federation_flow (mark, sealed, source, until_at) values ($1, $2, $3, $4)`,
					fmt.Appendf(nil, "%d at %d", i, until.Unix()), []byte("x"), fmt.Appendf(nil, "%d", i), db.Micros(until)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	fill(s.f.real.Now().Add(time.Minute))
	if _, err := s.f.Begin(t.Context(), s.start); err != nil { // planted: the last there is room for
		t.Fatal(err)
	}
	if _, err := s.f.Begin(t.Context(), s.start); code(err) != "sign-on-many" {
		t.Errorf("one more: %v", err)
	}
	s.f.real.SetOffset(s.f.real.Offset() + 2*time.Minute)
	if _, err := s.f.Begin(t.Context(), s.start); err != nil {
		t.Errorf("once others are over: %v", err)
	}
}
