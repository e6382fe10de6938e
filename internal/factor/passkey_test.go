package factor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/factor"
)

var (
	relying = factor.Relying{ID: "vault.example.com", Origins: []string{"https://vault.example.com"}, Name: "Strongroom"}
	ana     = factor.User{Handle: []byte("usr_0123456789"), Name: "ana@example.com", Display: "Ana Li"}
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// register makes a passkey of d for ana.
func register(t testing.TB, d *device, known ...[]byte) factor.Passkey {
	t.Helper()
	wire, state, err := relying.BeginRegistration(ana, known, noon)
	if err != nil {
		t.Fatal(err)
	}
	p, err := relying.FinishRegistration(state, d.create(t, wire), noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keep finds p's record for its own handle and id alone, as storage does.
func keep(p factor.Passkey) factor.Find {
	return func(handle, id []byte) ([]byte, error) {
		if !bytes.Equal(handle, p.Handle) || !bytes.Equal(id, p.ID) {
			return nil, strongroom.Faultf(strongroom.NotFound, "none", "none")
		}
		return p.Record, nil
	}
}

// assert uses d once for p; discover leaves it to the device to say who.
func assert(t testing.TB, d *device, p factor.Passkey, discover bool) (factor.Passkey, error) {
	t.Helper()
	handle, known := p.Handle, [][]byte{p.Record}
	if discover {
		handle, known = nil, nil
	}
	wire, state, err := relying.BeginAssertion(handle, known, noon)
	if err != nil {
		t.Fatal(err)
	}
	return relying.FinishAssertion(state, d.get(t, wire), keep(p), noon.Add(time.Minute))
}

func TestPasskeyCeremonies(t *testing.T) {
	for name, edwards := range map[string]bool{"ES256": false, "EdDSA": true} {
		for _, discover := range []bool{false, true} {
			d := newDevice(t, edwards)
			p := register(t, d)
			if !bytes.Equal(p.ID, d.id) || !bytes.Equal(p.Handle, ana.Handle) || p.Factors() != 2 || p.SignCount != 0 ||
				p.BackupEligible || p.Model != strings.Repeat("0", 32) {
				t.Errorf("%s: registered %+v", name, p)
			}
			if bytes.Contains(p.Record, []byte("ana@")) || bytes.Contains(p.Record, []byte("Ana")) {
				t.Errorf("%s: the record holds a name", name)
			}
			if len(p.Record) > 800 {
				t.Errorf("%s: a record of %d bytes keeps what is not needed", name, len(p.Record))
			}
			for range 2 { // the new record serves the next assertion
				got, err := assert(t, d, p, discover)
				if err != nil {
					t.Fatalf("%s, discoverable %t: %v", name, discover, err)
				}
				if got.Factors() != 2 || got.Cloned || !bytes.Equal(got.Handle, ana.Handle) || !bytes.Equal(got.ID, d.id) {
					t.Errorf("%s, discoverable %t: %+v", name, discover, got)
				}
				p = got
			}
		}
	}
}

// An authenticator that did not verify the person is one factor, however well it
// signs, and whatever it did on an earlier occasion.
func TestObligation_2_4_7_PresenceIsOneFactor(t *testing.T) {
	d := newDevice(t, false)
	p := register(t, d)
	for _, c := range []struct {
		name    string
		flags   byte
		factors int
	}{{"verified", flagUP | flagUV, 2}, {"present", flagUP, 1}, {"verified again", flagUP | flagUV, 2}} {
		d.flags = c.flags
		got, err := assert(t, d, p, false)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got.Factors() != c.factors || got.UserVerified != (c.factors == 2) {
			t.Errorf("%s: %d factors, verified %t", c.name, got.Factors(), got.UserVerified)
		}
		p = got
	}
	d.flags = flagUV // nobody touched it: not even an answer
	if got, err := assert(t, d, p, false); err == nil {
		t.Errorf("an answer without presence is accepted with %d factors", got.Factors())
	}
	d = newDevice(t, false)
	d.flags = flagUP
	if p := register(t, d); p.Factors() != 1 {
		t.Errorf("a registration without verification proves %d factors", p.Factors())
	}
}

func TestPasskeyOptions(t *testing.T) {
	p := register(t, newDevice(t, false))
	create, _, err := relying.BeginRegistration(ana, [][]byte{p.Record}, noon)
	if err != nil {
		t.Fatal(err)
	}
	get, _, err := relying.BeginAssertion(ana.Handle, [][]byte{p.Record}, noon)
	if err != nil {
		t.Fatal(err)
	}
	find, _, err := relying.BeginAssertion(nil, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	id := b64.EncodeToString(p.ID)
	for name, c := range map[string]struct {
		wire       []byte
		has, lacks []string
	}{
		"create":   {create, []string{`"userVerification":"required"`, `"residentKey":"preferred"`, `"alg":-7`, `"alg":-8`, `"alg":-257`, id, `"attestation":"none"`}, []string{`"alg":-37`, `"alg":-35`}},
		"get":      {get, []string{`"userVerification":"required"`, id, `"rpId":"vault.example.com"`}, []string{"ana", "Ana"}},
		"discover": {find, []string{`"userVerification":"required"`}, []string{"allowCredentials\":[{", "ana", b64.EncodeToString(ana.Handle)}},
	} {
		for _, s := range c.has {
			if !bytes.Contains(c.wire, []byte(s)) {
				t.Errorf("%s lacks %s: %s", name, s, c.wire)
			}
		}
		for _, s := range c.lacks {
			if bytes.Contains(c.wire, []byte(s)) {
				t.Errorf("%s holds %s", name, s)
			}
		}
	}
}

func TestPasskeyLies(t *testing.T) {
	for name, lie := range map[string]func(*device){
		"another origin":         func(d *device) { d.origin = "https://vault.example.com.evil.test" },
		"another port":           func(d *device) { d.origin = "https://vault.example.com:8443" },
		"without TLS":            func(d *device) { d.origin = "http://vault.example.com" },
		"another relying party":  func(d *device) { d.rpID = "example.com" },
		"another ceremony":       func(d *device) { d.kind = "webauthn.other" },
		"a backup of nothing":    func(d *device) { d.flags |= flagBS },
		"another backup promise": func(d *device) { d.flags |= flagBE },
		"a changed signature":    func(d *device) { d.bend = func(s []byte) { s[len(s)-1] ^= 1 } },
		"another key":            func(d *device) { d.key = newDevice(t, false).key },
		"another id":             func(d *device) { d.id = newDevice(t, false).id },
		"another person":         func(d *device) { d.handle = []byte("usr_9876543210") },
	} {
		for _, discover := range []bool{false, true} {
			d := newDevice(t, false)
			p := register(t, d)
			if _, err := assert(t, d, p, discover); err != nil {
				t.Fatal("the honest answer is refused:", err)
			}
			lie(d)
			got, err := assert(t, d, p, discover)
			if !strongroom.IsKind(err, strongroom.Unauthenticated) || got.Factors() != 0 {
				t.Errorf("%s, discoverable %t: %v, %d factors", name, discover, err, got.Factors())
			} else if strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "8443") {
				t.Errorf("%s: the fault repeats what was sent: %v", name, err)
			}
		}
	}
}

func TestPasskeyRegistrationLies(t *testing.T) {
	for name, lie := range map[string]func(*device){
		"another origin":        func(d *device) { d.origin = "https://evil.test" },
		"another relying party": func(d *device) { d.rpID = "evil.test" },
		"an assertion":          func(d *device) { d.kind = "webauthn.get" },
		"nobody present":        func(d *device) { d.flags = 0 },
		"a backup of nothing":   func(d *device) { d.flags |= flagBS },
	} {
		d := newDevice(t, false)
		lie(d)
		wire, state, err := relying.BeginRegistration(ana, nil, noon)
		if err != nil {
			t.Fatal(err)
		}
		_, err = relying.FinishRegistration(state, d.create(t, wire), noon)
		if !strongroom.IsKind(err, strongroom.Invalid) || strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An answer fits the one ceremony it was made for, in its time.
func TestPasskeyReplay(t *testing.T) {
	d := newDevice(t, false)
	p := register(t, d)
	wire, state, err := relying.BeginAssertion(p.Handle, [][]byte{p.Record}, noon)
	if err != nil {
		t.Fatal(err)
	}
	answer := d.get(t, wire)
	wire2, state2, err := relying.BeginAssertion(p.Handle, [][]byte{p.Record}, noon)
	if err != nil || bytes.Equal(wire, wire2) {
		t.Fatal("two ceremonies share a challenge:", err)
	}
	created, regState, err := relying.BeginRegistration(ana, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	end := noon.Add(factor.CeremonyLife)
	for _, c := range []struct {
		name  string
		state []byte
		at    time.Time
		kind  strongroom.Kind
	}{
		{"another challenge", state2, noon, strongroom.Unauthenticated},
		{"the state of a registration", regState, noon, strongroom.Invalid},
		{"too late", state, end, strongroom.Unauthenticated},
		{"no state", nil, noon, strongroom.Invalid},
		{"a cut state", state[:len(state)/2], noon, strongroom.Invalid},
	} {
		if _, err := relying.FinishAssertion(c.state, answer, keep(p), c.at); !strongroom.IsKind(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := relying.FinishAssertion(state, answer, keep(p), end.Add(-time.Second)); err != nil {
		t.Error("the honest answer is refused in its last second:", err)
	}
	if _, err := relying.FinishRegistration(state, d.create(t, created), noon); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Error("the state of an assertion serves a registration:", err)
	}
}

func TestPasskeyCounter(t *testing.T) {
	d := newDevice(t, false)
	d.count = 5
	p := register(t, d)
	for _, c := range []struct {
		count  uint32
		cloned bool
		kept   uint32
	}{{6, false, 6}, {6, true, 6}, {4, true, 6}, {0, true, 6}, {9, false, 9}} {
		d.count = c.count
		got, err := assert(t, d, p, false)
		if err != nil {
			t.Fatal(err)
		}
		if got.Cloned != c.cloned || got.SignCount != c.kept || c.cloned && got.Factors() != 0 {
			t.Errorf("at %d: cloned %t, count %d, %d factors", c.count, got.Cloned, got.SignCount, got.Factors())
		}
		p = got
	}
}

func TestPasskeyBackup(t *testing.T) {
	d := newDevice(t, false)
	d.flags |= flagBE
	p := register(t, d)
	if !p.BackupEligible || p.BackedUp {
		t.Errorf("registered %+v", p)
	}
	d.flags |= flagBS
	if p, err := assert(t, d, p, false); err != nil || !p.BackedUp {
		t.Errorf("backed up %t: %v", p.BackedUp, err)
	}
}

// A ceremony for one passkey is not answered by another of the same person.
func TestPasskeyAllowed(t *testing.T) {
	d, e := newDevice(t, false), newDevice(t, true)
	p, q := register(t, d), register(t, e)
	wire, state, err := relying.BeginAssertion(p.Handle, [][]byte{p.Record}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relying.FinishAssertion(state, e.get(t, wire), keep(q), noon); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Error("another passkey answers:", err)
	}
	wire, state, err = relying.BeginAssertion(p.Handle, [][]byte{p.Record, q.Record}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relying.FinishAssertion(state, e.get(t, wire), keep(q), noon); err != nil {
		t.Error("the second of two passkeys is refused:", err)
	}
}

func TestPasskeyFindFails(t *testing.T) {
	d := newDevice(t, false)
	p := register(t, d)
	wire, state, err := relying.BeginAssertion(nil, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	answer, down := d.get(t, wire), errors.New("the database is away")
	_, err = relying.FinishAssertion(state, answer, func(_, _ []byte) ([]byte, error) { return nil, down }, noon)
	if !errors.Is(err, down) {
		t.Error("a failure of storage is hidden:", err)
	}
	_, err = relying.FinishAssertion(state, answer, func(_, _ []byte) ([]byte, error) { return []byte("{}"), nil }, noon)
	if strongroom.KindOf(err) != strongroom.Internal {
		t.Error("a damaged record:", err)
	}
	other := register(t, newDevice(t, false))
	_, err = relying.FinishAssertion(state, answer, func(_, _ []byte) ([]byte, error) { return other.Record, nil }, noon)
	if !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Error("the record of another passkey:", err)
	}
	d.handle = nil
	wire, state, _ = relying.BeginAssertion(nil, nil, noon)
	if _, err = relying.FinishAssertion(state, d.get(t, wire), keep(p), noon); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Error("an answer that names nobody:", err)
	}
	if _, _, err := relying.BeginAssertion(ana.Handle, nil, noon); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Error("a person without passkeys:", err)
	}
	if _, err := relying.FinishAssertion(state, make([]byte, 65<<10), keep(p), noon); !strongroom.IsKind(err, strongroom.TooLarge) {
		t.Error("a large answer:", err)
	}
}

func TestRelyingCheck(t *testing.T) {
	for _, c := range []struct {
		id, name string
		origins  []string
		ok       bool
	}{
		{"vault.example.com", "S", []string{"https://vault.example.com"}, true},
		{"example.com", "S", []string{"https://vault.example.com:8443", "https://example.com"}, true},
		{"localhost", "S", []string{"http://localhost:8080"}, true},
		{"example.com", "", []string{"https://example.com"}, false},
		{"", "S", []string{"https://example.com"}, false},
		{"https://example.com", "S", []string{"https://example.com"}, false},
		{"example.com", "S", nil, false},
		{"example.com", "S", []string{"http://example.com"}, false},
		{"example.com", "S", []string{"https://badexample.com"}, false},
		{"example.com", "S", []string{"https://example.com/path"}, false},
		{"example.com", "S", []string{"example.com"}, false},
		{"example.com", "S", []string{"https://user@example.com"}, false},
	} {
		r := factor.Relying{ID: c.id, Name: c.name, Origins: c.origins}
		if err := r.Check(); (err == nil) != c.ok {
			t.Errorf("%q %q %v: %v", c.id, c.name, c.origins, err)
		}
		if _, _, err := r.BeginAssertion(nil, nil, noon); (err == nil) != c.ok {
			t.Errorf("%q %q %v begins: %v", c.id, c.name, c.origins, err)
		}
	}
}

// FuzzFinish: no answer and no state makes the ceremonies fall over, and nothing
// but the honest pair proves anything.
func FuzzFinish(f *testing.F) {
	d := newDevice(f, false)
	p := register(f, d)
	wire, state, err := relying.BeginAssertion(p.Handle, [][]byte{p.Record}, noon)
	if err != nil {
		f.Fatal(err)
	}
	answer := d.get(f, wire)
	created, _, _ := relying.BeginRegistration(ana, nil, noon)
	f.Add(state, answer)
	f.Add(state, d.create(f, created))
	f.Add([]byte("{}"), []byte(`{"response":{}}`))
	f.Fuzz(func(t *testing.T, s, a []byte) {
		got, err := relying.FinishAssertion(s, a, keep(p), noon)
		if (err == nil) != (got.Factors() > 0) || !json.Valid(s) && err == nil {
			t.Errorf("%v with %d factors", err, got.Factors())
		}
		_, _ = relying.FinishRegistration(s, a, noon)
	})
}
