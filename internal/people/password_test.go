package people_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/password"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// A password as weak as the policy forbids is refused where it is set, whoever
// sets it, and the fault says all that is wrong and repeats nothing (DPP 2.4.1 to
// 2.4.4; the rules themselves are tested in package password).
func TestObligation_2_4_1_WeakPasswordsAreRefused(t *testing.T) {
	for _, c := range []struct{ clause, typed, code string }{
		{"2.4.2", "Ab3!efgh1", "password-short"},
		{"2.4.2", "Ab3!efghjkl", "password-short"},
		{"2.4.3", "Quick-Jane7-Clouds", "password-name"},
		{"2.4.3", "Quick-enaj7-Clouds", "password-name"},
		{"2.4.3", "Quick-WASSER7-Clouds", "password-name"},
		{"2.4.4", "quick-violin7-clouds", "password-classes"},
		{"2.4.4", "QUICK-VIOLIN7-CLOUDS", "password-classes"},
		{"2.4.4", "Quick-Violin-Clouds", "password-classes"},
		{"2.4.4", "QuickViolin7Clouds", "password-classes"},
		{"", "Kubikulus-77-Quox!", "password-word"},
		{"", "", "password-form"},
		{"", "Quick\x00Violin7-Clouds", "password-form"},
	} {
		f := fresh(t)
		who := f.enrolling(t, jane())
		err := f.SetPassword(t.Context(), who, nil, []byte(c.typed))
		if code(err) != c.code || !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%s %q: %v", c.clause, c.typed, err)
			continue
		}
		if c.typed != "" && strings.Contains(err.Error(), c.typed) || strings.Contains(strings.ToLower(err.Error()), "jane") {
			t.Errorf("the fault repeats what was typed or the name: %v", err)
		}
		if got := f.last(t); got != "account.password "+c.code {
			t.Errorf("%q: the newest event is %s", c.typed, got)
		}
	}
	f := fresh(t) // planted: a good one is taken
	if err := f.SetPassword(t.Context(), f.enrolling(t, jane()), nil, []byte(goodPassword)); err != nil {
		t.Error(err)
	}
}

func TestObligation_2_4_2_TwelveCharacters(t *testing.T) {
	f := fresh(t)
	who := f.enrolling(t, jane())
	if err := f.SetPassword(t.Context(), who, nil, []byte("Ku7!Xilo-Pd")); code(err) != "password-short" {
		t.Errorf("eleven: %v", err)
	}
	if err := f.SetPassword(t.Context(), who, nil, []byte("Ku7!Xilo-Pdb")); err != nil {
		t.Errorf("twelve: %v", err)
	}
}

func TestObligation_2_4_3_NoPartOfTheName(t *testing.T) {
	f := fresh(t)
	for _, typed := range []string{"Quick-李7-Clouds!x", "Quick-li.na7-Clouds", "Quick-NaLi.7-Clouds"} {
		s := li()
		s.Email = strongroom.NewID("x")[2:] + "@kitchen.example"
		if strings.Contains(typed, "li") || strings.Contains(typed, "Li") {
			s.Name = "Li Na"
		}
		if err := f.SetPassword(t.Context(), f.enrolling(t, s), nil, []byte(typed)); code(err) != "password-name" {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestObligation_2_4_4_FourClasses(t *testing.T) {
	strict := password.Default()
	strict.Digit, strict.Special = 3, 2
	f := fresh(t, func(o *people.Options) { o.Profile = strict })
	who := f.enrolling(t, jane())
	err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword))
	if code(err) != "password-classes" || !strings.Contains(err.Error(), "3 digits") {
		t.Errorf("one digit under a stricter profile: %v", err)
	}
	if err := f.SetPassword(t.Context(), who, nil, []byte("Quick-Violin7-Clouds-92")); err != nil {
		t.Error(err)
	}
}

// A password younger than a day is not changed, unless somebody else asked for it,
// and that is recorded (DPP 2.4.5).
func TestObligation_2_4_5_TooYoung(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	change := func(old, next string) error {
		return f.SetPassword(t.Context(), f.again(m), []byte(old), []byte(next))
	}
	f.clock.SetOffset(day - time.Hour)
	if err := change(goodPassword, otherPassword); code(err) != "password-young" {
		t.Errorf("after 23 hours: %v", err)
	}
	if got := f.last(t); got != "account.password password-young" {
		t.Errorf("the newest event is %s", got)
	}
	if err := f.RequireChange(t.Context(), f.boss(), m.ID); err != nil {
		t.Fatal(err)
	}
	if p, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); err != nil || !p.MustChange || !f.standing(t, m.ID).PasswordDue {
		t.Errorf("a change that is asked for is not seen: %+v, %v", p, err)
	}
	if err := change(goodPassword, otherPassword); err != nil {
		t.Errorf("a forced change: %v", err)
	}
	forced := false
	for _, e := range f.events(t) {
		for _, n := range e.Notes {
			forced = forced || e.Action.Name == "account.password" && n.Key == "mode"
		}
	}
	if !forced {
		t.Error("the log does not tell that the change was forced")
	}
	if err := change(otherPassword, "third Bulldog 55 yum?"); code(err) != "password-young" {
		t.Errorf("force lasts: %v", err)
	}
	f.clock.SetOffset(2*day + time.Hour)
	if err := change(otherPassword, "third Bulldog 55 yum?"); err != nil {
		t.Errorf("after a day: %v", err)
	}
}

