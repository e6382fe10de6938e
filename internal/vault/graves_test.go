package vault_test

import (
	"context"
	"fmt"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// An e-mail address in a field that a person decided about marks the shopper
// like any other, also in a process that has taken nothing in since its start.
func TestErasureKnowsTheDecisionsAfterARestart(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	order := `{"order":{"id":"1","number":"1","email":"mara.zarco@example.com","loyaltyMail":"mara@zarco.example","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`
	f.ingest("orders", order)
	list, _, err := f.Fields(ctx, f.who, vault.FieldQuery{Store: f.store})
	f.must(err)
	if len(list) != 1 {
		t.Fatalf("fields %+v", list)
	}
	_, err = f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: list[0].ID, As: "email"})
	f.must(err)
	_, _, err = f.ReclassifyStep(ctx, f.who, f.store, "order", "", 10)
	f.must(err)
	fresh := vault.New(f.opt)
	_, err = fresh.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{f.find(vault.FindQuery{ExternalID: "1"})[0].ID}})
	f.must(err)
	for _, mail := range []string{"mara.zarco@example.com", "mara@zarco.example"} {
		out, err := fresh.Ingest(ctx, f.who, f.in("customers", customerOf("c-"+mail[:5], mail)))
		f.must(err)
		if out.Dead != 1 {
			t.Errorf("the erased shopper comes back under %s", mail)
		}
	}
	if out := f.ingest("customers", customerOf("c2", "somebody@else.example")); out.Stored != 1 {
		t.Error("a stranger is kept away")
	}
}

// However many shoppers are erased at once, each leaves its tombstone.
func TestEveryShopperLeavesATombstone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		total := 0
		for _, n := range []int{1, 2, 3, 11, 43} {
			var ids []string
			for range n {
				total++
				body := fmt.Sprintf(`{"order":{"id":"%d","number":"%d","email":"shopper%d@example.com","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`, total, total, total)
				ids = append(ids, f.ingest("orders", body).Records[0].ID)
			}
			_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: ids})
			f.must(err)
			if c := f.count(); c.stones != int64(total) {
				t.Errorf("%d tombstones after %d shoppers were erased", c.stones, total)
			}
		}
	})
}
