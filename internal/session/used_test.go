package session_test

import (
	"testing"
	"time"

	"strongroom/internal/db"
)

// Reviews learn when somebody was last there, and nothing of who never was.
func TestLastUsed(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	before := f.real.Now().Add(-time.Second)
	used := func() (out map[string]time.Time) {
		must0(t, f.db.Read(t.Context(), func(r *db.Reader) (err error) {
			out, err = f.LastUsed(r)
			return err
		}))
		return out
	}
	if got := used(); len(got) != 0 {
		t.Errorf("before anybody signed in: %v", got)
	}
	f.signIn(ana, from("192.0.2.1"))
	if got := used(); len(got) != 1 || got[ana.id].Before(before) || got[ana.id].After(f.real.Now()) {
		t.Errorf("%v", got)
	}
}
