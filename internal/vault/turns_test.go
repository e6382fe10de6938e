package vault_test

import (
	"context"
	"testing"

	"strongroom/internal/vault"
)

// TestTurn: a turn ends with whatever may make the same body be stored again, or
// answered otherwise, and with nothing else.
func TestTurn(t *testing.T) {
	ctx := context.Background()
	f := open(t)
	other := f.addStore("Elsewhere")
	body := orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`)
	step := func(what string, ends bool, do func()) {
		t.Helper()
		before, beside := f.Turn(f.store), f.Turn(other)
		do()
		if ended := f.Turn(f.store) != before; ended != ends {
			t.Errorf("%s: the turn ended: %v, want %v", what, ended, ends)
		}
		if f.Turn(other) != beside {
			t.Errorf("%s: the turn of another store ended", what)
		}
	}
	var id string
	step("a new order", true, func() { id = f.ingest("orders", body).Records[0].ID })
	step("the same order", false, func() { f.ingest("orders", body) })
	step("a new version", true, func() {
		f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-02T09:00:00Z"`))
	})
	step("a reveal", false, func() {
		if _, err := f.reveal(id); err != nil {
			t.Fatal(err)
		}
	})
	_, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
	f.must(err)
	step("an erased order", false, func() { f.ingest("orders", body) })
	step("a lifted tombstone", true, func() { f.must(f.LiftTombstone(ctx, f.who, f.store, "order", "7001", "case/9")) })
	step("the order that came again", true, func() { f.ingest("orders", body) })
	f.ingest("orders", odd)
	step("a field decided about", true, func() {
		_, err := f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: f.fields()["loyaltyTier"].ID, As: "clear"})
		f.must(err)
	})
	step("records treated anew", true, func() {
		_, _, err := f.ReclassifyStep(ctx, f.who, f.store, "orders", "", 0)
		f.must(err)
	})
}
