package access

import (
	"context"
	"encoding/hex"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

const (
	maxReason = 500 // characters
	maxStores = 1000
)

// Ask states what somebody needs. Another person decides. Faults: Invalid for what
// no approval could make good, Denied, NotFound (store, person), Exhausted where
// too many requests of one person wait.
func (a *Access) Ask(ctx context.Context, who strongroom.Actor, spec Spec) (Request, error) {
	if spec.Subject == "" && (spec.Kind == Elevation || spec.Kind == BreakGlass) {
		spec.Subject = who.ID
	}
	act := requestAsk
	if spec.Kind == BreakGlass {
		act = glassBreak
	}
	wrong := a.check(who, &spec)
	if spec.Kind == "" || db.Place(Kinds(), spec.Kind) == 0 {
		return Request{}, a.refuse(ctx, who, act, wrong)
	}
	q := &Request{ID: strongroom.NewID("req"), State: Open, Spec: spec, Asker: who.ID}
	err := a.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if wrong != nil {
			return a.allowed(tx, act, instance(), wrong)
		}
		about, err := a.context(spec)
		if err != nil {
			return err
		}
		if err := tx.Allow(act, q.resource(q.isOwn(who), false), about); err != nil {
			return err
		}
		a.note(tx, q)
		n, err := countOpen(&tx.Reader, who.ID)
		if err != nil {
			return err
		}
		if n >= MaxOpen {
			return strongroom.Faultf(strongroom.Exhausted, "request-open", "%d requests of yours wait", n).Advise("withdraw those nobody needs")
		}
		if err := a.exists(tx, q); err != nil {
			return err
		}
		if err := a.lasts(tx, q); err != nil {
			return err
		}
		q.Asked = tx.Now()
		q.Ends = q.Asked.Add(RequestLife)
		if spec.Kind == BreakGlass {
			q.Ends = q.Asked.Add(GlassLife)
			tx.Note("stage", glassAsked())
		}
		row, err := a.sealRequest(q)
		if err != nil {
			return err
		}
		return insertRequest(tx, row)
	})
	if err != nil {
		return Request{}, err
	}
	return *q, nil
}

// allowed returns err to who may ask at all, else the denial.
func (a *Access) allowed(tx *guard.Tx, act strongroom.Action, r strongroom.Resource, err error) error {
	if denied := tx.Allow(act, r, guard.Context{}); denied != nil {
		return denied
	}
	return err
}

// context says to log and policies what a short right is for. A reference is in it
// as the log may hold it.
func (a *Access) context(s Spec) (c guard.Context, err error) {
	if s.Kind != Elevation && s.Kind != BreakGlass {
		return c, nil
	}
	c.Purpose = s.Right.Purpose
	if s.Right.Reference != "" {
		h, err := a.o.Logged("reference", s.Right.Reference)
		if err != nil {
			return c, err
		}
		c.Reference = hex.EncodeToString(h[:])
	}
	if len(s.Right.Classes) > 0 {
		c.Attrs = map[string]any{"classes": s.Right.Classes}
	}
	return c, nil
}

// note adds to the event what a request is for.
func (a *Access) note(tx *guard.Tx, q *Request) {
	tx.Note("kind", term(q.Spec.Kind))
	if r := q.roles(); len(r) > 0 {
		tx.Note("roles", rolesTerm(r))
	}
	if strongroom.IsID("usr", q.Spec.Subject) {
		tx.Note("account", q.Spec.Subject)
	}
	if q.Spec.Right.Store != "" {
		tx.Note("store", q.Spec.Right.Store)
	}
}

// exists demands the stores and the person that a request names.
func (a *Access) exists(tx *guard.Tx, q *Request) error {
	stores, _ := q.stores()
	for _, s := range stores {
		if err := a.o.CheckStore(&tx.Reader, s); err != nil {
			return err
		}
	}
	switch q.Spec.Kind {
	case Role:
		return a.o.People.Exists(&tx.Reader, q.Spec.Subject)
	case Elevation, BreakGlass:
		return a.mayOpen(&tx.Reader, q.Spec.Subject, tx.Now())
	}
	return nil
}

// lasts refuses what would be over before it began, or stand under nobody: nobody
// should decide about it. An account that ends as it is made would be a leaver whom
// the product let in.
func (a *Access) lasts(tx *guard.Tx, q *Request) error {
	s, now := q.Spec, tx.Now()
	if !s.Until.IsZero() && !s.Until.After(now) {
		return strongroom.Faultf(strongroom.Invalid, "until", "the roles would be over already")
	}
	switch s.Kind {
	case Service:
		return a.o.Services.CheckLife(now, s.Service.Expires)
	case Account:
		if err := s.Person.CheckDates(now); err != nil || s.Person.Manager == "" {
			return err
		}
		err := a.o.People.Exists(&tx.Reader, s.Person.Manager)
		if strongroom.IsKind(err, strongroom.NotFound) {
			err = strongroom.Faultf(strongroom.Invalid, "manager", "there is no such manager").Advise("name a person with an account by id")
		}
		return err
	}
	return nil
}

