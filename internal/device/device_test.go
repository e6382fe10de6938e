package device_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/device"
	"strongroom/internal/guard"
)

const day = 24 * time.Hour

// Personal data is opened on managed devices alone (DPP 2.2.7): only a device that
// an operator enrolled as managed, for this person, not revoked and not expired,
// and that proves its key, passes the policy of production.
func TestObligation_2_2_7_ManagedDevices(t *testing.T) {
	f := fresh(t)
	jane, li := strongroom.NewID("usr"), strongroom.NewID("usr")
	now := f.real.Now()
	key, own, old := newKey(t), newKey(t), newKey(t)
	cert := certificate(t, key, now.Add(-day), now.Add(day))
	_, text := f.add(t, jane)
	managed, err := f.Enrol(t.Context(), text, device.Evidence{Certificate: cert})
	if err != nil || managed.Proof != "certificate" || managed.Posture != device.Managed {
		t.Fatalf("%+v, %v", managed, err)
	}
	_, text = f.add(t, jane, func(s *device.Spec) { s.Posture = device.Unmanaged })
	if _, err := f.Enrol(t.Context(), text, call(proofOf(t, own, now).sign(t, own))); err != nil {
		t.Fatal(err)
	}
	revoked, text := f.add(t, jane)
	if _, err := f.Enrol(t.Context(), text, device.Evidence{Certificate: certificate(t, old, now.Add(-day), now.Add(day))}); err != nil {
		t.Fatal(err)
	}
	if err := f.Revoke(t.Context(), f.operator(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		person  string
		e       device.Evidence
		posture device.Posture
	}{
		{"planted: the managed device", jane, device.Evidence{Certificate: cert}, device.Managed},
		{"a renewed certificate of the same key", jane, device.Evidence{Certificate: certificate(t, key, now.Add(-time.Hour), now.Add(9*day))}, device.Managed},
		{"somebody else's managed device", li, device.Evidence{Certificate: cert}, device.Unknown},
		{"nobody's", "", device.Evidence{Certificate: cert}, device.Unknown},
		{"no evidence", jane, device.Evidence{}, device.Unknown},
		{"an own device that was enrolled", jane, call(proofOf(t, own, now).sign(t, own)), device.Unmanaged},
		{"a certificate of a key nobody knows", jane, device.Evidence{Certificate: certificate(t, newKey(t), now.Add(-day), now.Add(day))}, device.Unknown},
		{"a certificate that is over", jane, device.Evidence{Certificate: certificate(t, key, now.Add(-2*day), now.Add(-day))}, device.Unknown},
		{"a certificate of tomorrow", jane, device.Evidence{Certificate: certificate(t, key, now.Add(day), now.Add(2*day))}, device.Unknown},
		{"a revoked device", jane, device.Evidence{Certificate: certificate(t, old, now.Add(-day), now.Add(day))}, device.Unknown},
		{"the key of the certificate, in a header", jane, call(proofOf(t, key, now).sign(t, key)), device.Unknown},
		{"the key of the header, in a certificate", jane, device.Evidence{Certificate: certificate(t, own, now.Add(-day), now.Add(day))}, device.Unknown},
	} {
		p, err := f.Prove(t.Context(), c.e)
		if err != nil || p.PostureFor(c.person) != c.posture {
			t.Errorf("%s: %s, %v", c.name, p.PostureFor(c.person), err)
		}
		who := f.actor(c.person, authz.Owner)
		who.Standing.Device = string(p.PostureFor(c.person))
		d := f.policy.Decide(authz.Request{
			Actor: who, Action: strongroom.Action{Name: "record.reveal"}, Now: now, Real: now, Purpose: strongroom.LegalDuty, HasReference: true,
			Resource: strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_1"},
		})
		if want := c.posture == device.Managed && c.person != ""; d.Allow != want {
			t.Errorf("%s: the policy allows: %t, %v", c.name, d.Allow, d.Err)
		}
	}
	f.clock.SetOffset(device.Life + time.Hour)
	if p, err := f.Prove(t.Context(), device.Evidence{Certificate: cert}); err != nil || p.PostureFor(jane) != device.Unknown {
		t.Errorf("after its year: %s, %v", p.PostureFor(jane), err)
	}
}

// A signed proof is of one call, of one minute, and works once.
func TestSignedProofs(t *testing.T) {
	f := fresh(t)
	jane, key := strongroom.NewID("usr"), newKey(t)
	now := f.real.Now()
	_, text := f.add(t, jane)
	if x, err := f.Enrol(t.Context(), text, call(proofOf(t, key, now).sign(t, key))); err != nil || x.Proof != "key" {
		t.Fatal(err)
	}
	for name, bend := range map[string]func(h *halves){
		"another method":      func(h *halves) { h.claims["htm"] = "GET" },
		"another path":        func(h *halves) { h.claims["htu"] = "/v1/records" },
		"too old":             func(h *halves) { h.claims["iat"] = now.Add(-device.Skew - 2*time.Second).Unix() },
		"of the future":       func(h *halves) { h.claims["iat"] = now.Add(device.Skew + 2*time.Second).Unix() },
		"no time":             func(h *halves) { delete(h.claims, "iat") },
		"an endless time":     func(h *halves) { h.claims["iat"] = 1e300 },
		"no number":           func(h *halves) { delete(h.claims, "jti") },
		"a short number":      func(h *halves) { h.claims["jti"] = "1" },
		"a long number":       func(h *halves) { h.claims["jti"] = strings.Repeat("1", 129) },
		"no signature at all": func(h *halves) { h.head["alg"] = "none" },
		"a secret as key":     func(h *halves) { h.head["alg"] = "HS256" },
		"another type":        func(h *halves) { h.head["typ"] = "jwt" },
		"another curve":       func(h *halves) { h.head["jwk"].(map[string]any)["crv"] = "P-384" },
		"a private key":       func(h *halves) { h.head["jwk"].(map[string]any)["d"] = b64.EncodeToString(make([]byte, 32)) },
		"a point off the curve": func(h *halves) {
			h.head["jwk"].(map[string]any)["y"] = b64.EncodeToString(bytes.Repeat([]byte{7}, 32))
		},
		"a short point": func(h *halves) { h.head["jwk"].(map[string]any)["x"] = "AA" },
		"another's key": func(h *halves) { h.head = proofOf(t, newKey(t), now).head },
	} {
		h := proofOf(t, key, now)
		bend(&h)
		if _, err := f.Prove(t.Context(), call(h.sign(t, key))); code(err) != "device-proof" || !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := proofOf(t, key, now).sign(t, key)
	parts := strings.Split(good, ".")
	for _, bad := range []string{
		"x", "..", "a.b", good + ".x", parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + b64.EncodeToString(make([]byte, 64)),
		parts[1] + "." + parts[0] + "." + parts[2], good[:len(good)-2], strings.Repeat("x", 5000),
		parts[0] + "." + b64.EncodeToString([]byte(`{"htm":"POST"}{}`)) + "." + parts[2],
	} {
		if _, err := f.Prove(t.Context(), call(bad)); code(err) != "device-proof" {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if p, err := f.Prove(t.Context(), call(good)); err != nil || p.PostureFor(jane) != device.Managed {
		t.Errorf("planted: a good one: %v", err)
	}
	if _, err := f.Prove(t.Context(), call(good)); code(err) != "device-proof" {
		t.Errorf("a replay: %v", err)
	}
	// Of many at once, one.
	again := proofOf(t, key, now).sign(t, key)
	var wg sync.WaitGroup
	answers := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			_, err := f.Prove(context.Background(), call(again))
			answers <- err
		})
	}
	wg.Wait()
	won := 0
	for range 8 {
		if <-answers == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 were taken", won)
	}
	// A key nobody knows leaves nothing behind.
	before := f.count(t)
	stranger := newKey(t)
	if p, err := f.Prove(t.Context(), call(proofOf(t, stranger, now).sign(t, stranger))); err != nil || p.ID != "" || f.count(t) != before {
		t.Errorf("%v, %d rows, %d before", err, f.count(t), before)
	}
	f.real.SetOffset(5 * time.Minute)
	later := proofOf(t, key, f.real.Now())
	if _, err := f.Prove(t.Context(), call(later.sign(t, key))); err != nil || f.count(t) != 1 {
		t.Errorf("old numbers stay: %d, %v", f.count(t), err)
	}
}

const countNonces = "select count(*) from device_nonce"

func (f *fixture) count(t testing.TB) (n int) {
	t.Helper()
	if err := f.db.Read(t.Context(), func(r *db.Reader) error { return r.QueryRow(countNonces).Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

// The code of a device works once and for a day, and a key is one device's.
func TestEnrolment(t *testing.T) {
	f := fresh(t)
	jane, key := strongroom.NewID("usr"), newKey(t)
	now := f.real.Now()
	e := device.Evidence{Certificate: certificate(t, key, now.Add(-day), now.Add(day))}
	x, text := f.add(t, jane)
	for name, bad := range map[string]string{"nothing": "", "a name": "jane", "cut": text[:len(text)-1], "guessed": "srd_live_" + strings.Repeat("0", 26)} {
		if _, err := f.Enrol(t.Context(), bad, e); code(err) != "device-code" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Enrol(t.Context(), text, device.Evidence{}); code(err) != "device-proof" {
		t.Errorf("without a key: %v", err)
	}
	if _, err := f.Enrol(t.Context(), text, device.Evidence{Certificate: certificate(t, key, now.Add(-2*day), now.Add(-day))}); code(err) != "device-proof" {
		t.Errorf("with a certificate that is over: %v", err)
	}
	f.clock.SetOffset(device.CodeLife + time.Minute)
	if _, err := f.Enrol(t.Context(), text, e); code(err) != "device-code" {
		t.Errorf("a day later: %v", err)
	}
	f.clock.SetOffset(0)
	got, err := f.Enrol(t.Context(), text, e)
	if err != nil || got.ID != x.ID || got.Proved.IsZero() || !x.Proved.IsZero() || got.Label != "NB-0042" {
		t.Fatalf("planted: %+v, %v", got, err)
	}
	if _, err := f.Enrol(t.Context(), text, e); code(err) != "device-code" {
		t.Errorf("twice: %v", err)
	}
	_, second := f.add(t, jane)
	if _, err := f.Enrol(t.Context(), second, e); code(err) != "device-known" {
		t.Errorf("one key, two devices: %v", err)
	}
	gone, third := f.add(t, jane)
	if err := f.Revoke(t.Context(), f.operator(), gone.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Enrol(t.Context(), third, device.Evidence{Certificate: certificate(t, newKey(t), now.Add(-day), now.Add(day))}); code(err) != "device-code" {
		t.Errorf("a revoked device: %v", err)
	}
}

func TestAddListRevoke(t *testing.T) {
	f := fresh(t)
	jane := strongroom.NewID("usr")
	good := device.Spec{Label: "NB-1", Kind: "phone", Owner: jane, Posture: device.Unmanaged}
	for want, bend := range map[string]func(*device.Spec){
		"label":   func(s *device.Spec) { s.Label = "Jane's phone" },
		"kind":    func(s *device.Spec) { s.Kind = "toaster" },
		"posture": func(s *device.Spec) { s.Posture = device.Unknown },
		"owner":   func(s *device.Spec) { s.Owner = "jane" },
		"person":  func(s *device.Spec) { s.Owner = f.gone },
		"expires": func(s *device.Spec) { s.Expires = f.clock.Now().Add(device.Life + day) },
	} {
		s := good
		bend(&s)
		if _, _, err := f.Add(t.Context(), f.operator(), s); code(err) != want {
			t.Errorf("want %s: %v", want, err)
		}
	}
	s := good
	s.Label = "+4915112345678"
	if _, _, err := f.Add(t.Context(), f.operator(), s); code(err) != "label" {
		t.Errorf("a telephone number as label: %v", err)
	}
	// Nobody makes the own device managed, nor anybody's without the right.
	for _, who := range []strongroom.Actor{f.actor(jane), f.actor(jane, authz.Auditor), f.actor(jane, authz.Privacy), strongroom.System("sweeper")} {
		if _, _, err := f.Add(t.Context(), who, good); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s enrols devices: %v", who, err)
		}
	}
	var last device.Device
	for range 20 {
		last, _ = f.add(t, jane)
	}
	if _, _, err := f.Add(t.Context(), f.operator(), good); code(err) != "device-many" {
		t.Errorf("the 21st: %v", err)
	}
	if err := f.Revoke(t.Context(), f.actor(jane), last.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("everybody revokes: %v", err)
	}
	for range 2 { // twice changes nothing
		if err := f.Revoke(t.Context(), f.operator(), last.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{strongroom.NewID("dev"), "jane"} {
		if err := f.Revoke(t.Context(), f.operator(), id); code(err) != "device" {
			t.Errorf("%v", err)
		}
	}
	f.add(t, jane)
	other := strongroom.NewID("usr")
	f.add(t, other)
	seen, cursor := 0, ""
	for {
		page, next, err := f.List(t.Context(), f.actor(jane), jane, cursor, 8)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page {
			if x.Owner != jane {
				t.Error("somebody else's device is in the own list")
			}
		}
		seen += len(page)
		if cursor = next; cursor == "" {
			break
		}
	}
	if seen != 21 {
		t.Errorf("%d own devices", seen)
	}
	if all, _, err := f.List(t.Context(), f.operator(), "", "", 1000); err != nil || len(all) != 22 {
		t.Errorf("%d, %v", len(all), err)
	}
	for _, owner := range []string{"", other} {
		if _, _, err := f.List(t.Context(), f.actor(jane), owner, "", 10); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("everybody lists others' devices: %v", err)
		}
	}
	if _, _, err := f.List(t.Context(), f.operator(), "jane", "", 10); code(err) != "cursor" {
		t.Errorf("%v", err)
	}
	// Who leaves takes no device along.
	if err := f.guard.Do(t.Context(), f.operator(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(strongroom.Action{Name: "device.revoke", Class: 3004, Activity: 8}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		return f.EndTx(tx, jane)
	}); err != nil {
		t.Fatal(err)
	}
	list, _, err := f.List(t.Context(), f.operator(), jane, "", 100)
	for _, x := range list {
		if x.Revoked.IsZero() {
			t.Errorf("%s lives on", x.ID)
		}
	}
	if err != nil || len(list) != 21 {
		t.Errorf("%d, %v", len(list), err)
	}
}

const (
	giveAway  = "update device_device set owner = $2 where id = $1"
	bringBack = "update device_device set revoked_at = 0 where id = $1"
	liveOn    = "update device_device set expires_at = expires_at + 1 where id = $1"
)

// A row that was edited proves nothing.
func TestEditedRows(t *testing.T) {
	for name, edit := range map[string]func(tx *db.Tx, id, other string) error{
		"owner":   func(tx *db.Tx, id, other string) error { _, err := tx.Exec(giveAway, id, other); return err },
		"expires": func(tx *db.Tx, id, _ string) error { _, err := tx.Exec(liveOn, id); return err },
		"revoked": func(tx *db.Tx, id, _ string) error { _, err := tx.Exec(bringBack, id); return err },
	} {
		f := fresh(t)
		now := f.real.Now()
		e := device.Evidence{Certificate: certificate(t, newKey(t), now.Add(-day), now.Add(day))}
		other := strongroom.NewID("usr")
		x, text := f.add(t, strongroom.NewID("usr"))
		if _, err := f.Enrol(t.Context(), text, e); err != nil {
			t.Fatal(err)
		}
		if name == "revoked" {
			if err := f.Revoke(t.Context(), f.operator(), x.ID); err != nil {
				t.Fatal(err)
			}
		} else if p, err := f.Prove(t.Context(), e); err != nil || p.ID != x.ID {
			t.Fatal("planted:", err)
		}
		if err := f.db.Update(t.Context(), func(tx *db.Tx) error { return edit(tx, x.ID, other) }); err != nil {
			t.Fatal(err)
		}
		if p, err := f.Prove(t.Context(), e); code(err) != "device-sealed" || p.PostureFor(other) == device.Managed {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if list, _, err := f.List(t.Context(), f.operator(), "", "", 10); err != nil || len(list) != 1 || !list[0].Damaged {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		if err := f.Revoke(t.Context(), f.operator(), x.ID); err != nil {
			t.Errorf("%s: a damaged device stays: %v", name, err)
		}
	}
}

// No label and no code is in any byte at rest, in an event or in the operational
// log, and a code does not print.
func TestNothingInClear(t *testing.T) {
	f := fresh(t)
	x, c, err := f.Add(t.Context(), f.operator(), device.Spec{Label: "NB-Luise-77", Kind: "laptop", Owner: strongroom.NewID("usr"), Posture: device.Managed})
	if err != nil {
		t.Fatal(err)
	}
	disk := f.disk(t)
	for _, s := range []string{"NB-Luise-77", c.Reveal(), c.Reveal()[9:]} {
		if bytes.Contains(disk, []byte(s)) {
			t.Errorf("%q is at rest in clear", s)
		}
	}
	if !bytes.Contains(disk, []byte(x.ID)) {
		t.Error("the search finds nothing at all")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if strings.Contains(fmt.Sprintf(verb, struct{ C device.Code }{c}), c.Reveal()[9:20]) {
			t.Errorf("%s prints the code", verb)
		}
	}
}

func FuzzProve(f *testing.F) {
	key := newKey(f)
	x := fresh(f)
	f.Add(proofOf(f, key, x.real.Now()).sign(f, key))
	f.Add("..")
	f.Add("e30.e30.AA")
	f.Fuzz(func(t *testing.T, header string) {
		p, err := x.Prove(context.Background(), call(header))
		if err == nil && p.ID != "" {
			t.Error("a device came out of an empty register")
		}
		if err != nil && header != "" && len(header) > 8 && strings.Contains(err.Error(), header) {
			t.Error("the fault repeats the header")
		}
	})
}
