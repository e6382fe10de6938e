package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/identity"
)

// API keys exist nowhere in clear (DPP 2.4.8): not in the database, its files or
// the log, and not in any form the type can be printed in.
func TestObligation_2_4_8_KeysNotInClear(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	if _, err := f.Authenticate(t.Context(), text, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	_, rotated, err := f.RotateKey(t.Context(), actor("owner"), k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	found := func(disk []byte, secret string) bool {
		body := secret[len("sr_test_") : len(secret)-7]
		for _, form := range []string{secret, body, strings.ToUpper(body), body[:26], body[26:]} {
			if bytes.Contains(disk, []byte(form)) {
				return true
			}
		}
		return false
	}
	disk := f.disk(t)
	for _, secret := range []string{text, rotated.Reveal()} {
		if found(disk, secret) {
			t.Error("a key is at rest in clear")
		}
	}
	// The planted negative: the search finds a key that is there, and the dump
	// holds what we know is at rest.
	if !found(append(disk[:len(disk):len(disk)], text...), text) || !bytes.Contains(disk, []byte(k.ID)) {
		t.Error("the search finds nothing at all")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, rotated); strings.Contains(out, rotated.Reveal()[8:20]) {
			t.Errorf("%s prints the key", verb)
		}
		if out := fmt.Sprintf(verb, struct{ S identity.Secret }{rotated}); strings.Contains(out, rotated.Reveal()[8:20]) {
			t.Errorf("%s prints the key inside a struct", verb)
		}
	}
	b, err := json.Marshal(map[string]any{"k": rotated})
	if err != nil || strings.Contains(string(b), rotated.Reveal()[8:20]) {
		t.Errorf("JSON prints the key: %v", err)
	}
	var line bytes.Buffer
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "k", rotated)
	if strings.Contains(line.String(), rotated.Reveal()[8:20]) {
		t.Error("the log prints the key")
	}
}

func TestAuthenticate(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	who, err := f.Authenticate(t.Context(), text, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	if who.ID != k.ID || who.Kind != strongroom.ServiceActor || !who.AllStores || who.Session == "" || len(who.Roles) != 1 {
		t.Errorf("actor %+v", who)
	}
	other := fresh(t, strongroom.Test)
	_, foreign := other.make(t, nil)
	flip := func(i int) string {
		b := []byte(text)
		if b[i] == '0' {
			b[i] = '1'
		} else {
			b[i] = '0'
		}
		return string(b)
	}
	for _, c := range []struct{ name, text, code string }{
		{"none", "", "key-missing"},
		{"something else", "jane.doe@example.com", "key-form"},
		{"cut short", text[:len(text)-1], "key-form"},
		{"a changed letter", flip(20), "key-form"},
		{"a changed checksum", flip(len(text) - 1), "key-form"},
		{"upper case", "sr_test_" + strings.ToUpper(text[8:]), "key-form"},
		{"of production", "sr_live_" + text[8:], "key-environment"},
		{"of another instance", foreign, "key-unknown"},
	} {
		f.refused = nil
		_, err := f.Authenticate(t.Context(), c.text, netip.Addr{})
		if !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(f.refused) != 1 || f.refused[0] != c.code {
			t.Errorf("%s: counted %v, want %s", c.name, f.refused, c.code)
		}
		if err != nil && strings.Contains(err.Error(), "jane") {
			t.Errorf("%s: the fault repeats the key: %v", c.name, err)
		}
	}
}

func TestRevocationIsImmediate(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	elsewhere := f.another(strongroom.Test)
	auth := func(i *identity.Identity) error {
		_, err := i.Authenticate(t.Context(), text, netip.Addr{})
		return err
	}
	for _, i := range []*identity.Identity{f.Identity, elsewhere} {
		if err := auth(i); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 { // callers that keep the cache warm while it is revoked
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = auth(f.Identity)
				}
			}
		})
	}
	if err := f.RevokeKey(t.Context(), actor("security"), k.ID); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := auth(f.Identity); !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Fatalf("a revoked key was taken: %v", err)
		}
	}
	close(stop)
	wg.Wait()
	time.Sleep(250 * time.Millisecond) // Recheck
	if err := auth(elsewhere); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("another process takes a revoked key: %v", err)
	}
	if err := f.RevokeKey(t.Context(), actor("security"), k.ID); err != nil {
		t.Errorf("revoking again: %v", err)
	}
	if _, _, err := f.RotateKey(t.Context(), actor("owner"), k.ID, 0); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("a revoked key was rotated: %v", err)
	}
}

