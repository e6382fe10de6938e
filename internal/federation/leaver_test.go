package federation_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/federation"
	"strongroom/internal/people"
)

// hired has a directory hire somebody, whom people approve and who enrols.
func (f *fixture) hired(t testing.TB, name, mail string) (federation.User, people.Person) {
	t.Helper()
	given, family, _ := strings.Cut(name, " ")
	u, err := f.CreateUser(t.Context(), directory(), federation.User{
		UserName: mail, Given: given, Family: family, Active: true, Emails: []federation.Email{{Value: mail, Type: "work", Primary: true}},
	})
	if err != nil || u.Request == "" || u.Person != "" {
		t.Fatalf("%+v, %v", u, err)
	}
	p := f.decide(t, true)
	if n, err := f.Settle(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d settled, %v", n, err)
	}
	f.enrol(t, p.ID)
	if u, err = f.User(t.Context(), directory(), u.ID); err != nil || u.Person != p.ID || u.Request != "" {
		t.Fatalf("%+v, %v", u, err)
	}
	return u, p
}

func off(u *federation.User) error { u.Active = false; return nil }
func on(u *federation.User) error  { u.Active = true; return nil }

// furnish gives somebody a session, a key and a grant.
func (f *fixture) furnish(id string) {
	for _, what := range []string{"session", "key", "grant"} {
		f.doors.add(id, what)
	}
}

// TestObligation_2_2_12_SwitchedOffIsOutAtOnce: when the directory switches
// somebody off or forgets them, sessions, keys and grants die in that commit, the
// time is kept, and a probe shows that no way in is left.
func TestObligation_2_2_12_SwitchedOffIsOutAtOnce(t *testing.T) {
	for name, end := range map[string]func(f *fixture, u federation.User) error{
		"active is false": func(f *fixture, u federation.User) error {
			_, err := f.ChangeUser(context.Background(), directory(), u.ID, 0, off)
			return err
		},
		"deleted": func(f *fixture, u federation.User) error {
			return f.DeleteUser(context.Background(), directory(), u.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			u, p := f.hired(t, janeName, janeMail)
			f.furnish(p.ID)
			if got := f.may(t, p.ID); got != "" || !f.doors.has(p.ID, "session") {
				t.Fatalf("planted: before the end there are ways in: %q", got)
			}
			if _, err := f.Probe(t.Context(), f.boss(), p.ID); code(err) != "leaver" {
				t.Errorf("a probe of somebody who is there: %v", err)
			}
			if err := end(f, u); err != nil {
				t.Fatal(err)
			}
			for _, what := range []string{"session", "key", "grant"} {
				if f.doors.has(p.ID, what) {
					t.Errorf("the %s is still there", what)
				}
			}
			if got := f.may(t, p.ID); got != "ended" {
				t.Errorf("may sign in: %q", got)
			}
			if n, open, err := f.ProbeDue(t.Context()); n != 1 || open != 0 || err != nil {
				t.Errorf("%d probed, %d open, %v", n, open, err)
			}
			all, _, err := f.Proofs(t.Context(), f.boss(), federation.ProofQuery{})
			if err != nil || len(all) != 1 || !all[0].Refused() || all[0].Late || all[0].Cause != people.BySCIM || all[0].Took > time.Minute {
				t.Errorf("%+v, %v", all, err)
			}
			if n, _, err := f.ProbeDue(t.Context()); n != 0 || err != nil {
				t.Errorf("probed again: %d, %v", n, err)
			}
		})
	}
}

// Planted: a session that was left open is found by the probe, and the log says so.
func TestObligation_2_2_12_ProbeFindsWhatIsLeftOpen(t *testing.T) {
	f := fresh(t)
	f.doors.leaky = true
	_, p := f.hired(t, janeName, janeMail)
	f.furnish(p.ID)
	if err := f.people.End(t.Context(), f.boss(), p.ID, people.Cause{Kind: people.ByHand}); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Tally(t.Context()); err != nil || n != (federation.Tally{Unprobed: 1}) {
		t.Errorf("counted %+v, %v", n, err)
	}
	x, err := f.Probe(t.Context(), f.boss(), p.ID)
	if err != nil || x.Refused() || !slices.Equal(x.Open, []string{"session"}) {
		t.Fatalf("%+v, %v", x, err)
	}
	if n, err := f.Tally(t.Context()); err != nil || n != (federation.Tally{Open: 1}) {
		t.Errorf("counted %+v, %v", n, err)
	}
	f.doors.leaky = false
	f.doors.closeAll(p.ID)
	if x, err = f.Probe(t.Context(), f.boss(), p.ID); err != nil || !x.Refused() {
		t.Errorf("after it was closed: %+v, %v", x, err)
	}
	// Who edits the outcome is found out.
	f.doors.add(p.ID, "session")
	if _, err := f.Probe(t.Context(), f.boss(), p.ID); err != nil {
		t.Fatal(err)
	}
	spoil(t, f, func(tx *db.Tx) error { _, err := tx.Exec(spoilLeft); return err })
	if _, _, err := f.Proofs(t.Context(), f.boss(), federation.ProofQuery{}); code(err) != "federation-sealed" {
		t.Errorf("an edited proof: %v", err)
	}
	// Who may not, may not.
	if _, err := f.Probe(t.Context(), f.actor(strongroom.NewID("usr"), authz.Operator), p.ID); strongroom.KindOf(err) != strongroom.Denied {
		t.Errorf("an operator probes: %v", err)
	}
}

