package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/people"
	"strongroom/internal/session"
)

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}

func foreign(testing.TB) string { return session.NewToken(strongroom.Test).Reveal() }
func strange(testing.TB) string { return session.NewToken(strongroom.Production).Reveal() }

// answer is all that a caller learns from a refusal.
func answer(err error) string {
	if err == nil {
		return "ok"
	}
	var f *strongroom.Fault
	if !errors.As(err, &f) {
		return "not a fault: " + err.Error()
	}
	return fmt.Sprintf("%v %s %v", f.Kind, f.Code, err)
}

// TestEnumeration asks every entrance about an address that is known and one that
// is not: the answers must be alike, from the first to the last failure.
func TestEnumeration(t *testing.T) {
	// ask returns all answers of all entrances about one address.
	turn := 0
	ask := func(f *fixture, email string) (out []string) {
		turn += 100 // each from sources of its own
		said := func(ch session.Challenge, err error) {
			out = append(out, fmt.Sprintf("%v %d %s", ch.Methods, len(ch.ID), answer(err)))
		}
		for i := range 30 {
			ch, err := f.Begin(t.Context(), email, stranger(turn+i))
			said(ch, err)
			for _, typed := range []string{"wrong", "", strings.Repeat("x", 5000)} {
				said(f.Password(t.Context(), ch.ID, []byte(typed), stranger(turn+i)))
			}
			_, err = f.TOTP(t.Context(), ch.ID, "123456", stranger(turn+i))
			out = append(out, answer(err))
			_, err = f.Recovery(t.Context(), ch.ID, "abcd", stranger(turn+i))
			out = append(out, answer(err))
			_, err = f.SecondPasskey(t.Context(), ch.ID, stranger(turn+i))
			out = append(out, answer(err))
			_, err = f.Passkey(t.Context(), ch.ID, []byte("{}"), stranger(turn+i))
			out = append(out, answer(err))
			f.pass(16 * time.Minute)
		}
		return out
	}
	f := fresh(t)
	ana := f.people.add("ana@example.com", "owner")
	f.people.addPasskey(t, ana, f.real.Now())
	gone := f.people.add("gone@example.com")
	f.people.with(gone.id, func(x *person) { x.Active = false })
	want := ask(f, "nobody@example.com")
	if !containsAny(strings.Join(want, ""), "sign-in-wait") {
		t.Error("the test does not come as far as waiting")
	}
	for _, email := range []string{ana.email, gone.email, "", "no address", strings.Repeat("long", 200)} {
		if got := ask(f, email); !slices.Equal(got, want) {
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("answer %d tells a known account from an unknown one:\n%s\n%s", i, got[i], want[i])
					break
				}
			}
		}
	}
	// The planted mistake: an account that answers otherwise is noticed.
	f.people.with(ana.id, func(x *person) { x.password = "wrong" })
	must0(t, f.Unlock(t.Context(), f.security(), ana.id))
	if slices.Equal(ask(f, ana.email), want) {
		t.Error("the comparison cannot fail")
	}
}

// TestHalfEnrolled shows that the right password of an account without a second factor
// is answered, counted and recorded as that of nobody.
func TestHalfEnrolled(t *testing.T) {
	ask := func(f *fixture, email string) (out []string) {
		for i := range 30 {
			ch := must(f.Begin(t.Context(), email, stranger(i)))(t)
			ch, err := f.Password(t.Context(), ch.ID, []byte(rightPassword), stranger(i))
			out = append(out, fmt.Sprintf("%v %d %s", ch.Methods, len(ch.ID), answer(err)))
			f.pass(16 * time.Minute)
		}
		return append(out, fmt.Sprint(f.refused, len(f.events("")), f.people.verified()))
	}
	half := func(half bool) (*fixture, *person) {
		f := fresh(t)
		x := f.people.add("half@example.com", "owner")
		f.people.with(x.id, func(x *person) { x.half = half })
		return f, x
	}
	f, _ := half(true)
	want := ask(f, "nobody@example.com")
	f, x := half(true)
	if got := ask(f, x.email); !slices.Equal(got, want) {
		t.Errorf("the right password of an account without a second factor:\n%s\nof nobody:\n%s", got, want)
	}
	// What strangers tried before counts for nothing once the account is complete.
	f.people.with(x.id, func(x *person) { x.half = false })
	f.signIn(x, home)
	// The planted mistake: an account that is told from nobody is noticed.
	if f, x := half(false); slices.Equal(ask(f, x.email), want) {
		t.Error("the comparison cannot fail")
	}
}