func TestRotation(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, first := f.make(t, nil)
	ok := func(text string) bool {
		_, err := f.Authenticate(t.Context(), text, netip.Addr{})
		return err == nil
	}
	_, second, err := f.RotateKey(t.Context(), actor("owner"), k.ID, time.Hour)
	if err != nil || !ok(first) || !ok(second.Reveal()) {
		t.Fatalf("both are good while they overlap: %v", err)
	}
	_, third, err := f.RotateKey(t.Context(), actor("owner"), k.ID, time.Hour)
	if err != nil || ok(first) || !ok(second.Reveal()) || !ok(third.Reveal()) {
		t.Fatalf("a second rotation ends the first secret: %v", err)
	}
	f.clock.SetOffset(2 * time.Hour)
	if ok(second.Reveal()) || !ok(third.Reveal()) {
		t.Error("the overlap does not end")
	}
	_, fourth, err := f.RotateKey(t.Context(), actor("owner"), k.ID, 0)
	if err != nil || ok(third.Reveal()) || !ok(fourth.Reveal()) {
		t.Errorf("a rotation without overlap: %v", err)
	}
	if _, _, err := f.RotateKey(t.Context(), actor("owner"), k.ID, identity.MaxOverlap+1); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("an overlap too long: %v", err)
	}
}

func TestExpiryAndNetworks(t *testing.T) {
	f := fresh(t, strongroom.Test)
	_, text := f.make(t, func(s *identity.KeySpec) {
		s.Expires = f.clock.Now().Add(time.Hour)
		s.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	auth := func(from string) error {
		_, err := f.Authenticate(t.Context(), text, netip.MustParseAddr(from))
		return err
	}
	if err := auth("192.0.2.9"); err != nil {
		t.Error(err)
	}
	if err := auth("198.51.100.9"); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("from elsewhere: %v", err)
	}
	if _, err := f.Authenticate(t.Context(), text, netip.Addr{}); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("from nowhere: %v", err)
	}
	f.clock.SetOffset(time.Hour)
	if err := auth("192.0.2.9"); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("after its end: %v", err)
	}
}

// Whoever can write the database cannot make a key mightier: another account's
// secret, a later end of account or secret do not open.
func TestEditedRowsOpenNothing(t *testing.T) {
	for name, edit := range map[string]func(tx *db.Tx, weak, strong string) error{
		"secret moved to another account": func(tx *db.Tx, weak, strong string) error {
			_, err := tx.Exec(swapAccount, weak, strong)
			return err
		},
		"account's end moved": func(tx *db.Tx, weak, _ string) error { _, err := tx.Exec(laterKey, weak); return err },
		"secret's end moved":  func(tx *db.Tx, weak, _ string) error { _, err := tx.Exec(laterSecret, weak); return err },
		"nothing":             func(*db.Tx, string, string) error { return nil }, // the check can pass
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t, strongroom.Test)
			weak, text := f.make(t, nil)
			strong, _ := f.make(t, func(s *identity.KeySpec) { s.Roles = []string{"owner"} })
			if err := f.db.Update(t.Context(), func(tx *db.Tx) error { return edit(tx, weak.ID, strong.ID) }); err != nil {
				t.Fatal(err)
			}
			who, err := f.Authenticate(t.Context(), text, netip.Addr{})
			if name == "nothing" {
				if err != nil {
					t.Error(err)
				}
			} else if !strongroom.IsKind(err, strongroom.Unauthenticated) {
				t.Errorf("taken as %v: %v", who, err)
			}
		})
	}
}

