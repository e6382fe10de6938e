package session_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/session"
)

// stranger returns a caller from the n-th network somewhere else.
func stranger(n int) session.Caller {
	return session.Caller{Source: netip.AddrFrom4([4]byte{203, byte(n >> 8), byte(n), 7}), Agent: chrome}
}

// TestObligation_2_2_9 shows that guessing locks an account, that it stays locked,
// and that another person unlocks it.
func TestObligation_2_2_9(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	limit := session.DefaultProfile().Failures

	t.Run("ten failures, then waits that double", func(t *testing.T) {
		for i := range limit {
			wantCode(t, f.guess(ana.email, "wrong", stranger(i)), "sign-in")
		}
		for wait := patient().FirstWait; wait <= 4*patient().FirstWait; wait *= 2 {
			wantCode(t, f.guess(ana.email, rightPassword, stranger(99)), "sign-in-wait")
			f.pass(wait - 20*time.Second)
			wantCode(t, f.guess(ana.email, rightPassword, stranger(99)), "sign-in-wait")
			f.pass(20 * time.Second)
			wantCode(t, f.guess(ana.email, "wrong", stranger(99)), "sign-in")
		}
	})
	t.Run("spelling is no way around", func(t *testing.T) {
		for _, email := range []string{"ANA@example.com", " ana@example.com ", "Ana@Example.COM"} {
			wantCode(t, f.guess(email, rightPassword, stranger(100)), "sign-in-wait")
		}
	})
	t.Run("a restart keeps it, and so does another process", func(t *testing.T) {
		before := f.Sessions
		f.Sessions = f.another(nil)
		wantCode(t, f.guess(ana.email, rightPassword, stranger(101)), "sign-in-wait")
		f.Sessions = before
	})
	t.Run("in the end the account is locked", func(t *testing.T) {
		n := 0
		for len(f.events("session.lock")) == 0 && n < 50 {
			f.pass(15 * time.Minute)
			wantCode(t, f.guess(ana.email, "wrong", stranger(200+n)), "sign-in")
			n++
		}
		e := last(f.events("session.lock"))
		if e.Resource.ID != ana.id || e.Actor.ID != "sys:session" || note(e, "reason") != "guessing" || note(e, "full") != false {
			t.Fatalf("after %d more failures the lock is %+v", n, e)
		}
		f.pass(100 * 24 * time.Hour)
		must0(t, f.Tidy(t.Context()))
		wantCode(t, f.guess(ana.email, rightPassword, stranger(300)), "sign-in-wait")
	})
	t.Run("another person unlocks", func(t *testing.T) {
		self := security()
		self.ID = ana.id
		if err := f.Unlock(t.Context(), self, ana.id); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("unlocked the own account: %v", err)
		}
		if l := must(f.Locks(t.Context(), security()))(t); len(l) != 1 || l[0].Person != ana.id || l[0].Complete {
			t.Errorf("locks: %+v", l)
		}
		must0(t, f.Unlock(t.Context(), f.security(), ana.id))
		if o := f.signIn(ana, stranger(300)); !f.holds(o, stranger(300)) {
			t.Error("cannot sign in after the unlock")
		}
		if l := must(f.Locks(t.Context(), security()))(t); len(l) != 0 {
			t.Errorf("locks: %+v", l)
		}
	})
	t.Run("the gauges tell", func(t *testing.T) {
		must0(t, f.Disable(t.Context(), security(), ana.id, audit.Word("volume")))
		f.half(ana, home)
		if g := must(f.Gauges(t.Context()))(t); g.Open != 0 || g.UnderWay == 0 || g.Locked != 1 || g.Complete != 1 {
			t.Errorf("gauges: %+v", g)
		}
		must0(t, f.Unlock(t.Context(), f.security(), ana.id))
		f.signIn(ana, home)
		if g := must(f.Gauges(t.Context()))(t); g.Open != 1 || g.Locked != 0 {
			t.Errorf("gauges: %+v", g)
		}
	})
	t.Run("a signal locks all of it", func(t *testing.T) {
		dev := f.people.addPasskey(t, ana, f.real.Now())
		o := f.signIn(ana, home)
		must0(t, f.Disable(t.Context(), strongroom.System("detect"), ana.id, audit.Word("volume")))
		if f.holds(o, home) {
			t.Error("the session lived on")
		}
		_, err := f.TOTP(t.Context(), f.half(ana, home).ID, f.code(ana), home)
		wantCode(t, err, "account-locked")
		ch, options, err := f.BeginPasskey(t.Context(), home)
		must0(t, err)
		_, err = f.Passkey(t.Context(), ch.ID, dev.get(t, options), home)
		wantCode(t, err, "account-locked")
		must0(t, f.Unlock(t.Context(), f.security(), ana.id))
		f.signIn(ana, home)
	})
}