// mayOpen demands somebody who may be let near personal data: an account that can
// sign in, both trainings (DPP 2.1.6) and both pledges (DPP 3.2.13).
func (a *Access) mayOpen(r *db.Reader, person string, now time.Time) error {
	if err := a.o.People.Exists(r, person); err != nil {
		return err
	}
	s, err := a.o.People.Standing(r, person, now)
	if err != nil {
		return err
	}
	if a.o.People.MaySignIn(r, person, now) != nil || !s.Trained || !s.Pledged {
		return strongroom.Faultf(strongroom.Conflict, "gates", "nothing is opened for who cannot sign in, or lacks a training or a pledge").
			Advise("record both trainings and both pledges first")
	}
	return nil
}

// check refuses a spec that no approval could make good, and fills in what is
// left out.
func (a *Access) check(who strongroom.Actor, s *Spec) error {
	if err := checkReason("reason", s.Reason, 3); err != nil {
		return err
	}
	switch s.Kind {
	case Account:
		return checkAccount(s)
	case Role:
		if !strongroom.IsID("usr", s.Subject) || len(s.Roles) == 0 {
			return strongroom.Faultf(strongroom.Invalid, "subject", "a role is asked for a person, by id, and names at least one role")
		}
		return checkRoles(s)
	case Service:
		return a.o.Services.CheckService(s.Service)
	case Elevation:
		if s.Right.Reference == "" {
			return strongroom.Faultf(strongroom.Invalid, "reference", "an elevation is for an order or a case").Advise("name it as reference")
		}
		return checkRight(s)
	case BreakGlass:
		s.Right.Duration = GlassOpen
		if s.Subject != who.ID {
			return strongroom.Faultf(strongroom.Invalid, "subject", "everybody breaks the glass for themselves")
		}
		return checkRight(s)
	}
	return strongroom.Faultf(strongroom.Invalid, "kind", "a request is one of %v", Kinds())
}

// checkReason refuses a free text that is too short or long, does not print,
// has angle brackets or looks personal. The error never repeats it.
func checkReason(what, s string, least int) error {
	n := utf8.RuneCountInString(s)
	if n < least || n > maxReason || !utf8.ValidString(s) {
		return strongroom.Faultf(strongroom.Invalid, what, "a %s has %d to %d characters", what, least, maxReason)
	}
	for _, c := range s {
		if !unicode.IsGraphic(c) || c == '<' || c == '>' {
			return strongroom.Faultf(strongroom.Invalid, what, "a %s is one line of plain text without angle brackets", what)
		}
	}
	if _, found := classify.Has([]byte(s)); found {
		return strongroom.Faultf(strongroom.Invalid, what, "the %s looks like personal data", what).Advise("name an order or case by its number")
	}
	return nil
}

func checkAccount(s *Spec) error {
	if s.Person.Source == "" {
		s.Person.Source = "hand"
	}
	if !slices.Contains(people.Employments(), s.Person.Employment) {
		return strongroom.Faultf(strongroom.Invalid, "employment", "the employment must be one of %v", people.Employments())
	}
	if err := people.RefuseShared(s.Person.Name, s.Person.Email, s.Person.Vouched); err != nil {
		return err
	}
	if s.Subject != "" {
		return strongroom.Faultf(strongroom.Invalid, "subject", "who has no account yet has no id")
	}
	return checkRoles(s)
}

func checkRoles(s *Spec) error {
	if len(s.Roles) > len(Roles()) || len(s.Stores) > maxStores {
		return strongroom.Faultf(strongroom.Invalid, "limits", "a request takes at most %d roles and %d stores", len(Roles()), maxStores)
	}
	for i, r := range s.Roles {
		if !slices.Contains(Roles(), r) || slices.Contains(s.Roles[:i], r) {
			return strongroom.Faultf(strongroom.Invalid, "roles", "roles of a person are of %v, each once", Roles())
		}
	}
	if scoped := len(s.Stores) > 0; len(s.Roles) > 0 && s.AllStores == scoped || len(s.Roles) == 0 && (s.AllStores || scoped) {
		return strongroom.Faultf(strongroom.Invalid, "stores", "roles name their stores or are for all stores, one of the two")
	}
	for _, id := range s.Stores {
		if !strongroom.IsID("str", id) {
			return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
		}
	}
	return nil
}

func checkRight(s *Spec) error {
	r := &s.Right
	if !strongroom.IsID("usr", s.Subject) {
		return strongroom.Faultf(strongroom.Invalid, "subject", "a short right is for a person")
	}
	if !strongroom.IsID("str", r.Store) {
		return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	if _, err := strongroom.ParsePurpose(string(r.Purpose)); err != nil {
		return err
	}
	if r.Reference != "" {
		if err := strongroom.CheckName("reference", r.Reference); err != nil {
			return err
		}
		if _, found := classify.Has([]byte(r.Reference)); found {
			return strongroom.Faultf(strongroom.Invalid, "reference", "the reference looks like personal data")
		}
	}
	for i, c := range r.Classes {
		if _, ok := fieldmap.ParseClass(c); !ok || slices.Contains(r.Classes[:i], c) {
			return strongroom.Faultf(strongroom.Invalid, "classes", "classes are of %v, each once", fieldmap.Classes())
		}
	}
	if r.Duration == 0 {
		r.Duration = DefaultElevation
	}
	if r.Duration < time.Minute || r.Duration > MaxElevation {
		return strongroom.Faultf(strongroom.Invalid, "duration", "an elevation lasts a minute to %d hours", int(MaxElevation.Hours()))
	}
	return nil
}
