package db_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// TestStatementsDoNotControlTransactions: whoever ends the transaction from
// inside is refused or found out, on both engines, and what follows does not
// stand.
func TestStatementsDoNotControlTransactions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := dbtest.NewOn(t, e, shelf())
		line := 0 // what a case committed from inside stays
		for name, end := range map[string]func(tx *db.Tx) (int64, error){
			"ours":       func(tx *db.Tx) (int64, error) { return tx.Exec("commit") },
			"rollback":   func(tx *db.Tx) (int64, error) { return tx.Exec("rollback") },
			"capitals":   func(tx *db.Tx) (int64, error) { return tx.Exec("COMMIT") },
			"other word": func(tx *db.Tx) (int64, error) { return tx.Exec(" end") },
		} {
			line++
			t.Run(name, func(t *testing.T) {
				noticed := false
				err := d.Update(context.Background(), func(tx *db.Tx) error {
					tx.Mark()
					if _, err := tx.Exec(insertNote, 1, line, "before"); err != nil {
						return err
					}
					if _, err := end(tx); err != nil {
						noticed = true
						return err // refused
					}
					err := tx.Sound()
					noticed = err != nil // found out
					return err
				})
				if err == nil || !noticed {
					t.Error("a transaction was ended from inside and nobody noticed")
				}
			})
		}
	})
}

// TestSoundStaysTrueAfterFailures: a failed statement and the way back leave a
// transaction that stands, and one that is proved to.
func TestSoundStaysTrueAfterFailures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := dbtest.NewOn(t, e, shelf())
		update(t, d, func(tx *db.Tx) error {
			for line := range 3 {
				tx.Mark()
				if _, err := tx.Exec(insertNote, 7, line, "word"); err != nil {
					return err
				}
				if _, err := tx.Exec(insertNote, 7, line, "again"); !strongroom.IsKind(err, strongroom.Conflict) {
					t.Errorf("a second row under one key: %v", err)
				}
				if err := tx.RollbackToMark(); err != nil {
					return err
				}
				if err := tx.Sound(); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
