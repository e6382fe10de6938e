package people_test

import (
	"context"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// What a session asks about a person when it looks again.
func BenchmarkStanding(b *testing.B) {
	f := fresh(b)
	m := f.member(b, jane())
	f.train(b, m.ID)
	for b.Loop() {
		if err := f.db.Read(context.Background(), func(r *db.Reader) error {
			if err := f.MaySignIn(r, m.ID, r.Now()); err != nil {
				return err
			}
			_, err := f.Standing(r, m.ID, r.Now())
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// A password at the usual cost.
func BenchmarkVerifyPassword(b *testing.B) {
	f := fresh(b, func(o *people.Options) { o.Cost = seal.Params{} })
	m := f.member(b, jane())
	for b.Loop() {
		if _, err := f.VerifyPassword(context.Background(), m.ID, []byte(goodPassword)); err != nil {
			b.Fatal(err)
		}
	}
}
