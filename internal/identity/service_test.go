package identity_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
)

const (
	day        = 24 * time.Hour
	givenOwner = "update identity_key set owner = $2 where id = $1"
	oldBlob    = "update identity_key set sealed = $2 where id = $1"
)

// serve makes the service of an approved request, as package access does.
func (f *fixture) serve(t testing.TB, owner string, change func(*identity.KeySpec)) (identity.Key, error) {
	t.Helper()
	spec := identity.KeySpec{Label: "labels", Roles: []string{"application"}, AllStores: true, Owner: owner, Purpose: "shipping-labels"}
	if change != nil {
		change(&spec)
	}
	var k identity.Key
	err := f.guard.Do(t.Context(), actor("owner"), func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(strongroom.Action{Name: "request.approve", Class: 3001, Activity: 1}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		k, err = f.AddServiceTx(tx, spec, strongroom.NewID("req"))
		return err
	})
	return k, err
}

// flaws returns what is wrong with a service.
func (f *fixture) flaws(t testing.TB, id string) []identity.Flaw {
	t.Helper()
	all, err := f.Findings(t.Context(), actor("security"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if x.Service == id {
			return x.Flaws
		}
	}
	return nil
}

func (f *fixture) tend(t testing.TB, want identity.Tended) {
	t.Helper()
	got, err := f.Tend(t.Context())
	if err != nil || got != want {
		t.Fatalf("tended %+v, %v; want %+v", got, err, want)
	}
}

func (f *fixture) works(t testing.TB, text string) bool {
	t.Helper()
	_, err := f.Authenticate(t.Context(), text, netip.Addr{})
	if err != nil && !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Fatal(err)
	}
	return err == nil
}

func (f *fixture) last(t testing.TB, action string) audit.Event {
	t.Helper()
	all := f.events(t)
	for _, e := range slices.Backward(all) {
		if e.Action.Name == action {
			return e
		}
	}
	t.Fatalf("there is no event %s", action)
	return audit.Event{}
}

// A service comes by a request, has an owner and a purpose, and its first secret
// goes to the owner alone (DPP 2.2.3).
func TestObligation_2_2_3_ServicesAreRegistered(t *testing.T) {
	f := fresh(t, strongroom.Production)
	owner := actor() // a person without any role
	k, err := f.serve(t, owner.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if k.Owner != owner.ID || k.Case == "" || k.RotateEvery != identity.DefaultRotate {
		t.Errorf("%+v", k)
	}
	if _, _, err := f.RotateKey(t.Context(), actor(), k.ID, 0); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("somebody else takes the secret: %v", err)
	}
	owner.AllStores = false // an owner needs no store of the service's
	_, secret, err := f.RotateKey(t.Context(), owner, k.ID, 0)
	if err != nil || !f.works(t, secret.Reveal()) {
		t.Fatalf("the owner takes no secret: %v", err)
	}
	if got := f.flaws(t, k.ID); got != nil {
		t.Errorf("flaws %v", got)
	}
	for name, c := range map[string]struct {
		change func(*identity.KeySpec)
		kind   strongroom.Kind
		code   string
	}{
		"no owner":       {func(s *identity.KeySpec) { s.Owner = "" }, strongroom.Invalid, "owner"},
		"a key as owner": {func(s *identity.KeySpec) { s.Owner = k.ID }, strongroom.Invalid, "owner"},
		"no purpose":     {func(s *identity.KeySpec) { s.Purpose = "" }, strongroom.Invalid, "purpose"},
		"a personal one": {func(s *identity.KeySpec) { s.Purpose = "4111-1111-1111-1111" }, strongroom.Invalid, "purpose"},
		"rotation late":  {func(s *identity.KeySpec) { s.RotateEvery = 400 * day }, strongroom.Invalid, "rotate"},
		"role of tests":  {func(s *identity.KeySpec) { s.Roles = []string{authz.TestEverything} }, strongroom.Invalid, "roles"},
		"an inactive":    {func(s *identity.KeySpec) { f.stand(s.Owner, identity.OwnerAway) }, strongroom.Conflict, "owner"},
	} {
		_, err := f.serve(t, strongroom.NewID("usr"), c.change)
		if fault, ok := err.(*strongroom.Fault); !ok || fault.Kind != c.kind || fault.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	spec := identity.KeySpec{Label: "a", Roles: []string{"application"}, AllStores: true, Owner: owner.ID}
	for _, owned := range []bool{true, false} {
		if !owned {
			spec.Owner = ""
		}
		if _, _, err := f.CreateKey(t.Context(), actor("owner"), spec); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("a key is made without a request, owned %v: %v", owned, err)
		}
	}
	if _, _, err := f.RotateKey(t.Context(), actor("owner"), k.ID, 0); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("the owner of the instance takes the secret of another's service: %v", err)
	}
	f.clock.SetOffset(identity.DefaultRotate)
	if got := f.flaws(t, k.ID); !slices.Contains(got, identity.FlawRotate) {
		t.Errorf("an old secret is no finding: %v", got)
	}
}