func TestWhoMayGiveWhat(t *testing.T) {
	f := fresh(t, strongroom.Test)
	store := strongroom.NewID("str")
	limited := actor("owner")
	limited.AllStores, limited.Stores = false, []string{store}
	app := identity.KeySpec{Label: "a", Roles: []string{"application"}, Stores: []string{store}}
	with := func(change func(*identity.KeySpec)) identity.KeySpec { s := app; change(&s); return s }
	for _, c := range []struct {
		name string
		who  strongroom.Actor
		spec identity.KeySpec
		kind strongroom.Kind
		ok   bool
	}{
		{"owner", actor("owner"), app, 0, true},
		{"operator, application", actor("operator"), app, 0, true},
		{"operator, owner", actor("operator"), with(func(s *identity.KeySpec) { s.Roles = []string{"owner"} }), strongroom.Denied, false},
		{"operator, both", actor("operator"), with(func(s *identity.KeySpec) { s.Roles = []string{"application", "owner"} }), strongroom.Denied, false},
		{"application", actor("application"), app, strongroom.Denied, false},
		{"auditor", actor("auditor"), app, strongroom.Denied, false},
		{"limited, own store", limited, app, 0, true},
		{"limited, all stores", limited, with(func(s *identity.KeySpec) { s.Stores, s.AllStores = nil, true }), strongroom.Denied, false},
		{"limited, another's", limited, with(func(s *identity.KeySpec) { s.Stores = []string{strongroom.NewID("str")} }), strongroom.Denied, false},
		{"role of the product", actor("owner"), with(func(s *identity.KeySpec) { s.Roles = []string{"system"} }), strongroom.Invalid, false},
		{"no role", actor("owner"), with(func(s *identity.KeySpec) { s.Roles = nil }), strongroom.Invalid, false},
		{"no store", actor("owner"), with(func(s *identity.KeySpec) { s.Stores = nil }), strongroom.Invalid, false},
		{"stores and all", actor("owner"), with(func(s *identity.KeySpec) { s.AllStores = true }), strongroom.Invalid, false},
		{"in the past", actor("owner"), with(func(s *identity.KeySpec) { s.Expires = time.Now().Add(-time.Hour) }), strongroom.Invalid, false},
		{"personal label", actor("owner"), with(func(s *identity.KeySpec) { s.Label = "206-555-0164" }), strongroom.Invalid, false},
		{"strange label", actor("owner"), with(func(s *identity.KeySpec) { s.Label = "jane@example.com" }), strongroom.Invalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := f.CreateKey(t.Context(), c.who, c.spec)
			if (err == nil) != c.ok || err != nil && !strongroom.IsKind(err, c.kind) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "jane") {
				t.Errorf("the fault repeats the label: %v", err)
			}
			events := f.events(t)
			last := events[len(events)-1]
			want := audit.Success
			if c.kind == strongroom.Denied {
				want = audit.Denied
			} else if !c.ok {
				want = audit.Failure
			}
			// A store beyond one's own is a failure of an allowed act for the log.
			if last.Action.Name != "key.add" || last.Outcome == audit.Success != c.ok || c.ok && last.Outcome != want {
				t.Errorf("the last event is %s %s", last.Action.Name, last.Outcome)
			}
		})
	}
	for _, id := range []string{"nonsense", strongroom.NewID("svc"), "jane.doe@example.com"} {
		if err := f.RevokeKey(t.Context(), actor("owner"), id); !strongroom.IsKind(err, strongroom.NotFound) {
			t.Errorf("revoking what is not there: %v", err)
		}
	}
}

