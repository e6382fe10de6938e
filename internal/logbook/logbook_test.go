package logbook_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/logbook"
	"strongroom/internal/tlog"
)

type fixture struct {
	*logbook.Logbook
	t      testing.TB
	ground *guardtest.Ground
	log    *audit.Log
}

func fresh(t testing.TB) *fixture {
	t.Helper()
	ground := guardtest.Open(t, nil)
	f := &fixture{t: t, ground: ground, log: ground.Log}
	f.Logbook = logbook.New(ground.Start(t, strongroom.Production, guard.Options{}), f.log)
	return f
}

func actor(role string) strongroom.Actor { return guardtest.Person("", time.Now(), role) }

// last returns the newest event.
func (f *fixture) last() audit.Event {
	f.t.Helper()
	all := f.ground.Events(f.t)
	if len(all) == 0 {
		f.t.Fatal("the log is empty")
	}
	return all[len(all)-1]
}

// Access controls stop unauthorised access to logs, and each reading is itself
// in the log (DPP 3.6.5).
func TestObligation_3_6_5_LogReaders(t *testing.T) {
	f := fresh(t)
	verbs := map[string]func(strongroom.Actor) (disclosed bool, err error){
		"log.read": func(who strongroom.Actor) (bool, error) {
			es, err := f.Events(t.Context(), who, -1, 10)
			return len(es) > 0, err
		},
		"log.export": func(who strongroom.Actor) (bool, error) {
			var b bytes.Buffer
			err := f.Export(t.Context(), who, &b, func() {})
			return b.Len() > 0, err
		},
		"log.proof": func(who strongroom.Actor) (bool, error) {
			p, err := f.Inclusion(t.Context(), who, 0)
			return len(p.Leaf) > 0, err
		},
	}
	may := map[string]map[string]bool{
		authz.Owner:       {"log.read": true, "log.export": true, "log.proof": true},
		authz.Security:    {"log.read": true, "log.export": true, "log.proof": true},
		authz.Auditor:     {"log.read": true, "log.export": true, "log.proof": true},
		authz.Operator:    {"log.proof": true},
		authz.Privacy:     {"log.proof": true},
		authz.Application: {},
		"":                {},
	}
	for role, rights := range may {
		for action, verb := range verbs {
			who := actor(role)
			disclosed, err := verb(who)
			if rights[action] != (err == nil) || rights[action] != disclosed {
				t.Errorf("%q %s: disclosed %v, %v", role, action, disclosed, err)
			}
			if err != nil && !strongroom.IsKind(err, strongroom.Denied) {
				t.Errorf("%q %s: %v", role, action, err)
			}
			want := audit.Denied
			if rights[action] {
				want = audit.Success
			}
			if e := f.last(); e.Action.Name != action || e.Actor.ID != who.ID || e.Outcome != want {
				t.Errorf("%q %s: the newest event is %s %s of %s", role, action, e.Action.Name, e.Outcome, e.Actor.ID)
			}
		}
	}
	// The planted negative: reading past the logbook leaves no event, which is what
	// the check above would see.
	before := f.last()
	if _, err := f.log.Events(t.Context(), -1, 10); err != nil {
		t.Fatal(err)
	}
	if after := f.last(); after.Actor.ID != before.Actor.ID {
		t.Error("the check cannot fail")
	}
}

