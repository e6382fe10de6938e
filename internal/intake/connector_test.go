package intake_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/intake"
	"strongroom/internal/vault"
)

// A stored credential can be listed, tells when it was used, and can be taken away
// without the store.
func TestConnectors(t *testing.T) {
	h := build(t, time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC))
	ctx := context.Background()
	i := h.intake(h.vault, "https://api.example.com")
	listed := func() (out []intake.Connector) {
		t.Helper()
		if err := h.db.Read(ctx, func(r *db.Reader) (err error) { out, err = i.Connectors(r); return err }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if l := listed(); len(l) != 0 {
		t.Fatalf("%+v", l)
	}
	s, err := h.vault.CreateStore(ctx, h.who, vault.StoreSpec{Name: "Larkspur", Platform: "shopify"})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Connect(ctx, h.who, s.ID, intake.Connection{Token: intake.NewSecret("x")}); err != nil {
		t.Fatal(err)
	}
	if l := listed(); len(l) != 1 || l[0].Store != s.ID || l[0].Since.IsZero() || !l[0].Used.IsZero() {
		t.Fatalf("%+v", l)
	}
	auditor := h.who
	auditor.Roles = []string{authz.Auditor}
	if err := i.Forget(ctx, auditor, s.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an auditor took a credential away: %v", err)
	}
	if err := i.Forget(ctx, h.who, "shop"); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("no store: %v", err)
	}
	for range 2 {
		if err := i.Forget(ctx, h.who, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	if l := listed(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	if _, err := i.Sync(ctx, h.who, intake.SyncRequest{Store: s.ID}, nil); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("a sync without a credential: %v", err)
	}
}