// A feed and a directory mean the very address, not another spelling of it.
func TestOthersMailIsNobodys(t *testing.T) {
	f := fresh(t)
	jane := f.member(t, janeName, janeMail)
	other := strings.Replace(janeMail, "@", "+x@", 1)
	rep, err := f.Feed(t.Context(), f.boss(), strings.NewReader("email;last day\n"+other+";2026-03-01\n"), federation.Feed{})
	if err != nil || !slices.Equal(rep.Unknown, []int{2}) || rep.Ended != 0 {
		t.Errorf("the feed: %+v, %v", rep, err)
	}
	u, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: other, Formatted: "Jane Other", Active: true})
	if err != nil || u.Person != "" || u.Request == "" {
		t.Errorf("the directory joined %q, %v", u.Person, err)
	}
	// Planted: the same but for case is hers.
	u, err = f.CreateUser(t.Context(), directory(), federation.User{UserName: strings.ToUpper(janeMail), Formatted: janeName, Active: true})
	if err != nil || u.Person != jane.ID {
		t.Errorf("the same address: %q, %v", u.Person, err)
	}
}

const feed = `Employee ID;Email;Last day;Event time
1;` + janeMail + `;2026-03-01;2026-02-20T09:00:00Z
2;nobody@kitchen.example;2026-03-01;
3;` + omarMail + `;;
4;;2026-03-01;
5;` + janeMail + `;yesterday;
`

// TestObligation_2_2_12_Feed: a feed ends who it names, measures from the event, and
// finds what came too late.
func TestObligation_2_2_12_Feed(t *testing.T) {
	f := fresh(t)
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	f.clock.SetOffset(time.Until(now))
	f.real.SetOffset(time.Until(now))
	jane, omar := f.member(t, janeName, janeMail), f.member(t, omarName, omarMail)
	f.furnish(jane.ID)
	check := func(what string, rep federation.Report, err error, ended, already int) {
		t.Helper()
		if err != nil || rep.Lines != 5 || rep.Ended != ended || rep.Already != already || rep.Scheduled != 0 {
			t.Fatalf("%s: %+v, %v", what, rep, err)
		}
		if !slices.Equal(rep.Unknown, []int{3}) && what != "again" || len(rep.Failed) != 2 || rep.Failed[0] != (federation.FailedLine{Line: 5, Code: "nobody"}) ||
			rep.Failed[1] != (federation.FailedLine{Line: 6, Code: "end"}) {
			t.Errorf("%s: %+v", what, rep)
		}
		if what != "again" && (len(rep.Late) != 1 || rep.Late[0].Line != 2 || rep.Late[0].Person != jane.ID || rep.Late[0].Took < 12*24*time.Hour) {
			t.Errorf("%s: late: %+v", what, rep.Late)
		}
	}
	rep, err := f.Feed(t.Context(), f.boss(), strings.NewReader(feed), federation.Feed{Dry: true})
	check("dry", rep, err, 2, 0)
	if f.may(t, jane.ID)+f.may(t, omar.ID) != "" || !f.doors.has(jane.ID, "session") {
		t.Error("a dry run changed something")
	}
	rep, err = f.Feed(t.Context(), f.boss(), strings.NewReader(feed), federation.Feed{})
	check("done", rep, err, 2, 0)
	if f.may(t, jane.ID) != "ended" || f.may(t, omar.ID) != "ended" || f.doors.has(jane.ID, "session") {
		t.Error("the feed ended nobody")
	}
	// Read again, it does nothing; the addresses are free, so their lines are unknown.
	rep, err = f.Feed(t.Context(), f.boss(), strings.NewReader(feed), federation.Feed{})
	check("again", rep, err, 0, 0)
	if len(rep.Unknown) != 3 {
		t.Errorf("again: %+v", rep)
	}
	if n, open, err := f.ProbeDue(t.Context()); n != 2 || open != 0 || err != nil {
		t.Errorf("%d probed, %d open, %v", n, open, err)
	}
	all, _, err := f.Proofs(t.Context(), f.boss(), federation.ProofQuery{Since: now.Add(-time.Hour), Limit: 10})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	late := 0
	for _, x := range all {
		if x.Late {
			late++
		}
	}
	if late != 1 { // planted: Omar was in time
		t.Errorf("%d late", late)
	}
	if got := f.disk(t); bytes.Contains(got, []byte("kitchen.example")) {
		t.Error("an address of the feed is at rest or in a log")
	}
}