func TestEventsAndProofs(t *testing.T) {
	f := fresh(t)
	who := actor(authz.Auditor)
	for range 5 {
		if _, err := f.Events(t.Context(), who, -1, 10); err != nil {
			t.Fatal(err)
		}
	}
	page, err := f.Events(t.Context(), who, 1, 2)
	if err != nil || len(page) != 2 || page[0].Position != 2 || page[1].Position != 3 || !json.Valid(page[0].OCSF) {
		t.Fatalf("%+v, %v", page, err)
	}
	p, err := f.Inclusion(t.Context(), who, 3)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ParseProof(p.Proof)
	if err != nil {
		t.Fatal(err)
	}
	mark, err := tlog.OpenCheckpoint(proof.Checkpoint, f.log.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckInclusion(proof.Hashes, mark.Size, mark.Root, proof.Index, tlog.LeafHash(p.Leaf)); err != nil {
		t.Errorf("the proof does not prove: %v", err)
	}
	if tlog.CheckInclusion(proof.Hashes, mark.Size, mark.Root, proof.Index, tlog.LeafHash([]byte("other"))) == nil {
		t.Error("it proves anything")
	}
	note, err := f.Checkpoint(t.Context(), who)
	if err != nil || !strings.HasPrefix(string(note), "strongroom.test/log\n") {
		t.Errorf("%s, %v", note, err)
	}
	if c, err := f.Consistency(t.Context(), who, 2); err != nil || c.From != 2 || len(c.Hashes) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if f.VerifierKey() != f.log.Verifier().String() {
		t.Error("another key")
	}
	if err := f.Watch(t.Context(), actor(authz.Application)); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an application watches: %v", err)
	}
	if err := f.Watch(t.Context(), actor(authz.Operator)); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	f := fresh(t)
	act := strongroom.Action{Name: "record.find", Class: 6005, Activity: 4}
	refusal := strongroom.Faultf(strongroom.Invalid, "body", "the body is empty")
	who := actor(authz.Privacy)
	if err := f.Refused(t.Context(), who, act, 400, refusal); err != refusal {
		t.Errorf("%v", err)
	}
	if e := f.last(); e.Action.Name != "record.find" || e.Outcome != audit.Failure || e.Code != "body" || e.Actor.ID != who.ID {
		t.Errorf("%+v", e)
	}
	if err := f.Refused(t.Context(), actor(authz.Auditor), act, 400, refusal); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("who may not ask at all: %v", err)
	}
	reveal := strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 10}
	if err := f.Refused(t.Context(), who, reveal, 400, refusal); err != refusal {
		t.Errorf("%v", err)
	}
	if e := f.last(); e.Outcome != audit.Failure || e.Actor.ID != who.ID {
		t.Errorf("%+v", e)
	}
}

// Who reads the numbers again and again leaves one event an hour with the count of
// his readings; a denial is an event each time.
func TestWatchCounts(t *testing.T) {
	f := fresh(t)
	watch := func(who strongroom.Actor, times int) (events []audit.Event) {
		t.Helper()
		entries, err := f.log.Events(t.Context(), -1, audit.MaxEvents)
		if err != nil {
			t.Fatal(err)
		}
		before := len(entries)
		for range times {
			if err := f.Watch(t.Context(), who); err != nil && !strongroom.IsKind(err, strongroom.Denied) {
				t.Fatal(err)
			}
		}
		if entries, err = f.log.Events(t.Context(), -1, audit.MaxEvents); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries[before:] {
			event, err := e.Event()
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, event)
		}
		return events
	}
	count := func(e audit.Event) any {
		for _, n := range e.Notes {
			if n.Key == "count" {
				return n.Value
			}
		}
		return nil
	}
	scraper, other := actor(authz.Operator), actor(authz.Security)
	f.Pass(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour))) // a full hour lies ahead
	if e := watch(scraper, 240); len(e) != 1 || count(e[0]) != int64(1) || e[0].Actor.ID != scraper.ID {
		t.Errorf("an hour of scraping: %+v", e)
	}
	if e := watch(other, 3); len(e) != 1 || e[0].Actor.ID != other.ID {
		t.Errorf("another caller: %+v", e)
	}
	f.Pass(time.Hour)
	if e := watch(scraper, 2); len(e) != 1 || count(e[0]) != int64(240) {
		t.Errorf("the next hour: %+v", e)
	}
	stranger := actor(authz.Application)
	if e := watch(stranger, 3); len(e) != 3 || e[0].Outcome != audit.Denied {
		t.Errorf("denials: %+v", e)
	}
	demoted := scraper
	demoted.Roles = []string{authz.Application}
	if e := watch(demoted, 2); len(e) != 2 || e[1].Outcome != audit.Denied {
		t.Errorf("who may no longer: %+v", e)
	}
}

// Readings that come while an hour's event is being written are told by one event
// or another, none twice.
func TestWatchLosesNoReading(t *testing.T) {
	f := fresh(t)
	who := actor(authz.Operator)
	f.Pass(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
	watch := func() {
		if err := f.Watch(t.Context(), who); err != nil {
			t.Error(err)
		}
	}
	watch() // known from now on
	const hours, readers, each = 4, 8, 50
	for range hours {
		f.Pass(time.Hour)
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				for range each {
					watch()
				}
			})
		}
		wg.Wait()
	}
	f.Pass(time.Hour)
	watch()
	entries, err := f.log.Events(t.Context(), -1, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	var told int64
	for _, entry := range entries {
		e, err := entry.Event()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range e.Notes {
			if v, ok := n.Value.(int64); ok && n.Key == "count" && e.Action.Name == "metrics.read" {
				told += v
			}
		}
	}
	if want := int64(hours*readers*each + 2); told != want {
		t.Errorf("the events tell of %d readings, there were %d", told, want)
	}
}
