package session_test

import (
	"testing"
	"time"

	"strongroom/internal/factor"
	"strongroom/internal/people"
)

// BenchmarkAuthenticate is what a session costs a call: nearly always what is
// remembered, once a second a look into the database.
func BenchmarkAuthenticate(b *testing.B) {
	f := fresh(b)
	o := f.signIn(f.people.add("ana@example.com", "privacy"), home)
	text := o.Token.Reveal()
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Authenticate(b.Context(), text, home); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := f.Authenticate(b.Context(), text, home); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("looked up", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Forget(o.Session.Person)
			if _, err := f.Authenticate(b.Context(), text, home); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		other := strange(b)
		for b.Loop() {
			if _, err := f.Authenticate(b.Context(), other, home); err == nil {
				b.Fatal("an unknown token is taken")
			}
		}
	})
}

// BenchmarkLookUp is the look into the database with the people of the product.
func BenchmarkLookUp(b *testing.B) {
	f := fresh(b, people.Schema())
	p, boss := f.withPeople()
	_, secret, _, _ := enrol(b, f, p, boss, "jane.ueberwasser@kitchen.example")
	f.pass(factor.TOTPStep)
	ch := must(f.Begin(b.Context(), "jane.ueberwasser@kitchen.example", home))(b)
	ch = must(f.Password(b.Context(), ch.ID, []byte(rightPassword), home))(b)
	o := must(f.TOTP(b.Context(), ch.ID, codeAt(b, secret, f.real.Now()), home))(b)
	for b.Loop() {
		f.Forget(o.Session.Person)
		if !f.holds(o, home) {
			b.Fatal("the session does not hold")
		}
	}
}

// BenchmarkSignIn is a whole sign-in without the work of the password itself.
func BenchmarkSignIn(b *testing.B) {
	f := fresh(b)
	ana := f.people.add("ana@example.com", "privacy")
	for b.Loop() {
		f.signIn(ana, home)
		f.pass(time.Second)
	}
}