// A key that nobody owns, such as one of an older release, is a finding, dies
// after thirty days, and goes on where somebody adopts it.
func TestUnownedKeysDie(t *testing.T) {
	f := fresh(t, strongroom.Production)
	old, oldText := f.legacy(t)
	kept, keptText := f.legacy(t)
	sealed, err := f.SealedByFirstRelease(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(oldBlob, old.ID, sealed); return err }); err != nil {
		t.Fatal(err)
	}
	if !f.works(t, oldText) || !f.works(t, keptText) {
		t.Fatal("a key of an older release is refused")
	}
	for _, id := range []string{old.ID, kept.ID} {
		if got := f.flaws(t, id); !slices.Equal(got, []identity.Flaw{identity.FlawUnowned}) {
			t.Errorf("flaws %v", got)
		}
	}
	f.clock.SetOffset(40 * day) // its days count from when it was seen
	f.tend(t, identity.Tended{Warned: 2})
	f.tend(t, identity.Tended{})
	if e := f.last(t, "service.warn"); e.Actor.ID != "sys:sweeper" {
		t.Errorf("%+v", e)
	}
	by := actor("security")
	owner := strongroom.NewID("usr")
	k, err := f.Adopt(t.Context(), by, kept.ID, identity.Adoption{Owner: owner, Purpose: "shipping"})
	if err != nil || k.Owner != owner || !k.Grace.IsZero() || k.RotateEvery != identity.DefaultRotate {
		t.Fatalf("%+v, %v", k, err)
	}
	f.clock.SetOffset(40*day + identity.Unowned - time.Hour)
	f.tend(t, identity.Tended{})
	if !f.works(t, oldText) {
		t.Error("it died before its day")
	}
	f.clock.SetOffset(40*day + identity.Unowned + time.Second)
	if f.works(t, oldText) { // even if the sweeper does not come
		t.Error("it lives past its day")
	}
	f.tend(t, identity.Tended{Revoked: 1})
	if !f.works(t, keptText) {
		t.Error("an adopted key died")
	}
	f.stand(owner, identity.OwnerAway)
	if _, err := f.Adopt(t.Context(), by, kept.ID, identity.Adoption{Owner: owner}); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("adopted for somebody who is not active: %v", err)
	}
	if _, err := f.Adopt(t.Context(), actor("operator"), kept.ID, identity.Adoption{Owner: owner}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("adopted by the operator: %v", err)
	}
	if got := f.flaws(t, kept.ID); !slices.Contains(got, identity.FlawAway) {
		t.Errorf("flaws %v", got)
	}
}

