package webhook_test

import (
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/webhook"
)

// Every statement of the package is taken by both engines, whose tables are the same.
func TestStatements(t *testing.T) {
	found := dbtest.Statements(t, ".")
	if len(found) < 30 {
		t.Errorf("only %d statements were found", len(found))
	}
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		dbtest.PrepareAll(t, dbtest.NewOn(t, e, webhook.Schema()), found)
	})
	dbtest.Parity(t, webhook.Schema())
}
