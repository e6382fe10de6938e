package people_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

const day = 24 * time.Hour

// One person, one account (DPP 2.2.2): an address in any spelling makes one living
// account, ids are never used twice, and no account comes but by a request.
func TestObligation_2_2_2_UniquePersons(t *testing.T) {
	f := fresh(t)
	first := f.add(t, jane())
	for _, spelling := range []string{
		janeMail, strings.ToUpper(janeMail), "jane.ueberwasser+work@kitchen.example", "jane.ueberwasser@KITCHEN.example", "ｊane.ueberwasser@kitchen.example",
	} {
		s := jane()
		s.Name, s.Email = "Another Name", spelling
		if _, err := f.tryAdd(s, strongroom.NewID("req")); code(err) != "person-known" {
			t.Errorf("%q made a second account: %v", spelling, err)
		}
		if id, ok, err := f.LookupEmail(t.Context(), spelling); id != first.ID || !ok || err != nil {
			t.Errorf("%q was looked up as %q, %v", spelling, id, err)
		}
	}
	for _, pair := range [][2]string{{"a.b@gmail.com", "ab@googlemail.com"}, {"x@bücher.example", "X@xn--bcher-kva.example"}} {
		s := jane()
		s.Email = pair[0]
		f.add(t, s)
		s.Email = pair[1]
		if _, err := f.tryAdd(s, strongroom.NewID("req")); code(err) != "person-known" {
			t.Errorf("%q made a second account beside %q: %v", pair[1], pair[0], err)
		}
	}
	// Planted: another address is another person, and dots count elsewhere.
	s := jane()
	s.Email = "janeueberwasser@kitchen.example"
	second := f.add(t, s)
	if second.ID == first.ID || !people.IsID(second.ID) {
		t.Errorf("ids %s and %s", first.ID, second.ID)
	}
	for _, by := range []string{"", "req_1", janeName, "usr_" + strings.Repeat("0", 26)} {
		if _, err := f.tryAdd(li(), by); code(err) != "case" {
			t.Errorf("an account without a request: %v", err)
		}
	}
	// Who was here before gets a new account under a new id.
	if err := f.End(t.Context(), f.boss(), first.ID, people.Cause{Kind: people.ByHand}); err != nil {
		t.Fatal(err)
	}
	back := f.add(t, jane())
	if back.ID == first.ID {
		t.Error("an id was used twice")
	}
	if id, _, _ := f.LookupEmail(t.Context(), janeMail); id != back.ID {
		t.Errorf("the address leads to %s", id)
	}
}

func TestFounding(t *testing.T) {
	f := fresh(t)
	spec := people.Spec{Name: janeName, Email: janeMail, Employment: people.Employee}
	if _, _, err := f.Found(t.Context(), f.boss(), spec); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an owner founded: %v", err)
	}
	bad := spec
	bad.Email = "admin@kitchen.example"
	if _, _, err := f.Found(t.Context(), maintenance(), bad); code(err) != "shared-mailbox" {
		t.Errorf("a shared owner was founded: %v", err)
	}
	x, link, err := f.Found(t.Context(), maintenance(), spec)
	if err != nil || x.State != people.Invited || x.Source != "founding" || len(f.owners) != 1 {
		t.Fatalf("%+v, %v, owners %v", x.State, err, f.owners)
	}
	if _, _, err := f.Found(t.Context(), maintenance(), people.Spec{Name: liName, Email: liMail, Employment: people.Employee}); code(err) != "founded" {
		t.Errorf("a second founding: %v", err)
	}
	// A lost link is made anew by the OS user, while nobody is active yet.
	again, err := f.Invite(t.Context(), maintenance(), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Enrol(t.Context(), link.Token.Reveal(), "http"); code(err) != "link" {
		t.Errorf("the old link still works: %v", err)
	}
	f.complete(t, f.follow(t, again))
	other := f.add(t, li())
	if _, err := f.Invite(t.Context(), maintenance(), other.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("the OS user invites after the founding: %v", err)
	}
	if got := f.get(t, x.ID); got.EmailVerified.IsZero() || got.State != people.Active || got.Case != "founding" {
		t.Errorf("%v %v %v", got.State, got.EmailVerified, got.Case)
	}
}