// No password is good after a year, and the oldest is known (DPP 2.4.6).
func TestObligation_2_4_6_TooOld(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	for _, c := range []struct {
		age     time.Duration
		expired bool
	}{{0, false}, {364 * day, false}, {365*day + time.Hour, true}} {
		f.clock.SetOffset(c.age)
		p, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword))
		if err != nil || p.Expired != c.expired || f.standing(t, m.ID).PasswordDue != c.expired {
			t.Errorf("at %s: %+v, %v", c.age, p, err)
		}
		g, err := f.Gauges(t.Context())
		if err != nil || g.OldestPassword < c.age || g.OldestPassword > c.age+time.Minute || (g.Overdue == 1) != c.expired {
			t.Errorf("at %s: %+v, %v", c.age, g, err)
		}
	}
	if err := f.SetPassword(t.Context(), f.again(m), []byte(goodPassword), []byte(otherPassword)); err != nil {
		t.Fatal(err)
	}
	if p, err := f.VerifyPassword(t.Context(), m.ID, []byte(otherPassword)); err != nil || p.Expired {
		t.Errorf("a new one: %+v, %v", p, err)
	}
	if g, _ := f.Gauges(t.Context()); g.Overdue != 0 || g.OldestPassword > time.Minute {
		t.Errorf("former passwords count: %+v", g)
	}
}

func TestHistory(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	word := func(i int) string {
		if i == 0 {
			return goodPassword
		}
		return fmt.Sprintf("Quick-Violin%d-Clouds", 70+i)
	}
	at := time.Duration(0)
	change := func(old, next string) error {
		at += 2 * day
		f.clock.SetOffset(at)
		return f.SetPassword(t.Context(), f.again(m), []byte(old), []byte(next))
	}
	for i := 1; i <= 11; i++ {
		if err := change(word(i-1), word(i)); err != nil {
			t.Fatal(i, err)
		}
	}
	for i := 1; i <= 11; i++ {
		if err := change(word(11), word(i)); code(err) != "password-used" {
			t.Errorf("%d changes ago: %v", 11-i, err)
		}
	}
	// Another spelling of the same text is the same password.
	if err := change(word(11), "Quick-Ｖiolin81-Clouds"); code(err) != "password-used" {
		t.Errorf("in full-width letters: %v", err)
	}
	if err := change(word(11), word(0)); err != nil {
		t.Errorf("planted: eleven changes ago: %v", err)
	}
	if err := change("wrong", otherPassword); code(err) != "password-wrong" || !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("with a wrong old one: %v", err)
	}
	stale := m.Actor
	stale.Standing.Verified = f.real.Now().Add(-people.Fresh - time.Minute)
	if err := f.SetPassword(t.Context(), stale, []byte(word(0)), []byte(otherPassword)); code(err) != "step-up" {
		t.Errorf("without two factors shown lately: %v", err)
	}
	service := strongroom.Actor{Kind: strongroom.ServiceActor, ID: m.ID, AllStores: true, Door: "http"}
	if err := f.SetPassword(t.Context(), service, []byte(word(0)), []byte(otherPassword)); err == nil {
		t.Error("a service sets a password")
	}
}

// Whoever asks about an account that is not there waits as long, and gets the same
// answer.
func TestUnknownTakesAsLong(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	once := func(person, typed string) time.Duration {
		began := time.Now()
		_, err := f.VerifyPassword(t.Context(), person, []byte(typed))
		if code(err) != "password-wrong" || !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Fatalf("%q: %v", person, err)
		}
		return time.Since(began)
	}
	for _, c := range [][2]string{{strongroom.NewID("usr"), "a wrong one"}, {"", "a wrong one"}, {m.ID, ""}, {m.ID, strings.Repeat("x", 10_000)}, {janeMail, goodPassword}} {
		got, known := leastInTurns(func() time.Duration { return once(c[0], c[1]) }, func() time.Duration { return once(m.ID, "a wrong one") })
		if !alike(got, known) {
			t.Errorf("%q, %d letters: %s, known %s", c[0], len(c[1]), got, known)
		}
	}
	// Planted: an answer without the work is noticed, however often one looks.
	if got, known := leastInTurns(func() time.Duration { return time.Millisecond / 10 }, func() time.Duration { return once(m.ID, "a wrong one") }); alike(got, known) {
		t.Errorf("the comparison cannot fail: %s and %s", got, known)
	}
}

func alike(a, b time.Duration) bool { return a > b/4 && a < b*4 }

// leastInTurns measures two things in turns, so that what else the machine does
// falls on both, and returns the least of each. While they are not alike it looks
// again: the least time is that of the work, which chance makes longer, never
// shorter.
func leastInTurns(a, b func() time.Duration) (x, y time.Duration) {
	x, y = time.Hour, time.Hour
	for i := range 40 {
		if x, y = min(x, a()), min(y, b()); i >= 4 && alike(x, y) {
			break
		}
	}
	return x, y
}

