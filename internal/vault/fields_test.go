package vault_test

import (
	"context"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/vault"
)

// odd is an order with keys that no map knows.
const odd = `{"order":{"id":"7001","number":"7001","customer":{"id":"c1","birthdayWish":"pony"},` +
	`"loyaltyTier":"gold","wishlist":{"owner":"Mara Zarco","size":41},"dates":{"createdAt":"2026-11-10T09:00:00Z"}}}`

func (f *fixture) fields() map[string]vault.Field {
	f.t.Helper()
	out := make(map[string]vault.Field)
	for cursor := ""; ; {
		list, next, err := f.Fields(context.Background(), f.who, vault.FieldQuery{Store: f.store, Cursor: cursor, Limit: 2, Names: true})
		f.must(err)
		for _, x := range list {
			out[x.Name] = x
		}
		if cursor = next; next == "" {
			return out
		}
	}
}

// TestUnknownFields: what no map knows is sealed, counted and listed by the path
// of known keys; its name lies sealed.
func TestUnknownFields(t *testing.T) {
	f := open(t)
	in := f.ingest("orders", odd)
	for _, v := range []string{"pony", "gold", "Mara", "birthdayWish", "loyaltyTier"} {
		if strings.Contains(string(in.Body), v) {
			t.Errorf("the answer holds %q", v)
		}
	}
	f.ingest("orders", strings.ReplaceAll(odd, "7001", "7002"))
	all := f.fields()
	tier, ok := all["loyaltyTier"]
	if !ok || tier.Count != 2 || tier.Path != "{key}" || tier.Type != "string" {
		t.Errorf("fields %+v", all)
	}
	if wish := all["customer.birthdayWish"]; wish.Path != "customer.{key}" {
		t.Errorf("field %+v", wish)
	}
	pages := f.dump()
	for _, v := range []string{"birthdayWish", "loyaltyTier"} {
		if pages.holds(v) {
			t.Errorf("the database holds %q", v)
		}
	}
}

// TestClassify: a person's decision holds for what comes and for what is stored.
func TestClassify(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	first := f.ingest("orders", odd)
	tier := f.fields()["loyaltyTier"]
	got, err := f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: tier.ID, As: "clear"})
	f.must(err)
	if !got.Reseal || !got.ClearUntil.IsZero() {
		t.Errorf("decided %+v", got)
	}
	if as := f.fields()["loyaltyTier"].As; as != "clear" {
		t.Errorf("the decision reads %q", as)
	}
	next := f.ingest("orders", strings.ReplaceAll(odd, "7001", "7002"))
	if s := text(t, next.Body, "order", "loyaltyTier"); s != "gold" {
		t.Errorf("a decided field reads %q", s)
	}
	n, cursor, err := f.ReclassifyStep(ctx, f.who, f.store, "orders", "", 0)
	f.must(err)
	if n != 1 || cursor != "" {
		t.Errorf("treated %d anew, cursor %q", n, cursor)
	}
	r, err := f.Record(ctx, f.who, f.store, first.Records[0].ID)
	f.must(err)
	if s := text(t, r.Body, "loyaltyTier"); s != "gold" || r.Version != 2 {
		t.Errorf("the stored record reads %q in version %d", s, r.Version)
	}
	// And back: it is personal after all.
	got, err = f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: tier.ID, As: "text"})
	f.must(err)
	if !got.Reseal || got.ClearUntil.IsZero() {
		t.Errorf("decided %+v", got)
	}
	if n, _, err = f.ReclassifyStep(ctx, f.who, f.store, "orders", "", 0); err != nil || n != 2 {
		t.Errorf("treated %d anew: %v", n, err)
	}
	for _, id := range []string{first.Records[0].ID, next.Records[0].ID} {
		r, err := f.Record(ctx, f.who, f.store, id)
		f.must(err)
		if strings.Contains(string(r.Body), "gold") {
			t.Error("a sealed field is readable")
		}
		body, err := f.reveal(id)
		f.must(err)
		if !strings.Contains(body, `"loyaltyTier":"gold"`) {
			t.Error("the field did not come back")
		}
	}
	// A restarted instance knows the decision, and so does another store not.
	f.Vault = vault.New(f.opt)
	again := f.ingest("orders", strings.ReplaceAll(odd, "7001", "7003"))
	if s := text(t, again.Body, "order", "loyaltyTier"); !strings.HasPrefix(s, "srt_") {
		t.Errorf("after a restart it reads %q", s)
	}
	_, err = f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: tier.ID, As: "whatever"})
	want(t, err, strongroom.Invalid, "class")
	f.store = f.addStore("Another shop")
	_, err = f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: tier.ID, As: "clear"})
	want(t, err, strongroom.NotFound, "field")
}

// The names of unmapped keys may be personal: a list shows them only to whoever
// may classify fields, and only when they are asked for.
func TestFieldNamesAreForThoseWhoDecide(t *testing.T) {
	f := open(t)
	f.ingest("orders", `{"order":{"id":"1","number":"1","notes of Zebulonia":"x","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`)
	ask := func(role string, names bool) ([]vault.Field, error) {
		who := f.who
		who.Roles = []string{role}
		list, _, err := f.Fields(context.Background(), who, vault.FieldQuery{Store: f.store, Names: names})
		return list, err
	}
	list, err := ask("operator", false)
	f.must(err)
	if len(list) != 1 || list[0].Name != "" || list[0].Path != "{key}" {
		t.Errorf("an operator sees %+v", list)
	}
	if _, err := ask("auditor", true); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an auditor asks for names: %v", err)
	}
	if list, err := ask("privacy", true); err != nil || list[0].Name != "notes of Zebulonia" {
		t.Errorf("who decides sees %+v, %v", list, err)
	}
}

// A platform's id that may be personal is not shown in lists, where no purpose
// is asked for.
func TestPersonalExternalIDsAreNotListed(t *testing.T) {
	f := open(t)
	for _, id := range []string{"zeb.id@example.com", "+49 30 23125 777", "Zebulonia Quist", "6120448100001"} {
		f.ingest("orders", `{"order":{"id":"`+id+`","number":"1","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`)
	}
	list, _, err := f.Records(context.Background(), f.who, vault.ListQuery{Store: f.store})
	f.must(err)
	var shown []string
	for _, r := range list {
		shown = append(shown, r.ExternalID)
	}
	if len(list) != 4 || strings.Join(shown, "") != "6120448100001" {
		t.Errorf("%d records, external ids shown: %q", len(list), shown)
	}
	if one, err := f.Record(context.Background(), f.who, f.store, list[0].ID); err != nil || one.ExternalID != "" {
		t.Errorf("shown alone: %q, %v", one.ExternalID, err)
	}
}

// A caller who may not see the fields does not make their counts forget.
func TestFieldCountsOutliveADenial(t *testing.T) {
	f := open(t)
	for _, id := range []string{"1", "2", "3"} {
		f.ingest("orders", `{"order":{"id":"`+id+`","number":"1","shelf":"A 7","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`)
	}
	who := f.who
	who.Roles = []string{"application"}
	if _, _, err := f.Fields(context.Background(), who, vault.FieldQuery{Store: f.store}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Fatalf("an application lists fields: %v", err)
	}
	list, _, err := f.Fields(context.Background(), f.who, vault.FieldQuery{Store: f.store})
	f.must(err)
	if len(list) != 1 || list[0].Count != 3 {
		t.Errorf("counted %+v", list)
	}
}
