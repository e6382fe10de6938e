package identity_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/identity"
)

// No key lives longer than the longest life, or reaches a store that is not there.
func TestNewKeysAreBounded(t *testing.T) {
	f := fresh(t, strongroom.Test)
	here := strongroom.NewID("str")
	i := identity.New(identity.Options{
		Guard: f.guard, Environment: strongroom.Test, Key: f.key, Clock: f.clock, MaxLife: 10 * 24 * time.Hour,
		CheckStore: func(_ *db.Reader, store string) error {
			if store != here {
				return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
			}
			return nil
		},
	})
	now := time.Now()
	for _, c := range []struct {
		name   string
		stores []string
		ends   time.Time
		kind   strongroom.Kind
		code   string
	}{
		{"a store that is there", []string{here}, now.Add(9 * 24 * time.Hour), 0, ""},
		{"no end", []string{here}, time.Time{}, 0, ""},
		{"another store", []string{strongroom.NewID("str")}, time.Time{}, strongroom.NotFound, "store"},
		{"one of two stores", []string{here, strongroom.NewID("str")}, time.Time{}, strongroom.NotFound, "store"},
		{"a day too long", []string{here}, now.Add(11 * 24 * time.Hour), strongroom.Invalid, "expires"},
		{"the year 2999", []string{here}, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC), strongroom.Invalid, "expires"},
		{"already over", []string{here}, now.Add(-time.Hour), strongroom.Invalid, "expires"},
	} {
		k, _, err := i.CreateKey(t.Context(), actor("owner"), identity.KeySpec{Label: "a", Roles: []string{"application"}, Stores: c.stores, Expires: c.ends})
		if c.code == "" {
			if err != nil || k.Expires.After(now.Add(10*24*time.Hour+time.Minute)) {
				t.Errorf("%s: ends %s, %v", c.name, k.Expires, err)
			}
			continue
		}
		if !strongroom.IsKind(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "a day too long" && !strings.Contains(err.Error(), "10 days") {
			t.Errorf("the fault does not name the cap: %v", err)
		}
		if e := f.events(t); e[len(e)-1].Action.Name != "key.add" || e[len(e)-1].Code != c.code {
			t.Errorf("%s: the newest event is %+v", c.name, e[len(e)-1])
		}
	}
	if list, _, err := i.Keys(t.Context(), actor("owner"), "", 100); err != nil || len(list) != 2 {
		t.Errorf("%d keys, %v", len(list), err)
	}
}

// A row that somebody changed stands in the list by its id, and the others with it.
func TestDamagedKeyStandsAlone(t *testing.T) {
	f := fresh(t, strongroom.Test)
	bad, text := f.make(t, nil)
	good, _ := f.make(t, nil)
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(laterKey, bad.ID); return err }); err != nil {
		t.Fatal(err)
	}
	list, _, err := f.Keys(t.Context(), actor("auditor"), "", 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, k := range list {
		if k.Damaged != (k.ID == bad.ID) || k.Damaged && (k.Label != "" || k.Roles != nil || k.AllStores) || k.ID == good.ID && k.Label == "" {
			t.Errorf("%+v", k)
		}
	}
	if e := f.events(t); e[len(e)-1].Action.Name != "key.list" || e[len(e)-1].Resource.ID != bad.ID || e[len(e)-1].Code != "key-sealed" {
		t.Errorf("the newest event is %+v", e[len(e)-1])
	}
	if _, err := f.another(strongroom.Test).Authenticate(t.Context(), text, netip.Addr{}); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("a damaged key is taken: %v", err)
	}
}