// TestOwnerKeepsAWayIn shows that a stranger cannot lock the owner of an account
// out: neither the network they are known at nor the passkey closes.
func TestOwnerKeepsAWayIn(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	f.signIn(ana, home)
	for i := range 60 {
		_ = f.guess(ana.email, "wrong", stranger(i))
		f.pass(15 * time.Minute)
	}
	if len(f.events("session.lock")) == 0 {
		t.Fatal("the stranger did not lock anything")
	}
	f.signIn(ana, from("192.0.2.77")) // another address of the network
	ch, options, err := f.BeginPasskey(t.Context(), stranger(5))
	must0(t, err)
	must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), stranger(5)))(t)
	// What was planted: without the known network the password stays closed.
	wantCode(t, f.guess(ana.email, rightPassword, from("198.51.100.1")), "sign-in-wait")
	// A stranger who sits in the owner's network locks that, and not the passkey.
	for range 60 {
		_ = f.guess(ana.email, "wrong", from("192.0.2.99"))
		f.pass(15 * time.Minute)
	}
	wantCode(t, f.guess(ana.email, rightPassword, home), "sign-in-wait")
	ch, options, err = f.BeginPasskey(t.Context(), home)
	must0(t, err)
	must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t)
}

// TestObligation_2_2_8 shows that attempts to sign in that are not usual are
// counted and stopped: by account, by source and by second factor.
func TestObligation_2_2_8(t *testing.T) {
	t.Run("one source, many accounts", func(t *testing.T) {
		f := fresh(t)
		c := stranger(1)
		for i := range 10 {
			wantCode(t, f.guess(fmt.Sprintf("p%d@example.com", i), "wrong", c), "sign-in")
		}
		before := f.people.verified()
		wantCode(t, f.guess("p11@example.com", "wrong", c), "sign-in-wait")
		if f.people.verified() != before {
			t.Error("a source that has to wait cost the work of a password")
		}
		wantCode(t, f.guess("p11@example.com", "wrong", stranger(2)), "sign-in")
		if n := f.count("sign-in"); n != 11 {
			t.Errorf("%d failures of nobody were counted, not 11", n)
		}
	})
	t.Run("an account of one's own does not wash a source clean", func(t *testing.T) {
		f := fresh(t)
		eve := f.people.add("eve@example.com")
		c := stranger(1)
		for i := range 9 {
			wantCode(t, f.guess(fmt.Sprintf("p%d@example.com", i), "wrong", c), "sign-in")
		}
		f.signIn(eve, c)
		wantCode(t, f.guess("p10@example.com", "wrong", c), "sign-in")
		wantCode(t, f.guess("p11@example.com", "wrong", c), "sign-in-wait")
		f.pass(61 * time.Second)
		f.signIn(eve, c)
		ch := must(f.Begin(t.Context(), eve.email, stranger(2)))(t) // nor does it make others wait
		must(f.Password(t.Context(), ch.ID, []byte(rightPassword), stranger(2)))(t)
	})
	t.Run("a right password does not end the wait of its source", func(t *testing.T) {
		f := fresh(t)
		eve := f.people.add("eve@example.com")
		c := stranger(1)
		for i := range 10 {
			wantCode(t, f.guess(fmt.Sprintf("p%d@example.com", i), "wrong", c), "sign-in")
		}
		f.pass(61 * time.Second)
		half := f.half(eve, c)
		wantCode(t, f.guess("p11@example.com", "wrong", c), "sign-in-wait")
		must(f.TOTP(t.Context(), half.ID, codeAt(t, eve.totp, f.real.Now()), c))(t)
	})
	t.Run("who has the password and guesses codes", func(t *testing.T) {
		f := fresh(t)
		ana := f.people.add("ana@example.com")
		for i := range 10 {
			_, err := f.TOTP(t.Context(), f.half(ana, stranger(i)).ID, "000000", stranger(i))
			wantCode(t, err, "sign-in-factor")
		}
		_, err := f.TOTP(t.Context(), f.half(ana, stranger(20)).ID, f.code(ana), stranger(20))
		wantCode(t, err, "sign-in-wait")
		_, err = f.Recovery(t.Context(), f.half(ana, stranger(20)).ID, ana.recovery[0].Reveal(), stranger(20))
		wantCode(t, err, "sign-in-wait")
		for i := 0; len(f.events("session.lock")) == 0; i++ {
			if i > 40 {
				t.Fatal("guessing codes locks nothing")
			}
			f.pass(15 * time.Minute)
			_, err := f.TOTP(t.Context(), f.half(ana, stranger(30+i)).ID, "000000", stranger(30+i))
			wantCode(t, err, "sign-in-factor")
		}
	})
	t.Run("what is new is in the event", func(t *testing.T) {
		f := fresh(t)
		ana := f.people.add("ana@example.com")
		f.signIn(ana, home)
		if e := last(f.events("session.open")); note(e, "kinds") != nil || note(e, "how") != "password-totp" {
			t.Errorf("the first sign-in is noted as %+v", e.Notes)
		}
		f.signIn(ana, stranger(1))
		got := fmt.Sprint(note(last(f.events("session.open")), "kinds"))
		if got != "[new-network new-device concurrent]" {
			t.Errorf("a sign-in from elsewhere is noted as %s", got)
		}
	})
	t.Run("to begin displaces nobody and writes nothing", func(t *testing.T) {
		f := fresh(t)
		ana := f.people.add("ana@example.com")
		far, first := f.half(ana, home), must(f.Begin(t.Context(), ana.email, home))(t)
		before := f.guard.Stats().Commits
		for range 1500 {
			must(f.Begin(t.Context(), "a@example.com", home))(t)
			_, _, err := f.BeginPasskey(t.Context(), home)
			must0(t, err)
		}
		if n := f.guard.Stats().Commits - before; n != 0 {
			t.Errorf("3,000 beginnings took %d turns of the writer", n)
		}
		if all := must(f.open())(t); all != 1 { // planted: the one in which a password was shown
			t.Errorf("%d are under way", all)
		}
		must(f.TOTP(t.Context(), far.ID, f.code(ana), home))(t)
		must(f.Password(t.Context(), first.ID, []byte(rightPassword), home))(t)
	})
	t.Run("what was not looked at does not count", func(t *testing.T) {
		f := fresh(t)
		ana := f.people.add("ana@example.com")
		away := f.another(func(o *session.Options) { o.Rights = noRights })
		for range 30 {
			if _, err := away.TOTP(t.Context(), f.half(ana, home).ID, f.code(ana), home); !strongroom.IsKind(err, strongroom.Unavailable) {
				t.Fatal(err)
			}
		}
		f.signIn(ana, home)
	})
	t.Run("a source is forgotten after an hour, an account after a day", func(t *testing.T) {
		f := fresh(t)
		for i := range 9 {
			wantCode(t, f.guess(fmt.Sprintf("p%d@example.com", i), "wrong", stranger(1)), "sign-in")
			wantCode(t, f.guess("one@example.com", "wrong", stranger(10+i)), "sign-in")
		}
		f.pass(time.Hour + time.Second)
		for range 2 {
			wantCode(t, f.guess("p10@example.com", "wrong", stranger(1)), "sign-in")
		}
		wantCode(t, f.guess("one@example.com", "wrong", stranger(20)), "sign-in")
		wantCode(t, f.guess("one@example.com", "wrong", stranger(21)), "sign-in-wait")
		f.pass(24*time.Hour + time.Second)
		for range 9 {
			wantCode(t, f.guess("one@example.com", "wrong", stranger(22)), "sign-in")
		}
	})
}