// TestTiming compares how long a wrong password takes where there is an account and
// where there is none, and shows that the comparison notices the usual shortcut.
func TestTiming(t *testing.T) {
	const rounds = 25
	measure := func(leaky bool) (ratio float64) {
		f := fresh(t)
		f.people.cost, f.people.leaky = true, leaky
		var known, unknown []time.Duration
		for i := range rounds {
			f.people.add(fmt.Sprintf("p%d@example.com", i))
			both := []struct {
				who string
				to  *[]time.Duration
			}{{"p", &known}, {"q", &unknown}}
			if i%2 == 1 { // whoever comes second finds the machine warmer
				slices.Reverse(both)
			}
			for _, x := range both {
				email := fmt.Sprintf("%s%d@example.com", x.who, i)
				ch := must(f.Begin(t.Context(), email, stranger(i)))(t)
				start := time.Now()
				_, err := f.Password(t.Context(), ch.ID, []byte("wrong"), stranger(i))
				*x.to = append(*x.to, time.Since(start))
				wantCode(t, err, "sign-in")
			}
		}
		slices.Sort(known)
		slices.Sort(unknown)
		// The faster half: what else the machine does only ever adds.
		return float64(sum(unknown[:rounds/2])) / float64(sum(known[:rounds/2]))
	}
	const slack = 0.25
	r := 0.0
	for range 3 {
		if r = measure(true); r <= 1-slack {
			break
		}
	}
	if r > 1-slack {
		t.Errorf("the comparison does not notice a shortcut: %.2f", r)
	}
	for range 6 { // a busy machine may spoil some measurements, not six
		if r = measure(false); r > 1-slack && r < 1+slack {
			t.Logf("an unknown address takes %.2f of the time of a known one", r)
			return
		}
	}
	t.Errorf("an unknown address takes %.2f of the time of a known one", r)
}

// TestTimingWithPeople does the same with the people of the product, who hash the
// password: for somebody and for nobody.
func TestTimingWithPeople(t *testing.T) {
	f := fresh(t, people.Schema())
	p, boss := f.withPeople()
	const rounds = 12
	took := map[string][]time.Duration{}
	for i := range rounds {
		emails := map[string]string{"known": fmt.Sprintf("jane%d.ueberwasser@kitchen.example", i), "unknown": fmt.Sprintf("jane%d.ueberwasser@cellar.example", i)}
		enrol(t, f, p, boss, emails["known"])
		for who, email := range emails {
			ch := must(f.Begin(t.Context(), email, stranger(i)))(t)
			start := time.Now()
			_, err := f.Password(t.Context(), ch.ID, []byte("wrong"), stranger(i))
			took[who] = append(took[who], time.Since(start))
			wantCode(t, err, "sign-in")
		}
	}
	slices.Sort(took["known"])
	slices.Sort(took["unknown"])
	r := float64(sum(took["unknown"][:rounds/2])) / float64(sum(took["known"][:rounds/2]))
	t.Logf("an unknown address takes %.2f of the time of a known one (%v)", r, took["known"][0])
	if r < 0.6 || r > 1.6 {
		t.Errorf("an unknown address takes %.2f of the time of a known one", r)
	}
}

func sum(ds []time.Duration) (all time.Duration) {
	for _, d := range ds {
		all += d
	}
	return all
}

// TestBusy shows that passwords are verified a few at a time and that the line of
// those who wait is bounded.
func TestBusy(t *testing.T) {
	f := fresh(t)
	f.people.cost = true
	f.Sessions = f.another(func(o *session.Options) { o.Hashing, o.Waiting = 1, 1 })
	errs := make(chan error, 12)
	for i := range cap(errs) {
		ch := must(f.Begin(t.Context(), fmt.Sprintf("p%d@example.com", i), stranger(i)))(t)
		go func() {
			_, err := f.Password(t.Context(), ch.ID, []byte("wrong"), stranger(i))
			errs <- err
		}()
	}
	busy := 0
	for range cap(errs) {
		if code(<-errs) == "sign-in-busy" {
			busy++
		}
	}
	if busy == 0 || busy > 10 {
		t.Errorf("%d of %d were told to come again", busy, cap(errs))
	}
}

// TestNothingPersonalAtRest looks for every personal value and every secret in all
// that is kept and written.
func TestNothingPersonalAtRest(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana.canary@example.com", "privacy")
	c := session.Caller{Source: home.Source, Agent: "CanaryBrowser/7 (X11; Linux) Firefox/1"}
	ch := f.half(ana, c)
	one := f.code(ana)
	o := must(f.TOTP(t.Context(), ch.ID, one, c))(t)
	wantCode(t, f.guess(ana.email, "canary-password", c), "sign-in")
	under := f.half(ana, c)
	f.holds(o, c)
	f.holds(o, stranger(1))
	must0(t, f.Tidy(t.Context()))
	all := f.disk()
	for what, secret := range map[string]string{
		"address": ana.email, "network": "192.0.2.", "agent": "CanaryBrowser", "password": "canary-password",
		"right password": rightPassword, "token": o.Token.Reveal(), "part of the token": o.Token.Reveal()[9:40],
		"challenge": under.ID, "family": "firefox/linux",
	} {
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("the %s is at rest in clear", what)
		}
	}
	if !bytes.Contains(all, []byte(o.Session.ID)) { // what is planted: ids are found
		t.Error("the search finds nothing")
	}
}
