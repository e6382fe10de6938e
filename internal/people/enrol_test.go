package people_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// No account is active without two factors, and the last second one stays
// (DPP 2.4.7).
func TestObligation_2_4_7_TwoFactors(t *testing.T) {
	f := fresh(t)
	who := f.enrolling(t, jane())
	refused := func(what string) {
		t.Helper()
		if _, err := f.Complete(t.Context(), who); code(err) != "second-factor" {
			t.Errorf("%s: %v", what, err)
		}
		if got := f.may(t, who.ID); got != "invited" {
			t.Errorf("%s: %q", what, got)
		}
	}
	refused("nothing")
	if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); err != nil {
		t.Fatal(err)
	}
	refused("a password alone")
	secret, uri, err := f.AddTOTP(t.Context(), who)
	if err != nil || !strings.HasPrefix(uri.Reveal(), "otpauth://totp/Strongroom:") {
		t.Fatal(err)
	}
	refused("an app that was not confirmed")
	if err := f.ConfirmTOTP(t.Context(), who, "12345"); code(err) != "totp-code" {
		t.Errorf("a wrong code: %v", err)
	}
	refused("an app with a wrong code")
	if err := f.ConfirmTOTP(t.Context(), who, codeOf(t, secret, f.real.Now())); err != nil {
		t.Fatal(err)
	}
	codes, err := f.Complete(t.Context(), who)
	if err != nil || len(codes) != 10 || f.may(t, who.ID) != "suspended" {
		t.Fatalf("planted: with both: %d codes, %v", len(codes), err)
	}
	if err := f.Resume(t.Context(), f.boss(), who.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Complete(t.Context(), who); err == nil {
		t.Error("an enrolment was completed twice")
	}
	// The enrolment is over with its token.
	if err := f.SetPassword(t.Context(), who, nil, []byte(otherPassword)); code(err) != "link" {
		t.Errorf("a step after the end: %v", err)
	}
	g, err := f.Gauges(t.Context())
	if err != nil || g.OneFactor != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	me := f.actor(who.ID)
	list, pw, err := f.Factors(t.Context(), me, me.ID)
	if err != nil || len(list) != 11 || pw.None || pw.Ends.Sub(pw.Set) != 365*day {
		t.Fatalf("%d factors, %+v, %v", len(list), pw, err)
	}
	var app string
	for _, x := range list {
		if x.Kind == people.TOTP {
			app = x.ID
		}
	}
	if err := f.Remove(t.Context(), me, app); code(err) != "second-factor" {
		t.Errorf("the last second factor was removed: %v", err)
	}
	d := newDevice(t)
	f.addPasskey(t, me, d)
	if err := f.Remove(t.Context(), me, app); err != nil {
		t.Errorf("beside a passkey: %v", err)
	}
	if err := f.Remove(t.Context(), me, app); code(err) != "factor" {
		t.Errorf("twice: %v", err)
	}
	// Planted: the gauge sees an account whose factors somebody took away.
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(takeFactors, who.ID); return err }); err != nil {
		t.Fatal(err)
	}
	if g, err := f.Gauges(t.Context()); err != nil || g.OneFactor != 1 {
		t.Errorf("%+v, %v", g, err)
	}
}

const takeFactors = "delete from people_factor where person = $1 and kind <> 'recovery'"