func TestFeedByIDAndDate(t *testing.T) {
	f := fresh(t)
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	f.clock.SetOffset(time.Until(now))
	f.real.SetOffset(time.Until(now))
	jane, omar := f.member(t, janeName, janeMail), f.member(t, omarName, omarMail)
	text := `[{"id": "` + jane.ID + `", "endDate": "2026-03-04"}, {"id": "` + omar.ID + `", "terminatedAt": "2026-03-04T11:00:00Z"},
		{"id": "usr_00000000000000000000000000"}, {"id": "jane"}, {"email": 7}]`
	rep, err := f.Feed(t.Context(), f.boss(), strings.NewReader(text), federation.Feed{Zone: time.FixedZone("", 3600)})
	if err != nil || rep.Ended != 1 || rep.Scheduled != 1 || !slices.Equal(rep.Unknown, []int{3}) || len(rep.Failed) != 2 || len(rep.Late) > 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	// The last day counts to its end, where the feed is at home.
	if got := f.get(t, jane.ID).Ends; !got.Equal(time.Date(2026, 3, 4, 23, 0, 0, 0, time.UTC)) {
		t.Errorf("ends %v", got)
	}
	if got := f.get(t, omar.ID); got.State != people.Ended || got.Revoked.Sub(got.Ended) < time.Hour {
		t.Errorf("%+v", got)
	}
	// Two fields that mean the same name nobody: whom should it end?
	rep, err = f.Feed(t.Context(), f.boss(), strings.NewReader(`{"id": "`+omar.ID+`", "id": "`+jane.ID+`"}
		{"email": "`+janeMail+`", "Work_Email": "`+omarMail+`"} {"id": "`+omar.ID+`", "note": 1, "note": 2}`), federation.Feed{})
	if err != nil || len(rep.Failed) != 2 || rep.Failed[0] != (federation.FailedLine{Line: 1, Code: "line"}) || rep.Already != 1 || rep.Ended != 0 {
		t.Errorf("two of a kind: %+v, %v", rep, err)
	}
	rep, err = f.Feed(t.Context(), f.boss(), strings.NewReader(`{"id": "`+omar.ID+`"}`), federation.Feed{})
	if err != nil || rep.Already != 1 || rep.Ended != 0 {
		t.Errorf("again: %+v, %v", rep, err)
	}
	for name, text := range map[string]string{
		"empty": "", "no columns": "a,b\n1,2\n", "two of a kind": "email,mail\na,b\n", "not UTF-8": "email\n\xff\n", "half JSON": `[{"id": "x"}`, "a word": "[7]",
		"a list and more": `[{"id": "x"}] [{"id": "y"}]`, "lines and an end too many": `{"id": "x"}
]{"id": "y"}`,
	} {
		if _, err := f.Feed(t.Context(), f.boss(), strings.NewReader(text), federation.Feed{}); code(err) != "feed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Feed(t.Context(), f.actor(jane.ID, authz.Operator), strings.NewReader("email\n"), federation.Feed{}); strongroom.KindOf(err) != strongroom.Denied {
		t.Errorf("an operator reads a feed: %v", err)
	}
}

func FuzzFeed(f *testing.F) {
	f.Add(feed)
	f.Add(`[{"id": "usr_00000000000000000000000000", "end date": "2026-03-04"}]`)
	f.Add("0;mAil;;Event\n\"000") // a quote that is not closed
	f.Add("\xef\xbb\xbfemail\n\"a\nb\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, failed, err := federation.ParseFeed(strings.NewReader(text))
		if err != nil && strongroom.KindOf(err) == strongroom.Internal || err != nil && rows+failed > 0 {
			t.Errorf("%d %d %v", rows, failed, err)
		}
	})
}

