package identity_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/identity"
)

func (f *fixture) sameHand(t testing.TB, a, b string) (same bool, err error) {
	t.Helper()
	rerr := f.db.Read(context.Background(), func(r *db.Reader) error {
		same, err = f.SameHand(r, a, b)
		return nil
	})
	if rerr != nil {
		t.Fatal(rerr)
	}
	return same, err
}

// TestObligation_2_3_2_SameHand: who owns a service, made its key, or took a secret
// of it, acts by it; nobody else does.
func TestObligation_2_3_2_SameHand(t *testing.T) {
	f := fresh(t, strongroom.Test)
	made := func(who strongroom.Actor) strongroom.Actor {
		t.Helper()
		k, _, err := f.CreateKey(t.Context(), who, identity.KeySpec{Label: "robot", Roles: []string{authz.TestEverything}, AllStores: true})
		if err != nil {
			t.Fatal(err)
		}
		return strongroom.Actor{Kind: strongroom.ServiceActor, ID: k.ID, Roles: k.Roles, AllStores: true, Door: "http"}
	}
	jane, li, spot := actor("owner"), actor("owner"), strongroom.Actor{
		Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{authz.TestEverything}, AllStores: true, Door: "socket"}
	hers, his, nobodys := made(jane), made(li), made(spot)
	second, deeper := made(hers), made(made(hers))
	taken := made(spot)
	if _, _, err := f.RotateKey(t.Context(), jane, taken.ID, 0); err != nil {
		t.Fatal(err)
	}
	taken2 := made(spot)
	if _, _, err := f.RotateKey(t.Context(), hers, taken2.ID, 0); err != nil {
		t.Fatal(err)
	}
	asked, err := f.serve(t, jane.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	given, err := f.Adopt(t.Context(), li, nobodys.ID, identity.Adoption{Owner: jane.ID, Purpose: "labels"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		a, b string
		want bool
	}{
		"oneself":                        {jane.ID, jane.ID, true},
		"a key she made":                 {jane.ID, hers.ID, true},
		"turned round":                   {hers.ID, jane.ID, true},
		"a key her key made":             {jane.ID, second.ID, true},
		"and one that that one made":     {jane.ID, deeper.ID, true},
		"two keys she made":              {hers.ID, second.ID, true},
		"a secret she took":              {jane.ID, taken.ID, true},
		"a secret her key took":          {jane.ID, taken2.ID, true},
		"a service she owns":             {jane.ID, asked.ID, true},
		"a service she was given":        {jane.ID, given.ID, true},
		"a key she made, one she owns":   {hers.ID, asked.ID, true},
		"planted: another":               {jane.ID, li.ID, false},
		"planted: another's key":         {jane.ID, his.ID, false},
		"planted: two hands' keys":       {hers.ID, his.ID, false},
		"planted: who asked for it only": {li.ID, asked.ID, false},
		"planted: the OS user's":         {spot.ID, taken.ID, false},
		"planted: no such":               {jane.ID, strongroom.NewID("svc"), false},
		"planted: nobody":                {"", "", false},
		"planted: the product itself":    {jane.ID, "sys:sweeper", false},
	} {
		if got, err := f.sameHand(t, c.a, c.b); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// A row that was changed tells nothing, so nothing is decided on it.
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(oldBlob, hers.ID, []byte("changed")); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := f.sameHand(t, jane.ID, hers.ID); !strongroom.IsKind(err, strongroom.Internal) {
		t.Errorf("a changed row: %v", err)
	}
}