// A hash of a lower cost is made anew by a sign-in, and of nothing else.
func TestRehash(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	sealed := func() (b []byte) {
		if err := f.db.Read(t.Context(), func(r *db.Reader) error { return r.QueryRow(onePassword).Scan(&b) }); err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := sealed()
	o := f.opts
	o.Cost = seal.Params{Time: 2, Memory: 19 << 10, Threads: 1}
	dearer := people.New(o)
	if _, err := dearer.VerifyPassword(t.Context(), m.ID, []byte("wrong")); err == nil || !bytes.Equal(first, sealed()) {
		t.Error("a wrong password changed the hash")
	}
	if _, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); err != nil || !bytes.Equal(first, sealed()) {
		t.Error("the same cost changed the hash")
	}
	if _, err := dearer.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); err != nil || bytes.Equal(first, sealed()) {
		t.Errorf("a higher cost did not change the hash: %v", err)
	}
	second := sealed()
	if _, err := dearer.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); err != nil || !bytes.Equal(second, sealed()) {
		t.Errorf("it is made anew each time: %v", err)
	}
}

const onePassword = "select sealed from people_password where current = 1"

// Two changes at once: one wins, the other is told.
func TestConcurrentChanges(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	if err := f.RequireChange(t.Context(), f.boss(), m.ID); err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 4)
	for i := range 4 {
		go func() {
			answers <- f.SetPassword(context.Background(), f.again(m), []byte(goodPassword), fmt.Appendf(nil, "old %d Tulips Singing!", 80+i))
		}()
	}
	won := 0
	for range 4 {
		switch err := <-answers; code(err) {
		case "":
			won++
		case "password-changed", "password-young", "password-wrong":
		default:
			t.Errorf("%v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	if p, err := f.passwordOf(t, m.ID); err != nil || p.MustChange {
		t.Errorf("%+v, %v", p, err)
	}
}

func (f *fixture) passwordOf(t testing.TB, id string) (p people.Password, err error) {
	t.Helper()
	err = f.db.Read(t.Context(), func(r *db.Reader) error {
		p, err = f.PasswordOf(r, id, r.Now())
		return err
	})
	return p, err
}

const (
	younger   = "update people_password set set_at = set_at + 1 where person = $1"
	noForce   = "update people_password set must_change = 1 - must_change where person = $1"
	sameHash  = "update people_password set sealed = (select sealed from people_password where person = $2) where person = $1"
	stepBack  = "update people_factor set step = step - 5 where person = $1 and kind = 'totp'"
	isPending = "update people_factor set pending = 1 - pending where person = $1 and kind = 'totp'"
	sameApp   = "update people_factor set sealed = (select sealed from people_factor where person = $2 and kind = 'totp') where person = $1 and kind = 'totp'"
)

// Who can write to the database alone makes no password younger, lets no code work
// twice, and gives nobody the password or the app of another.
func TestEditedProofs(t *testing.T) {
	f := fresh(t)
	mine := f.member(t, people.Spec{Name: "Thea Thief", Email: "tt@kitchen.example", Employment: people.Intern, Source: "hand"})
	for name, edit := range map[string]func(tx *db.Tx, id string) error{
		"age":      func(tx *db.Tx, id string) error { _, err := tx.Exec(younger, id); return err },
		"force":    func(tx *db.Tx, id string) error { _, err := tx.Exec(noForce, id); return err },
		"password": func(tx *db.Tx, id string) error { _, err := tx.Exec(sameHash, id, mine.ID); return err },
	} {
		s := jane()
		s.Email = name + ".doe@kitchen.example"
		m := f.member(t, s)
		if _, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); err != nil {
			t.Fatal("planted:", err)
		}
		if err := f.db.Update(t.Context(), func(tx *db.Tx) error { return edit(tx, m.ID) }); err != nil {
			t.Fatal(err)
		}
		if _, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); code(err) != "person-sealed" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.passwordOf(t, m.ID); code(err) != "person-sealed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, edit := range map[string]func(tx *db.Tx, id string) error{
		"step":    func(tx *db.Tx, id string) error { _, err := tx.Exec(stepBack, id); return err },
		"pending": func(tx *db.Tx, id string) error { _, err := tx.Exec(isPending, id); return err },
		"app":     func(tx *db.Tx, id string) error { _, err := tx.Exec(sameApp, id, mine.ID); return err },
	} {
		s := jane()
		s.Email = name + ".doe@kitchen.example"
		m := f.member(t, s)
		if err := f.db.Update(t.Context(), func(tx *db.Tx) error { return edit(tx, m.ID) }); err != nil {
			t.Fatal(err)
		}
		at := f.real.Now().Add(time.Minute)
		err := f.do(f.boss(), func(tx *guard.Tx) error {
			ok, err := f.UseTOTP(tx, m.ID, codeOf(t, m.secret, at), at)
			if ok {
				t.Errorf("%s: an edited app signs in", name)
			}
			return err
		})
		if name != "pending" && code(err) != "person-sealed" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
