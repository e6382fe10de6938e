package vault_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// TestBroughtInTogether: bodies that come in by several calls of one commit end as
// they would one after another: the same object twice, a new version, parcels and
// a shopper whose dates follow from an order that is not written yet.
func TestBroughtInTogether(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		order := orderOf("7001", "c1", `"createdAt":"2026-10-30T07:42:18Z"`)
		newer := orderOf("7001", "c1", `"createdAt":"2026-10-30T07:42:18Z","updatedAt":"2026-10-31T07:42:18Z"`)
		type body struct{ resource, text string }
		bodies := []body{
			{"orders", order}, {"orders", order}, {"orders", newer}, {"orders", string(numbered(5))},
			{"fulfillments", parcelOf("p1", "2026-10-31T23:30:00Z", "delivered", "2026-11-07T11:15:20Z")},
			{"customers", customerOf("c1", "mara.zarco@example.com")}, {"orders", string(numbered(5))},
		}
		in := func(f *fixture, b body) (*vault.Ingested, error) {
			one := f.in(b.resource, b.text)
			if b.resource == "fulfillments" {
				one.Order = "7001"
			}
			return f.Ingest(context.Background(), f.who, one)
		}
		apart, joint := openWith(t, setup{engine: engine}), openWith(t, setup{engine: engine})
		outs := make([]*vault.Ingested, len(bodies))
		var calls []func() error
		for i, b := range bodies {
			one, err := in(apart, b)
			apart.must(err)
			calls = append(calls, func() (err error) {
				outs[i], err = in(joint, b)
				if err == nil && (outs[i].Stored != one.Stored || outs[i].Unchanged != one.Unchanged) {
					t.Errorf("body %d: %d stored and %d unchanged, apart %d and %d", i, outs[i].Stored, outs[i].Unchanged, one.Stored, one.Unchanged)
				}
				return err
			})
		}
		for i, err := range joint.together(calls...) {
			if err != nil {
				t.Errorf("body %d: %v", i, err)
			}
		}
		if n := joint.guard.Stats().Redone; n != 0 {
			t.Errorf("%d transactions were begun again", n)
		}
		want, got := apart.all(apart.store), joint.all(joint.store)
		if len(want) != len(got) {
			t.Errorf("%d records, want %d", len(got), len(want))
		}
		for id, w := range want {
			g := got[id]
			if g.Clock.Anchor != w.Clock.Anchor || !g.ExpiresAt.Equal(w.ExpiresAt) || g.Version != w.Version {
				t.Errorf("%s: %+v, want %+v", id, g.Clock, w.Clock)
			}
			wantText, err := apart.reveal(w.ID)
			apart.must(err)
			gotText, err := joint.reveal(g.ID)
			if err != nil || gotText != wantText {
				t.Errorf("%s: %v, %d bytes, want %d", id, err, len(gotText), len(wantText))
			}
		}
		for _, q := range []vault.FindQuery{{Email: "mara.zarco@example.com"}, {Email: "shopper5@example.com"}, {ExternalID: "7001"}} {
			if w, g := len(apart.find(q)), len(joint.find(q)); w != g || w == 0 {
				t.Errorf("%+v: %d found, want %d", q, g, w)
			}
		}
		// An object that came twice got the same tokens twice.
		if !bytes.Equal(outs[3].Body, outs[6].Body) || !bytes.Equal(outs[0].Body, outs[1].Body) {
			t.Error("the same body got other tokens")
		}
	})
}

// TestRefusedAmongOthers: a body that is refused in the transaction, and one of a
// store that is gone, leave those of the same commit alone.
func TestRefusedAmongOthers(t *testing.T) {
	f := open(t)
	gone := f.addStore("gone")
	_, err := f.Disconnect(context.Background(), f.who, gone, false)
	f.must(err)
	to := func(store string, n int) func() error {
		in := f.in("orders", string(numbered(n)))
		in.Store = store
		return func() error { _, err := f.Ingest(context.Background(), f.who, in); return err }
	}
	nobody := strings.Repeat("0", 26)
	errs := f.together(to(f.store, 1), to(gone, 2), to(f.store, 3), to("str_"+nobody, 4), to(f.store, 5))
	for i, err := range errs {
		if (err != nil) != (i == 1 || i == 3) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	var found []string
	for id := range f.all(f.store) {
		found = append(found, id)
	}
	slices.Sort(found)
	if !slices.Equal(found, []string{"1", "3", "5"}) {
		t.Errorf("found %v", found)
	}
	if n := f.guard.Stats().Redone; n != 0 {
		t.Errorf("%d transactions were begun again for a refusal before any work", n)
	}
}