// Keys of a test instance outlive its clock, which may be moved by months to watch
// records die.
func TestUnownedKeysOfATestInstance(t *testing.T) {
	f := fresh(t, strongroom.Test)
	tests, testsText := f.make(t, func(s *identity.KeySpec) { s.Roles = []string{authz.TestEverything} })
	app, appText := f.make(t, nil)
	for _, id := range []string{tests.ID, app.ID} {
		if got := f.flaws(t, id); got != nil {
			t.Errorf("flaws %v", got)
		}
	}
	for _, at := range []time.Duration{40 * day, 40*day + identity.Unowned, 200 * day} {
		f.clock.SetOffset(at)
		f.tend(t, identity.Tended{})
		if !f.works(t, testsText) || !f.works(t, appText) {
			t.Fatalf("a key died %v after it was made", at)
		}
	}
}

// A service that is not used for long is a finding, then suspended; somebody lets
// it go on.
func TestDormantServices(t *testing.T) {
	f := fresh(t, strongroom.Production)
	owner := actor()
	k, err := f.serve(t, owner.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := f.RotateKey(t.Context(), owner, k.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.SetOffset(identity.Unused - time.Hour)
	if got := f.flaws(t, k.ID); slices.Contains(got, identity.FlawUnused) {
		t.Errorf("unused too early: %v", got)
	}
	f.clock.SetOffset(identity.Unused + time.Hour)
	if got := f.flaws(t, k.ID); !slices.Contains(got, identity.FlawUnused) {
		t.Errorf("flaws %v", got)
	}
	f.tend(t, identity.Tended{})
	if !f.works(t, secret.Reveal()) {
		t.Error("suspended too early")
	}
	// That was a use, which is not yet written: the sweeper sees the old stamp.
	f.clock.SetOffset(identity.Unused + identity.UnusedGrace + time.Hour)
	f.tend(t, identity.Tended{Suspended: 1})
	f.tend(t, identity.Tended{})
	if f.works(t, secret.Reveal()) || f.refused[len(f.refused)-1] != "key-suspended" {
		t.Errorf("a suspended service works: %v", f.refused)
	}
	if _, err := f.Resume(t.Context(), owner, k.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("the owner resumes: %v", err)
	}
	if _, err := f.Resume(t.Context(), actor("security"), k.ID); err != nil || !f.works(t, secret.Reveal()) {
		t.Errorf("a resumed service does not work: %v", err)
	}
	f.tend(t, identity.Tended{})
	if _, err := f.Suspend(t.Context(), actor("owner"), k.ID); err != nil || f.works(t, secret.Reveal()) {
		t.Errorf("a service suspended by hand works: %v", err)
	}
}

// What a leaver owned dies with the account; what was handed over goes on
// (DPP 2.2.12). An orphan dies by the sweeper in any case.
func TestObligation_2_2_12_OwnedKeysEnd(t *testing.T) {
	f := fresh(t, strongroom.Production)
	leaver, heir := actor(), actor()
	texts := map[string]string{}
	var ids []string
	for range 3 {
		k, err := f.serve(t, leaver.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, s, err := f.RotateKey(t.Context(), leaver, k.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		ids, texts[k.ID] = append(ids, k.ID), s.Reveal()
	}
	if _, err := f.Adopt(t.Context(), actor("owner"), ids[0], identity.Adoption{Owner: heir.ID}); err != nil {
		t.Fatal(err)
	}
	if err := f.guard.Do(t.Context(), actor("owner"), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(strongroom.Action{Name: "person.end", Class: 3001, Activity: 6}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		return f.EndOwnedTx(tx, leaver.ID)
	}); err != nil {
		t.Fatal(err)
	}
	if !f.works(t, texts[ids[0]]) || f.works(t, texts[ids[1]]) || f.works(t, texts[ids[2]]) {
		t.Error("the wrong keys died")
	}
	f.stand(heir.ID, identity.OwnerGone)
	if got := f.flaws(t, ids[0]); !slices.Contains(got, identity.FlawOrphan) {
		t.Errorf("flaws %v", got)
	}
	f.tend(t, identity.Tended{Revoked: 1})
	if f.works(t, texts[ids[0]]) {
		t.Error("an orphan goes on")
	}
}

// Planted: an owner written into the row by hand opens nothing.
func TestOwnerIsBound(t *testing.T) {
	f := fresh(t, strongroom.Test)
	k, text := f.make(t, nil)
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(givenOwner, k.ID, strongroom.NewID("usr"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.another(strongroom.Test).Authenticate(t.Context(), text, netip.Addr{}); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("%v", err)
	}
	if got := f.flaws(t, k.ID); !slices.Equal(got, []identity.Flaw{identity.FlawDamaged}) {
		t.Errorf("flaws %v", got)
	}
	n, flaws, err := f.Tally(t.Context())
	if err != nil || n != 1 || flaws[identity.FlawDamaged] != 1 {
		t.Errorf("%d, %v, %v", n, flaws, err)
	}
}

// A service that proved itself by something else than a key is held to all that
// holds for keys.
func TestServiceWithoutKey(t *testing.T) {
	f := fresh(t, strongroom.Test)
	near := netip.MustParseAddr("192.0.2.7")
	k, err := f.serve(t, strongroom.NewID("usr"), func(s *identity.KeySpec) { s.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	if err != nil {
		t.Fatal(err)
	}
	try := func(id string, from netip.Addr) error {
		who, err := f.Service(t.Context(), id, from)
		if err == nil && (who.ID != id || who.Kind != strongroom.ServiceActor || len(who.Roles) != 1) {
			t.Errorf("%+v", who)
		}
		return err
	}
	if err := try(k.ID, near); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"from elsewhere": try(k.ID, netip.MustParseAddr("203.0.113.9")), "unknown": try(strongroom.NewID("svc"), near), "no id": try("jane", near),
	} {
		if !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Suspend(t.Context(), actor("owner"), k.ID); err != nil || try(k.ID, near) == nil {
		t.Errorf("a suspended service works: %v", err)
	}
	if _, err := f.Resume(t.Context(), actor("owner"), k.ID); err != nil || try(k.ID, near) != nil {
		t.Errorf("a resumed service does not: %v", err)
	}
	if who, ok, err := f.Actor(t.Context(), k.ID); err != nil || !ok || who.ID != k.ID {
		t.Errorf("%+v, %v, %v", who, ok, err)
	}
	if err := f.RevokeKey(t.Context(), actor("owner"), k.ID); err != nil || try(k.ID, near) == nil {
		t.Errorf("a revoked service works: %v", err)
	}
}

// legacy makes a key that nobody owns, as there are of older releases.
func (f *fixture) legacy(t testing.TB) (k identity.Key, text string) {
	t.Helper()
	err := f.guard.Do(t.Context(), actor("owner"), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(strongroom.Action{Name: "request.approve", Class: 3001, Activity: 1}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		var secret identity.Secret
		var err error
		k, secret, err = f.AddUnowned(tx, identity.KeySpec{Label: "shipping", Roles: []string{"application"}, AllStores: true})
		text = secret.Reveal()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k, text
}

// Whoever owns a service may take its key: nobody gives it to themselves but an owner
// while there is no other.
func TestNobodyAdoptsForThemselves(t *testing.T) {
	f := fresh(t, strongroom.Production)
	k, _ := f.legacy(t)
	for _, c := range []struct {
		roles []string
		other bool
		may   bool
	}{
		{[]string{"security"}, false, false},
		{[]string{"owner", "security"}, false, false},
		{[]string{"owner"}, true, false},
		{[]string{"owner"}, false, true},
	} {
		f.other = c.other
		who := actor(c.roles...)
		_, err := f.Adopt(t.Context(), who, k.ID, identity.Adoption{Owner: who.ID, Purpose: "shipping"})
		if (err == nil) != c.may || err != nil && !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%v adopts for itself, with another owner %v: %v", c.roles, c.other, err)
		}
		if _, err := f.Adopt(t.Context(), who, k.ID, identity.Adoption{Owner: strongroom.NewID("usr"), Purpose: "shipping"}); err != nil {
			t.Errorf("planted: %v adopts for another: %v", c.roles, err)
		}
	}
}