func (f *fixture) addPasskey(t testing.TB, who strongroom.Actor, d *device) {
	t.Helper()
	options, err := f.AddPasskey(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.FinishPasskey(t.Context(), who, d.create(t, options)); err != nil {
		t.Fatal(err)
	}
}

func TestPasskeyAlone(t *testing.T) {
	f := fresh(t)
	who := f.enrolling(t, li())
	d := newDevice(t)
	// One that does not verify its holder is refused, and the ceremony is over.
	options, err := f.AddPasskey(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	d.flags = present
	answer := d.create(t, options)
	if err := f.FinishPasskey(t.Context(), who, answer); code(err) != "passkey-unverified" {
		t.Errorf("without verification: %v", err)
	}
	if got := f.last(t); got != "account.factor passkey-unverified" {
		t.Errorf("the newest event is %s", got)
	}
	d.flags = present | verified
	if err := f.FinishPasskey(t.Context(), who, d.create(t, options)); code(err) != "passkey-state" {
		t.Errorf("a second answer to one ceremony: %v", err)
	}
	if options, err = f.AddPasskey(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	f.real.SetOffset(6 * time.Minute)
	if err := f.FinishPasskey(t.Context(), who, d.create(t, options)); code(err) != "passkey-expired" {
		t.Errorf("too late: %v", err)
	}
	f.addPasskey(t, who, d)
	if codes, err := f.Complete(t.Context(), who); err != nil || codes != nil {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	_, pw, err := f.Factors(t.Context(), f.boss(), who.ID)
	if err != nil || !pw.None || f.standing(t, who.ID).PasswordDue {
		t.Errorf("no password is not applicable: %+v, %v", pw, err)
	}
	if _, err := f.VerifyPassword(t.Context(), who.ID, []byte(goodPassword)); code(err) != "password-wrong" {
		t.Errorf("%v", err)
	}
	if err := f.RequireChange(t.Context(), f.boss(), who.ID); code(err) != "no-password" {
		t.Errorf("%v", err)
	}
	// The same authenticator is not taken for somebody else.
	other := f.enrolling(t, jane())
	if options, err = f.AddPasskey(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := f.FinishPasskey(t.Context(), other, d.create(t, options)); code(err) != "passkey-known" {
		t.Errorf("another's passkey: %v", err)
	}
	f.usePasskey(t, who.ID, d)
}

// usePasskey signs in with a passkey as package session does.
func (f *fixture) usePasskey(t *testing.T, id string, d *device) {
	var handle []byte
	var records [][]byte
	read := func(fn func(r *db.Reader) error) {
		t.Helper()
		if err := f.db.Read(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	read(func(r *db.Reader) (err error) {
		handle, records, err = f.Passkeys(r, id)
		return err
	})
	if len(records) != 1 || string(handle) != id {
		t.Fatalf("%d records of %q", len(records), handle)
	}
	for _, nobody := range []string{"", strongroom.NewID("usr"), "jane"} {
		read(func(r *db.Reader) error {
			if h, rs, err := f.Passkeys(r, nobody); h != nil || rs != nil || err != nil {
				t.Errorf("nobody has passkeys: %v", err)
			}
			return nil
		})
	}
	wire, state, err := f.opts.Relying.BeginAssertion(handle, records, f.real.Now())
	if err != nil {
		t.Fatal(err)
	}
	answer := d.get(t, wire, id)
	var old []byte
	find := func(handle, raw []byte) (record []byte, err error) {
		read(func(r *db.Reader) error {
			_, record, err = f.Passkey(r, handle, raw)
			return nil
		})
		old = record
		return record, err
	}
	used, err := f.opts.Relying.FinishAssertion(state, answer, find, f.real.Now())
	if err != nil || used.Factors() != 2 {
		t.Fatal(err)
	}
	keep := func(person string) error {
		return f.do(f.boss(), func(tx *guard.Tx) error { return f.KeepPasskey(tx, person, used, old) })
	}
	if err := keep(strongroom.NewID("usr")); code(err) != "passkey-used" {
		t.Errorf("another's: %v", err)
	}
	if err := keep(id); err != nil {
		t.Error(err)
	}
	if err := keep(id); code(err) != "passkey-used" {
		t.Errorf("kept twice: %v", err)
	}
	read(func(r *db.Reader) error {
		if _, _, err := f.Passkey(r, []byte(strongroom.NewID("usr")), d.id); !strongroom.IsKind(err, strongroom.NotFound) {
			t.Errorf("another's handle: %v", err)
		}
		return nil
	})
}

// Codes work once, by the store.
func TestCodesWorkOnce(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	other := f.member(t, li())
	at := f.real.Now().Add(2 * time.Minute) // past the step that confirmed the app
	try := func(use func(tx *guard.Tx) (bool, error)) (ok bool) {
		t.Helper()
		if err := f.do(f.boss(), func(tx *guard.Tx) (err error) {
			ok, err = use(tx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	totp := func(id, text string, at time.Time) bool {
		return try(func(tx *guard.Tx) (bool, error) { return f.UseTOTP(tx, id, text, at) })
	}
	recovery := func(id, text string) bool {
		return try(func(tx *guard.Tx) (bool, error) { return f.UseRecovery(tx, id, text) })
	}
	now := codeOf(t, m.secret, at)
	if totp(m.ID, "000000x", at) || totp(other.ID, now, at) || totp("jane", now, at) || totp(strongroom.NewID("usr"), now, at) {
		t.Error("a wrong code, or another's, was taken")
	}
	if !totp(m.ID, now, at) {
		t.Error("planted: the right code was refused")
	}
	if totp(m.ID, now, at) || totp(m.ID, codeOf(t, m.secret, at.Add(-30*time.Second)), at) {
		t.Error("a code was taken twice, or one before it")
	}
	if !totp(m.ID, codeOf(t, m.secret, at.Add(30*time.Second)), at.Add(30*time.Second)) {
		t.Error("the next code was refused")
	}
	text := m.codes[0].Reveal()
	if recovery(other.ID, text) || recovery(m.ID, "nonsense") || recovery("jane", text) {
		t.Error("a wrong recovery code, or another's, was taken")
	}
	if !recovery(m.ID, strings.ToUpper(text)) {
		t.Error("planted: the right recovery code was refused")
	}
	if recovery(m.ID, text) {
		t.Error("a recovery code was taken twice")
	}
	// What a sign-in that fails used up is not used up.
	if err := f.do(f.boss(), func(tx *guard.Tx) error {
		if ok, err := f.UseRecovery(tx, m.ID, m.codes[1].Reveal()); !ok || err != nil {
			t.Error(ok, err)
		}
		return strongroom.Faultf(strongroom.Denied, "elsewhere", "no")
	}); err == nil {
		t.Fatal("no error")
	}
	if !recovery(m.ID, m.codes[1].Reveal()) {
		t.Error("a code was used up by a sign-in that did not happen")
	}
	// A new set ends the old one.
	fresh, err := f.RecoveryCodes(t.Context(), f.again(m))
	if err != nil || len(fresh) != 10 || recovery(m.ID, m.codes[2].Reveal()) || !recovery(m.ID, fresh[0].Reveal()) {
		t.Errorf("%d, %v", len(fresh), err)
	}
	if err := f.db.Read(t.Context(), func(r *db.Reader) error {
		kinds, err := f.Offers(r, m.ID)
		if len(kinds) != 2 {
			t.Errorf("%v", kinds)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// A new app replaces the old one only when it is confirmed.
	next, _, err := f.AddTOTP(t.Context(), f.again(m))
	if err != nil {
		t.Fatal(err)
	}
	later := at.Add(5 * time.Minute)
	if totp(m.ID, codeOf(t, next, later), later) || !totp(m.ID, codeOf(t, m.secret, later), later) {
		t.Error("an app that was not confirmed works, or the old one does not")
	}
	if err := f.ConfirmTOTP(t.Context(), f.again(m), codeOf(t, next, f.real.Now())); err != nil {
		t.Fatal(err)
	}
	later = later.Add(time.Minute)
	if !totp(m.ID, codeOf(t, next, later), later) || totp(m.ID, codeOf(t, m.secret, later), later) {
		t.Error("the old app still works, or the new one does not")
	}
}

// A link works once, for 72 hours, and only the newest.
func TestLinks(t *testing.T) {
	f := fresh(t)
	x := f.add(t, jane())
	invite := func() people.Link {
		t.Helper()
		link, err := f.Invite(t.Context(), f.boss(), x.ID)
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	open := func(text string) string {
		_, err := f.Enrol(t.Context(), text, "http")
		return code(err)
	}
	old := invite()
	link := invite()
	text := link.Token.Reveal()
	for what, bad := range map[string]string{
		"nothing": "", "a name": janeMail, "the old one": old.Token.Reveal(), "a cut one": text[:len(text)-1],
		"a changed one": text[:20] + flip(text[20:]), "another environment": strings.Replace(text, "live", "test", 1),
	} {
		if got := open(bad); got != "link" {
			t.Errorf("%s: %q", what, got)
		}
	}
	f.clock.SetOffset(people.LinkLife + time.Minute)
	if got := open(text); got != "link" {
		t.Errorf("after 72 hours: %q", got)
	}
	f.clock.SetOffset(people.LinkLife - time.Minute)
	e, err := f.Enrol(t.Context(), text, "http")
	if err != nil || e.Name != janeName || e.Person != x.ID {
		t.Fatalf("planted: %v", err)
	}
	if got := open(text); got != "link" {
		t.Errorf("twice: %q", got)
	}
	who, err := f.Enrolling(t.Context(), e.Token.Reveal(), "http")
	if err != nil || who.ID != x.ID || len(who.Roles) != 0 || who.AllStores {
		t.Fatalf("%+v, %v", who, err)
	}
	if _, err := f.Enrolling(t.Context(), text, "http"); code(err) != "link" {
		t.Errorf("a link is no enrolment: %v", err)
	}
	if _, err := f.Get(t.Context(), who, f.add(t, li()).ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an enrolment reads others: %v", err)
	}
	f.clock.SetOffset(people.LinkLife + people.EnrolmentLife)
	if _, err := f.Enrolling(t.Context(), e.Token.Reveal(), "http"); code(err) != "link" {
		t.Errorf("an enrolment after its hour: %v", err)
	}
	if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); code(err) != "link" {
		t.Errorf("a step after its hour: %v", err)
	}
	// A suspended person's link is worth nothing, nor is one moved to another row.
	f.clock.SetOffset(0)
	link = invite()
	if err := f.Suspend(t.Context(), f.boss(), x.ID, people.Request); err != nil {
		t.Fatal(err)
	}
	if got := open(link.Token.Reveal()); got != "link" {
		t.Errorf("suspended: %q", got)
	}
	if err := f.Resume(t.Context(), f.boss(), x.ID); err != nil || f.may(t, x.ID) != "invited" {
		t.Errorf("%v", err)
	}
	link = invite()
	thief := f.enrolling(t, people.Spec{Name: "Thea Thief", Email: "tt@kitchen.example", Employment: people.Intern, Source: "hand"})
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(moveLink, thief.ID, x.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := open(link.Token.Reveal()); got != "link" {
		t.Errorf("moved: %q", got)
	}
}

const moveLink = "update people_link set person = $1 where person = $2"

func flip(s string) string {
	if s[0] == '0' {
		return "1" + s[1:]
	}
	return "0" + s[1:]
}

// A reset takes everything away and ends the sessions; the old link, password and
// codes are worth nothing.
func TestReset(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	boss := f.boss()
	link, err := f.Reset(t.Context(), boss, m.ID)
	if err != nil || len(f.closed) != 1 || f.may(t, m.ID) != "invited" {
		t.Fatal(err, f.closed)
	}
	if _, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); code(err) != "password-wrong" {
		t.Errorf("the old password: %v", err)
	}
	who := f.follow(t, link)
	if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); code(err) != "password-used" {
		t.Errorf("the old password again: %v", err)
	}
	if err := f.SetPassword(t.Context(), who, nil, []byte(otherPassword)); err != nil { // no least age
		t.Fatal(err)
	}
	if err := f.SetPassword(t.Context(), who, nil, []byte("third Bulldog 55 yum?")); err != nil { // second thoughts
		t.Fatal(err)
	}
	f.totp(t, who)
	if _, err := f.Complete(t.Context(), who); err != nil || f.may(t, m.ID) != "suspended" {
		t.Error(err)
	}
	if err := f.Resume(t.Context(), boss, m.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("whoever reset lets in as well: %v", err)
	}
	if err := f.Resume(t.Context(), f.boss(), m.ID); err != nil || f.may(t, m.ID) != "" {
		t.Error(err)
	}
	if _, err := f.Invite(t.Context(), f.boss(), m.ID); code(err) != "person-state" {
		t.Errorf("an active person is invited: %v", err)
	}
}

// No name, no address and no secret is in any byte at rest, in an event, or in the
// operational log, and no secret prints.
func TestNothingInClear(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	d := newDevice(t)
	f.addPasskey(t, f.again(m), d)
	link, err := f.Invite(t.Context(), f.boss(), f.add(t, li()).ID)
	if err != nil {
		t.Fatal(err)
	}
	e, err := f.Enrol(t.Context(), link.Token.Reveal(), "http")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.SetPassword(t.Context(), f.again(m), []byte(goodPassword), []byte("jane"))
	_, _, _ = f.LookupEmail(t.Context(), janeMail)
	_, _ = f.Get(t.Context(), f.boss(), janeMail)
	_ = f.RecordTraining(t.Context(), f.boss(), janeMail, people.DataProtection, janeName, time.Time{})
	_, _ = f.VerifyPassword(t.Context(), janeMail, []byte(goodPassword))
	_, _ = f.tryAdd(jane(), strongroom.NewID("req"))
	disk := f.disk(t)
	secrets := []string{
		janeName, "Margarethe", "Überwasser", "Ueberwasser", janeMail, "jane.ueberwasser", "kitchen.example", liName, liMail, goodPassword,
		m.codes[0].Reveal(), strings.ReplaceAll(m.codes[0].Reveal(), "-", ""), link.Token.Reveal(), e.Token.Reveal(),
		string(m.secret.Expose(nil)), m.secret.Text().Reveal(), string(d.id), b64.EncodeToString(d.id),
	}
	for _, s := range secrets {
		if bytes.Contains(bytes.ToLower(disk), bytes.ToLower([]byte(s))) {
			t.Errorf("%q is at rest in clear", s)
		}
	}
	if !bytes.Contains(disk, []byte(m.ID)) || !bytes.Contains(disk, []byte("account.password")) { // planted: what is there is found
		t.Error("the search finds nothing at all")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, link); strings.Contains(out, link.Token.Reveal()[9:20]) {
			t.Errorf("%s prints the link", verb)
		}
	}
	text, err := json.Marshal(link)
	var line bytes.Buffer
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "l", link.Token)
	if err != nil || strings.Contains(string(text)+line.String(), link.Token.Reveal()[9:20]) {
		t.Errorf("the link prints: %v", err)
	}
}