// What a leaver could reach is dead in the commit that ends the account, and the
// time from the event is kept (DPP 2.2.12).
func TestObligation_2_2_12_LeaversAreOut(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	if why := f.may(t, m.ID); why != "" {
		t.Fatalf("planted: an active person may not sign in: %s", why)
	}
	left := f.clock.Now().Add(-3 * time.Hour)
	f.hook = errors.New("sessions are stuck")
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByFeed, At: left}); err == nil || f.may(t, m.ID) != "" {
		t.Errorf("an end without its hooks: %v", err)
	}
	f.hook = nil
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByFeed, At: f.clock.Now().Add(time.Hour)}); code(err) != "cause" {
		t.Errorf("an end in the future: %v", err)
	}
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByFeed, At: left}); err != nil {
		t.Fatal(err)
	}
	x := f.get(t, m.ID)
	if x.State != people.Ended || !x.Ended.Equal(left) || x.Cause != people.ByFeed || x.Revoked.Sub(x.Ended) < 3*time.Hour || x.Revoked.Sub(x.Ended) > 3*time.Hour+time.Minute {
		t.Errorf("%s ended %s revoked %s", x.State, x.Ended, x.Revoked)
	}
	if len(f.ended) != 1 || f.ended[0] != m.ID {
		t.Errorf("hooks ran for %v", f.ended)
	}
	// The proof that a sign-in is refused: whatever it tries.
	if why := f.may(t, m.ID); why != "ended" {
		t.Errorf("a leaver may sign in: %q", why)
	}
	if _, err := f.VerifyPassword(t.Context(), m.ID, []byte(goodPassword)); code(err) != "password-wrong" {
		t.Errorf("the password of a leaver: %v", err)
	}
	if err := f.do(f.boss(), func(tx *guard.Tx) error {
		totp, err := f.UseTOTP(tx, m.ID, codeOf(t, m.secret, f.real.Now().Add(time.Minute)), f.real.Now().Add(time.Minute))
		recovery, rerr := f.UseRecovery(tx, m.ID, m.codes[0].Reveal())
		if totp || recovery || err != nil || rerr != nil {
			t.Errorf("a leaver's factors work: %v %v %v %v", totp, recovery, err, rerr)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := f.SetPassword(t.Context(), f.again(m), []byte(goodPassword), []byte(otherPassword)); err == nil {
		t.Error("a leaver sets a password")
	}
	for name, err := range map[string]error{
		"resume": f.Resume(t.Context(), f.boss(), m.ID),
		"update": func() error { _, err := f.Update(t.Context(), f.boss(), m.ID, people.Change{}); return err }(),
		"reset":  func() error { _, err := f.Reset(t.Context(), f.boss(), m.ID); return err }(),
		"invite": func() error { _, err := f.Invite(t.Context(), f.boss(), m.ID); return err }(),
	} {
		if !strongroom.IsKind(err, strongroom.Conflict) {
			t.Errorf("%s brings a leaver back: %v", name, err)
		}
	}
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByHand}); err != nil || !f.get(t, m.ID).Ended.Equal(left) {
		t.Errorf("a second end changes the first: %v", err)
	}
	found := false
	for _, e := range f.events(t) {
		for _, n := range e.Notes {
			found = found || e.Action.Name == "person.end" && n.Key == "took_us"
		}
	}
	if !found {
		t.Error("the log does not hold how long it took")
	}
}

