package access_test

import (
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/identity"
)

// Nobody decides about what would be over before it began, or stands under nobody.
func TestWhatCannotLastIsNotAskedFor(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	now := r.clock.Now()
	manager, left := strongroom.NewID("usr"), strongroom.NewID("usr")
	r.stand(manager, good)
	r.stand(left, person{ended: true})
	account := func(manager string, starts, ends time.Time) access.Spec {
		s := personSpec()
		s.Person.Manager, s.Person.Starts, s.Person.Ends = manager, starts, ends
		return s
	}
	service := func(expires time.Time) access.Spec {
		s := serviceSpec(owner.ID)
		s.Service.Expires = expires
		return s
	}
	until := func(at time.Time) access.Spec {
		s := roleSpec(manager, authz.Operator)
		s.Until = at
		return s
	}
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		spec access.Spec
		code string // empty: it is asked for
	}{
		"an end that is past":                {account("", time.Time{}, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)), "dates"},
		"an end that is now":                 {account("", time.Time{}, now), "dates"},
		"an end before the start":            {account("", now.Add(20*day), now.Add(10*day)), "dates"},
		"start and end past":                 {account("", now.Add(-20*day), now.Add(-10*day)), "dates"},
		"a manager that is no id":            {account("usr_nope", time.Time{}, time.Time{}), "manager"},
		"a manager who is nobody":            {account(strongroom.NewID("usr"), time.Time{}, time.Time{}), "manager"},
		"a manager who left":                 {account(left, time.Time{}, time.Time{}), "manager"},
		"a service that has expired":         {service(now.Add(-day)), "expires"},
		"a service that lives too long":      {service(now.Add(identity.DefaultLife + day)), "expires"},
		"roles that are over":                {until(now.Add(-day)), "until"},
		"planted: an end ahead":              {account(manager, now.Add(-20*day), now.Add(10*day)), ""},
		"planted: no end":                    {account("", now.Add(10*day), time.Time{}), ""},
		"planted: a service for a while":     {service(now.Add(30 * day)), ""},
		"planted: a service until the limit": {service(time.Time{}), ""},
		"planted: roles for a while":         {until(now.Add(day)), ""},
	} {
		_, err := r.Ask(t.Context(), owner, c.spec)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		want(t, name, err, strongroom.Invalid, c.code)
	}
	// Who may not ask learns nothing of it.
	_, err := r.Ask(t.Context(), strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Application}, Door: "http"},
		account("usr_nope", time.Time{}, time.Time{}))
	want(t, "a key that may not ask", err, strongroom.Denied, "")
}