// open returns how many sign-ins are under way.
func (f *fixture) open() (n int, err error) {
	err = f.db.Read(context.Background(), func(r *db.Reader) error {
		return r.QueryRow(`select count(*) from session_challenge`).Scan(&n)
	})
	return n, err
}

// count returns how often a code was counted for nobody.
func (f *fixture) count(code string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.refused {
		if c == code {
			n++
		}
	}
	return n
}

// TestParallelGuesses shows that guesses made at once do not get more than the
// limit, in one process or two.
func TestParallelGuesses(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com")
	other := f.another(nil)
	var challenges []string
	for i := range 32 {
		challenges = append(challenges, must(f.Begin(t.Context(), ana.email, stranger(i)))(t).ID)
	}
	var looked, waited atomic.Int64
	var wg sync.WaitGroup
	for i, id := range challenges {
		s := f.Sessions
		if i%2 == 1 {
			s = other
		}
		wg.Go(func() {
			_, err := s.Password(context.Background(), id, []byte("wrong"), stranger(i))
			switch code(err) {
			case "sign-in":
				looked.Add(1)
			case "sign-in-wait":
				waited.Add(1)
			default:
				t.Errorf("guess: %v", err)
			}
		})
	}
	wg.Wait()
	if looked.Load() != 10 || waited.Load() != 22 || f.people.verified() != 10 {
		t.Errorf("of 32 guesses %d were looked at (%d verified), %d had to wait", looked.Load(), f.people.verified(), waited.Load())
	}
	// Those that had to wait count for nothing: the account is not locked.
	f.pass(61 * time.Second)
	wantCode(t, f.guess(ana.email, "wrong", stranger(99)), "sign-in")
	f.pass(121 * time.Second)
	f.signIn(ana, stranger(100))
	if len(f.events("session.lock")) != 0 {
		t.Error("guesses that nobody looked at locked the account")
	}
}

// TestProfile shows that a weaker profile is refused.
func TestProfile(t *testing.T) {
	for name, change := range map[string]func(*session.Profile){
		"idle": func(p *session.Profile) { p.Idle = 2 * time.Hour }, "absolute": func(p *session.Profile) { p.Absolute = 25 * time.Hour },
		"failures": func(p *session.Profile) { p.Failures = 11 }, "no failures": func(p *session.Profile) { p.Failures = 0 },
		"waits": func(p *session.Profile) { p.Waits = 11 }, "short": func(p *session.Profile) { p.LongestWait = time.Minute },
		"first": func(p *session.Profile) { p.FirstWait = time.Millisecond }, "forget": func(p *session.Profile) { p.Forget = time.Hour },
		"source": func(p *session.Profile) { p.ForgetSource = time.Minute },
		"keep":   func(p *session.Profile) { p.Keep = 31 * 24 * time.Hour }, "ceremony": func(p *session.Profile) { p.Ceremony = time.Hour },
	} {
		p := session.DefaultProfile()
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		if change(&p); p.Check() == nil {
			t.Errorf("%s: a weaker profile is taken", name)
		}
	}
}

func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