func TestEmploymentDates(t *testing.T) {
	f := fresh(t)
	s := jane()
	s.Starts, s.Ends = f.clock.Now().Add(2*day), f.clock.Now().Add(10*day)
	m := f.member(t, s)
	if why := f.may(t, m.ID); why != "early" {
		t.Errorf("before the start: %q", why)
	}
	f.clock.SetOffset(3 * day)
	if why := f.may(t, m.ID); why != "" {
		t.Errorf("in between: %q", why)
	}
	if n, err := f.EndDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d ended early, %v", n, err)
	}
	f.clock.SetOffset(10*day + time.Hour)
	if why := f.may(t, m.ID); why != "late" {
		t.Errorf("after the end, not swept: %q", why)
	}
	if n, err := f.EndDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	x := f.get(t, m.ID)
	if x.State != people.Ended || x.Cause != people.ByDate || !x.Ended.Equal(db.Time(db.Micros(s.Ends))) || len(f.ended) != 1 {
		t.Errorf("%s %s %s", x.State, x.Cause, x.Ended)
	}
	if n, err := f.EndDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d ended twice, %v", n, err)
	}
}

func TestExpiry(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	stays := f.add(t, li())
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByHand}); err != nil {
		t.Fatal(err)
	}
	f.clock.SetOffset(people.Erasure - time.Hour)
	if n, err := f.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("%d erased early, %v", n, err)
	}
	if got := f.get(t, m.ID).Name; got != janeName {
		t.Errorf("planted: the name is gone before its day")
	}
	f.clock.SetOffset(people.Erasure + time.Hour)
	if n, err := f.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("%d erased, %v", n, err)
	}
	x := f.get(t, m.ID)
	if x.Name != "" || x.Email != "" || x.Employment != "" || x.Erased.IsZero() || x.Revoked.IsZero() || x.Case == "" || x.State != people.Ended {
		t.Errorf("after the erasure: %+v", x)
	}
	var keys int
	if err := f.db.Read(t.Context(), func(r *db.Reader) error {
		return r.QueryRow(countKeys).Scan(&keys)
	}); err != nil || keys != 1 {
		t.Errorf("%d keys are left, %v", keys, err)
	}
	if n, err := f.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("%d erased twice, %v", n, err)
	}
	if got := f.get(t, stays.ID); got.Name != liName {
		t.Error("somebody else was erased")
	}
	if list, _, err := f.List(t.Context(), f.boss(), "", "", 10); err != nil || len(list) != 2 {
		t.Errorf("%d in the list, %v", len(list), err)
	}
}

const countKeys = "select count(*) from people_key"

// Back in is another person's decision, and so is a reset.
func TestFourEyes(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	self := f.actor(m.ID, authz.Owner, authz.Security)
	if err := f.Suspend(t.Context(), f.boss(), m.ID, "because"); code(err) != "reason" {
		t.Errorf("a reason of one's own making: %v", err)
	}
	if err := f.Suspend(t.Context(), f.boss(), m.ID, people.Incident); err != nil {
		t.Fatal(err)
	}
	if why := f.may(t, m.ID); why != "suspended" || len(f.closed) != 1 {
		t.Errorf("%q, hooks %v", why, f.closed)
	}
	if err := f.Resume(t.Context(), self, m.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("resumed oneself: %v", err)
	}
	if _, err := f.Reset(t.Context(), self, m.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("reset oneself: %v", err)
	}
	if err := f.RequireChange(t.Context(), self, m.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("forced oneself: %v", err)
	}
	if err := f.Resume(t.Context(), f.boss(), m.ID); err != nil || f.may(t, m.ID) != "" {
		t.Errorf("planted: another person resumes: %v", err)
	}
	if err := f.Resume(t.Context(), f.boss(), m.ID); code(err) != "person-state" {
		t.Errorf("resumed what was not suspended: %v", err)
	}
	for _, role := range []string{authz.Operator, authz.Privacy, authz.Auditor, authz.Application} {
		if err := f.End(t.Context(), f.actor(strongroom.NewID("usr"), role), m.ID, people.Cause{Kind: people.ByHand}); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s ends people: %v", role, err)
		}
	}
	// A stranger to the register learns nothing about who is in it.
	stranger := f.actor(strongroom.NewID("usr"), authz.Application)
	for _, id := range []string{m.ID, strongroom.NewID("usr"), janeMail} {
		if _, err := f.Get(t.Context(), stranger, id); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("a stranger gets another answer: %v", err)
		}
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	other := f.add(t, li()) // invited, so no owner who could act
	f.owners = []string{m.ID, other.ID}
	end := f.clock.Now().Add(day)
	for name, try := range map[string]func() error{
		"end":     func() error { return f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByHand}) },
		"suspend": func() error { return f.Suspend(t.Context(), f.boss(), m.ID, people.Incident) },
		"date":    func() error { _, err := f.Update(t.Context(), f.boss(), m.ID, people.Change{Ends: &end}); return err },
	} {
		if err := try(); code(err) != "last-owner" {
			t.Errorf("%s: %v", name, err)
		}
	}
	link, err := f.Invite(t.Context(), f.boss(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.complete(t, f.follow(t, link))
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByHand}); err != nil {
		t.Errorf("planted: with another active owner: %v", err)
	}
}

