package people_test

import (
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/people"
)

// holding has accounts hold roles.
func holding(roles map[string][]string) func(*people.Options) {
	return func(o *people.Options) {
		o.Roles = func(_ *db.Reader, person string, _ time.Time) ([]string, error) { return roles[person], nil }
	}
}

// Whoever leads somebody into an account can walk in themselves.
func TestNobodyTakesOverMoreThanTheyMay(t *testing.T) {
	roles := map[string][]string{}
	f := fresh(t, holding(roles))
	m, waiting := f.member(t, jane()), f.add(t, li())
	for name, c := range map[string]struct {
		target []string
		actor  []string
		may    bool
	}{
		"security, an owner":             {[]string{authz.Owner}, []string{authz.Security}, false},
		"all but owner, an owner":        {[]string{authz.Owner}, []string{authz.Security, authz.Operator, authz.Privacy, authz.Auditor}, false},
		"an owner, an owner":             {[]string{authz.Owner}, []string{authz.Owner}, true},
		"security, privacy":              {[]string{authz.Privacy}, []string{authz.Security, authz.Operator}, false},
		"security, privacy and security": {[]string{authz.Privacy, authz.Security}, []string{authz.Security, authz.Operator}, false},
		"security, security":             {[]string{authz.Security}, []string{authz.Security, authz.Operator}, true},
		"security, nothing":              {nil, []string{authz.Security, authz.Operator}, true},
		"an owner, privacy":              {[]string{authz.Privacy}, []string{authz.Owner}, true},
		"no role known":                  {[]string{"janitor"}, []string{authz.Security, authz.Operator}, false},
	} {
		roles[m.ID], roles[waiting.ID] = c.target, c.target
		who := f.actor(strongroom.NewID("usr"), c.actor...)
		check := func(what string, err error) {
			t.Helper()
			if (err == nil) != c.may || err != nil && !strongroom.IsKind(err, strongroom.Denied) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		_, err := f.Invite(t.Context(), who, waiting.ID)
		if len(c.actor) > 1 || c.may {
			check("invite", err)
		}
		check("require a change", f.RequireChange(t.Context(), who, m.ID))
		if err := f.Suspend(t.Context(), f.boss(), m.ID, people.Absence); err != nil {
			t.Fatal(err)
		}
		check("resume", f.Resume(t.Context(), who, m.ID))
		if !c.may {
			if err := f.Resume(t.Context(), f.boss(), m.ID); err != nil {
				t.Fatal(err)
			}
			_, err := f.Reset(t.Context(), who, m.ID)
			check("reset", err)
		}
	}
}

func TestTheLastOwnerIsNotReset(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	f.owners = []string{m.ID}
	if _, err := f.Reset(t.Context(), f.boss(), m.ID); code(err) != "last-owner" {
		t.Errorf("the last owner was reset: %v", err)
	}
	if why := f.may(t, m.ID); why != "" {
		t.Errorf("the last owner is %s", why)
	}
	other := f.complete(t, f.enrolling(t, li()))
	f.owners = append(f.owners, other.ID)
	if _, err := f.Reset(t.Context(), f.boss(), m.ID); err != nil {
		t.Errorf("planted: one of two: %v", err)
	}
}