// A label that is a person's name passes every check. It must still not lie on
// the disk, nor in the log.
func TestLabelIsSealed(t *testing.T) {
	f := fresh(t, strongroom.Test)
	const planted = "Jane-Elizabeth-Doe"
	k, _ := f.make(t, func(s *identity.KeySpec) { s.Label = planted })
	if bytes.Contains(f.disk(t), []byte(planted)) {
		t.Error("the label is at rest in clear")
	}
	keys, next, err := f.Keys(t.Context(), actor("owner"), "", 10)
	if err != nil || len(keys) != 1 || next != "" || keys[0].Label != planted || keys[0].ID != k.ID {
		t.Errorf("listed %+v, %v", keys, err)
	}
	for range 4 {
		f.make(t, nil)
	}
	seen := map[string]bool{}
	for cursor := ""; ; {
		keys, next, err := f.Keys(t.Context(), actor("auditor"), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			seen[k.ID] = true
		}
		if cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("paging shows %d of 5", len(seen))
	}
}

func TestLastUse(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := f.Authenticate(ctx, text, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := f.Run(ctx); err != nil { // ends at once and writes the stamps
		t.Fatal(err)
	}
	keys, _, err := f.Keys(t.Context(), actor("owner"), "", 10)
	if err != nil || len(keys) != 1 || keys[0].ID != k.ID || keys[0].Used.IsZero() {
		t.Errorf("%+v, %v", keys, err)
	}
}

func TestLocalActor(t *testing.T) {
	f := fresh(t, strongroom.Test)
	who, err := f.LocalActor(t.Context(), 1000)
	if err != nil || who.ID != "uid:1000" || who.Door != "socket" {
		t.Fatalf("%+v, %v", who, err)
	}
	// The log takes it as an actor.
	if _, _, err := f.CreateKey(t.Context(), who, identity.KeySpec{Label: "x", Roles: []string{"application"}, AllStores: true}); err != nil {
		t.Error(err)
	}
	if _, err := f.LocalActor(t.Context(), 1001); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestClaim(t *testing.T) {
	f := fresh(t, strongroom.Test)
	who, other := actor("owner"), actor("owner")
	ctx := t.Context()
	c, _, found, err := f.Claim(ctx, who, "Jane-Doe-1", []byte("request"))
	if err != nil || found {
		t.Fatal(found, err)
	}
	if _, _, _, err := f.Claim(ctx, who, "Jane-Doe-1", []byte("request")); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("while it runs: %v", err)
	}
	id := strongroom.NewID("str")
	if err := c.Done(ctx, 201, id); err != nil {
		t.Fatal(err)
	}
	_, r, found, err := f.Claim(ctx, who, "Jane-Doe-1", []byte("request"))
	if err != nil || !found || r.Status != 201 || r.Resource != id {
		t.Errorf("again: %+v %v %v", r, found, err)
	}
	if _, _, _, err := f.Claim(ctx, who, "Jane-Doe-1", []byte("another")); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("for another request: %v", err)
	}
	c, _, found, err = f.Claim(ctx, other, "Jane-Doe-1", []byte("request"))
	if err != nil || found {
		t.Fatalf("another caller's: %v %v", found, err)
	}
	if err := c.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, found, err = f.Claim(ctx, other, "Jane-Doe-1", []byte("request")); err != nil || found {
		t.Errorf("after a failure: %v %v", found, err)
	}
	for _, bad := range []string{"", "jane@example.com", "206-555-0164", strings.Repeat("x", 65)} {
		if _, _, _, err := f.Claim(ctx, who, bad, nil); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("a bad name: %v", err)
		}
	}
	if disk := f.disk(t); bytes.Contains(disk, []byte("Jane-Doe")) || bytes.Contains(disk, []byte("request\x00")) {
		t.Error("a receipt holds the caller's name for the call")
	}
}

func TestClaimIsOne(t *testing.T) {
	f := fresh(t, strongroom.Test)
	who := actor("owner")
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		wg.Go(func() {
			_, _, found, err := f.Claim(context.Background(), who, "one", []byte("request"))
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !found {
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d callers do the same call", won)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	f := fresh(b, strongroom.Test)
	_, text := f.make(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Authenticate(b.Context(), text, netip.Addr{}); err != nil {
			b.Fatal(err)
		}
	}
}