func TestUpdateAndList(t *testing.T) {
	f := fresh(t)
	boss := f.add(t, li())
	x := f.add(t, jane())
	name, manager, kind, bad := "Jane Smith", boss.ID, people.Agency, "boss"
	got, err := f.Update(t.Context(), f.boss(), x.ID, people.Change{Name: &name, Manager: &manager, Employment: &kind})
	if err != nil || got.Name != name || f.get(t, x.ID).Manager != boss.ID || f.get(t, x.ID).Employment != people.Agency {
		t.Errorf("%+v, %v", got, err)
	}
	team, nobody := "Team", strongroom.NewID("usr")
	for want, c := range map[string]people.Change{"shared-name": {Name: &team}, "employment": {Employment: &bad}, "manager": {Manager: &nobody}} {
		if _, err := f.Update(t.Context(), f.boss(), x.ID, c); code(err) != want {
			t.Errorf("want %s: %v", want, err)
		}
	}
	if _, err := f.Update(t.Context(), f.boss(), x.ID, people.Change{Manager: &x.ID}); code(err) != "manager" {
		t.Errorf("the own manager: %v", err)
	}
	var ids []string
	for cursor := ""; ; {
		page, next, err := f.List(t.Context(), f.boss(), people.Invited, cursor, 1)
		if err != nil || len(page) > 1 {
			t.Fatal(len(page), err)
		}
		for _, p := range page {
			ids = append(ids, p.ID)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if len(ids) != 2 {
		t.Errorf("%v", ids)
	}
	if list, _, err := f.List(t.Context(), f.boss(), people.Active, "", 10); err != nil || len(list) != 0 {
		t.Errorf("%d active, %v", len(list), err)
	}
	if _, _, err := f.List(t.Context(), f.boss(), "gone", "", 10); code(err) != "cursor" {
		t.Errorf("%v", err)
	}
	if _, _, err := f.List(t.Context(), f.actor(x.ID), "", "", 10); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("everybody lists people: %v", err)
	}
	if own, err := f.Get(t.Context(), f.actor(x.ID), x.ID); err != nil || own.Name != name {
		t.Errorf("the own account: %v", err)
	}
	if g, err := f.Gauges(t.Context()); err != nil || g.Invited != 2 || g.OldestPassword != 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

const (
	setActive = "update people_person set state = 'active' where id = $1"
	laterEnd  = "update people_person set ends_at = ends_at + 1 where id = $1"
	swapRow   = "update people_person set sealed = (select b.sealed from people_person b where b.id = $2) where id = $1"
	swapKey   = "update people_key set wrapped = (select b.wrapped from people_key b where b.person = $2) where person = $1"
)

// Who can write to the database alone brings nobody back and swaps nobody.
func TestEditedRowsDoNotOpen(t *testing.T) {
	for name, edit := range map[string]func(tx *db.Tx, a, b string) error{
		"state":  func(tx *db.Tx, a, _ string) error { _, err := tx.Exec(setActive, a); return err },
		"date":   func(tx *db.Tx, a, _ string) error { _, err := tx.Exec(laterEnd, a); return err },
		"sealed": func(tx *db.Tx, a, b string) error { _, err := tx.Exec(swapRow, a, b); return err },
		"key":    func(tx *db.Tx, a, b string) error { _, err := tx.Exec(swapKey, a, b); return err },
	} {
		f := fresh(t)
		a, b := f.add(t, jane()), f.add(t, li())
		if got := f.may(t, a.ID); got != "invited" {
			t.Fatal("planted:", got)
		}
		if err := f.db.Update(t.Context(), func(tx *db.Tx) error { return edit(tx, a.ID, b.ID) }); err != nil {
			t.Fatal(err)
		}
		if got := f.may(t, a.ID); got != "person-sealed" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A damaged account stands in the list, cannot sign in, and can be ended with all
// it could reach.
func TestDamagedAccountsEnd(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	f.add(t, li())
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(laterEnd, m.ID); return err }); err != nil {
		t.Fatal(err)
	}
	list, _, err := f.List(t.Context(), f.boss(), "", "", 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d, %v", len(list), err)
	}
	for _, x := range list {
		if x.Damaged != (x.ID == m.ID) || x.Damaged && x.Name != "" {
			t.Errorf("%s damaged: %t", x.ID, x.Damaged)
		}
	}
	if got := f.may(t, m.ID); got != "person-sealed" {
		t.Errorf("%q", got)
	}
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: people.ByHand}); err != nil || len(f.ended) != 1 {
		t.Fatalf("%v, hooks %v", err, f.ended)
	}
	if x := f.get(t, m.ID); x.State != people.Ended || x.Revoked.IsZero() {
		t.Errorf("%+v", x)
	}
	if f.add(t, jane()).ID == m.ID { // the address is free again
		t.Error("an id was used twice")
	}
	if n, err := f.EndDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// Many accounts end and expire in one go, and one that is stuck holds up no other.
func TestSweepsGoOn(t *testing.T) {
	f := fresh(t)
	s := people.Spec{Name: "Ann Other", Employment: people.Agency, Source: "feed", Ends: f.clock.Now().Add(day)}
	var stuck people.Person
	for i := range 230 {
		s.Email = strongroom.NewID("x")[2:] + "@kitchen.example"
		if x := f.add(t, s); i == 0 {
			stuck = x
		}
	}
	f.owners = []string{stuck.ID}
	f.clock.SetOffset(2 * day)
	if n, err := f.EndDue(t.Context()); n != 229 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if !strings.Contains(f.lines.String(), stuck.ID) || !strings.Contains(f.lines.String(), "last-owner") {
		t.Error("nobody hears of the last owner whose date has come")
	}
	if got := f.may(t, stuck.ID); got != "invited" {
		t.Errorf("%q", got)
	}
	f.clock.SetOffset(people.Erasure + 3*day)
	if n, err := f.Expire(t.Context()); n != 229 || err != nil {
		t.Errorf("%d erased, %v", n, err)
	}
}

// An address changes only while a link still has to reach it.
func TestAddressChanges(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	other := f.add(t, li())
	next := "jane.smith@kitchen.example"
	to := func(address string) error {
		_, err := f.Update(t.Context(), f.boss(), m.ID, people.Change{Email: &address})
		return err
	}
	if err := to(next); code(err) != "person-state" {
		t.Errorf("of an active account: %v", err)
	}
	link, err := f.Reset(t.Context(), f.boss(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{liMail: "person-known", "info@kitchen.example": "shared-mailbox", "x": "email"} {
		if err := to(address); code(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := to(next); err != nil {
		t.Fatal(err)
	}
	if x := f.get(t, m.ID); x.Email != next || !x.EmailVerified.IsZero() {
		t.Errorf("%s %s", x.Email, x.EmailVerified)
	}
	if _, err := f.Enrol(t.Context(), link.Token.Reveal(), "http"); code(err) != "link" {
		t.Errorf("the link to the old address: %v", err)
	}
	for address, want := range map[string]string{janeMail: "", next: m.ID, liMail: other.ID} {
		if id, _, err := f.LookupEmail(t.Context(), address); id != want || err != nil {
			t.Errorf("%s leads to %q, %v", address, id, err)
		}
	}
}
