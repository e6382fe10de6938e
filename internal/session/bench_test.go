package session_test

import (
	"testing"
	"time"
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

// BenchmarkSignIn is a whole sign-in without the work of the password itself.
func BenchmarkSignIn(b *testing.B) {
	f := fresh(b)
	ana := f.people.add("ana@example.com", "privacy")
	for b.Loop() {
		f.signIn(ana, home)
		f.pass(time.Second)
	}
}
