package people_test

import (
	"testing"

	"strongroom/internal/people"
)

// What an enrolment that broke off set up counts for nothing with the next link: its
// password may be chosen again, and its factor is not let in. Planted: the password of
// the enrolment that was completed is a former one.
func TestBrokenOffEnrolment(t *testing.T) {
	for name, again := range map[string]func(*fixture, string) (people.Link, error){
		"invited": func(f *fixture, id string) (people.Link, error) { return f.Invite(t.Context(), f.boss(), id) },
		"reset":   func(f *fixture, id string) (people.Link, error) { return f.Reset(t.Context(), f.boss(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			one := func(l people.Link, err error) people.Link {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			x := f.add(t, jane())
			who := f.follow(t, one(f.Invite(t.Context(), f.boss(), x.ID)))
			if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); err != nil {
				t.Fatal(err)
			}
			f.totp(t, who)
			who = f.follow(t, one(again(f, x.ID)))
			if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); err != nil {
				t.Errorf("the password of an enrolment that broke off: %v", err)
			}
			if _, err := f.Complete(t.Context(), who); code(err) != "second-factor" {
				t.Errorf("the factor of an enrolment that broke off: %v", err)
			}
			f.totp(t, who)
			if _, err := f.Complete(t.Context(), who); err != nil {
				t.Fatal(err)
			}
			who = f.follow(t, one(f.Reset(t.Context(), f.boss(), x.ID)))
			if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); code(err) != "password-used" {
				t.Errorf("the password in use: %v", err)
			}
		})
	}
}