// TestFeedThatNamesTwo: a line whose id and address are not those of one account ends
// nobody. One whose both are does.
func TestFeedThatNamesTwo(t *testing.T) {
	f := fresh(t)
	jane, omar := f.member(t, janeName, janeMail), f.member(t, omarName, omarMail)
	text := "id,email\n" + jane.ID + "," + omarMail + "\n" + jane.ID + ",nobody@nopalito.example\n" + omar.ID + "," + omarMail + "\n"
	for range 2 { // the second time, omar is gone
		rep, err := f.Feed(t.Context(), f.boss(), strings.NewReader(text), federation.Feed{})
		if err != nil || rep.Ended+rep.Already != 1 || len(rep.Failed) < 1 || rep.Failed[len(rep.Failed)-1].Code != "mismatch" {
			t.Errorf("%+v, %v", rep, err)
		}
	}
	if got := f.get(t, jane.ID); got.State == people.Ended {
		t.Error("the account of another address ended")
	}
	if got := f.get(t, omar.ID); got.State != people.Ended {
		t.Errorf("the one who was named twice is %v", got.State)
	}
}

// TestDamagedLeaversKeepNobodyWaiting: however many cannot be probed, those who left
// later are.
func TestDamagedLeaversKeepNobodyWaiting(t *testing.T) {
	f := fresh(t)
	jane := f.member(t, janeName, janeMail)
	if err := f.people.End(t.Context(), f.boss(), jane.ID, people.Cause{Kind: people.ByHand}); err != nil {
		t.Fatal(err)
	}
	spoil(t, f, func(tx *db.Tx) error {
		for range federation.ProbesAtOnce {
			if _, err := tx.Exec(spoilMore, strongroom.NewID("usr"), 1, []byte("forged")); err != nil {
				return err
			}
		}
		return nil
	})
	for call, want := range []int{0, 1, 0, 0} {
		if n, open, err := f.ProbeDue(t.Context()); n != want || open != 0 || err != nil {
			t.Errorf("call %d: %d probed, %d open, %v", call, n, open, err)
		}
	}
}

// TestProofsByPage: all who left come, each once, in the order they left.
func TestProofsByPage(t *testing.T) {
	f := fresh(t)
	var want []string
	for _, name := range []string{"One", "Two", "Three"} {
		p := f.member(t, name+" Haddad", strings.ToLower(name)+"@kitchen.example")
		if err := f.people.End(t.Context(), f.boss(), p.ID, people.Cause{Kind: people.ByHand}); err != nil {
			t.Fatal(err)
		}
		want = append(want, p.ID)
	}
	var got []string
	q := federation.ProofQuery{Limit: 1}
	for {
		page, next, err := f.Proofs(t.Context(), f.boss(), q)
		if err != nil || len(page) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		got = append(got, page[0].Person)
		if q.Cursor = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, cursor := range []string{"jane", strongroom.NewID("usr")} {
		if _, _, err := f.Proofs(t.Context(), f.boss(), federation.ProofQuery{Cursor: cursor}); code(err) != "cursor" {
			t.Errorf("a cursor that is none of ours: %v", err)
		}
	}
}

// TestFeedThatIsCutOff: whoever sends a feed goes away in the midst; what was done
// stays, and nothing is said to have failed.
func TestFeedThatIsCutOff(t *testing.T) {
	f := fresh(t)
	jane, omar := f.member(t, janeName, janeMail), f.member(t, omarName, omarMail)
	ctx, cancel := context.WithCancel(t.Context())
	var told []int
	rep, err := f.Feed(ctx, f.boss(), strings.NewReader("email\n"+janeMail+"\n"+omarMail+"\n"), federation.Feed{Progress: func(done, total int) {
		if told = append(told, done); done == 1 && total == 2 {
			cancel()
		}
	}})
	if !strongroom.IsKind(err, strongroom.Unavailable) || rep.Ended != 1 || len(rep.Failed) > 0 || !slices.Equal(told, []int{0, 1}) {
		t.Errorf("%+v, %v, told %v", rep, err, told)
	}
	if f.may(t, jane.ID) != "ended" || f.may(t, omar.ID) != "" {
		t.Error("not what was done before the cut")
	}
}

// TestFeedBounds: as many lines as are promised are read, and not one more.
func TestFeedBounds(t *testing.T) {
	const most = 100_000
	for kind, line := range map[string][2]string{"csv": {"email\n", "x@kitchen.example\n"}, "json": {"", `{"email":"x@kitchen.example"}`}} {
		rows, _, err := federation.ParseFeed(strings.NewReader(line[0] + strings.Repeat(line[1], most)))
		if rows != most || err != nil {
			t.Errorf("%s: %d, %v", kind, rows, err)
		}
		if _, _, err := federation.ParseFeed(strings.NewReader(line[0] + strings.Repeat(line[1], most+1))); !strongroom.IsKind(err, strongroom.TooLarge) {
			t.Errorf("%s: one more: %v", kind, err)
		}
	}
}
