package audit_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/classify"
	"strongroom/internal/fieldmap"
)

const golden = `{"class_uid":6005,"activity_id":1,"time":1795176000123,"status_id":1,` +
	`"actor":{"user":{"uid":"svc_01234567890123456789abcdef"},"session":{"uid":"key_9999999999888888888877777f"}},` +
	`"api":{"operation":"record.reveal"},` +
	`"resources":[{"type":"Record","uid":"rec_0a1b2c3d4e5f6g7h8j9k0m1n2p","namespace":"str_aaaaaaaaaabbbbbbbbbbcccccc"}],` +
	`"unmapped":{"purpose":"fulfilment","ref":"0123456789abcdefghjkmnpqrs","policies":["roles/application"],"leaves":7,"classes":["email","name"]}}`

func TestLeaf(t *testing.T) {
	leaf, err := audit.Leaf(reveal(), at)
	if err != nil || string(leaf) != golden {
		t.Fatalf("%v\ngot  %s\nwant %s", err, leaf, golden)
	}
	small := audit.Event{
		Action: strongroom.Action{Name: "record.ingest", Class: 6005, Activity: 5},
		Actor:  strongroom.Actor{Kind: strongroom.ServiceActor, ID: serviceID}, Outcome: audit.Success,
		Resource: strongroom.Resource{Type: "Store", ID: storeID}, Notes: []audit.Note{{"records", 1}},
	}
	if leaf, _ := audit.Leaf(small, at); len(leaf) > 300 {
		t.Errorf("a small event has %d bytes", len(leaf))
	}
}

// samples are events with every field and every kind of note.
func samples() []audit.Event {
	names := uint64(1 << 41)
	denied := reveal()
	denied.Outcome, denied.Code, denied.Names = audit.Denied, "budget", &names
	person := audit.Event{
		Action: strongroom.Action{Name: "store.add", Class: 3004, Activity: 1}, Outcome: audit.Failure,
		Actor:    strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Door: "socket"},
		Resource: strongroom.Resource{Type: "Store", ID: storeID, Store: storeID}, Code: "exists",
	}
	odd := person // an id that does not tell its kind
	odd.Actor.Kind, odd.Actor.ID = strongroom.ServiceActor, personID
	bare := audit.Event{
		Action: strongroom.Action{Name: "epoch.roll", Class: 3004, Activity: 3}, Outcome: audit.Success,
		Actor: strongroom.System("roll"), Policies: []string{"guards/scope", "Mine.cedar#2"},
	}
	all := bare
	all.Notes = []audit.Note{
		{"count", 12}, {"epoch", uint32(7)}, {"size", int64(-5)}, {"position", uint64(1) << 50}, {"dry", true}, {"full", false},
		{"record", recordID}, {"ids", []string{recordID, storeID}}, {"digest", strings.Repeat("0a", 32)},
		{"reason", "expiry"}, {"stage", audit.Word("rewrap")}, {"kinds", []string{"order", "customer"}},
		{"roles", []audit.Term{audit.Word("owner"), audit.Word("night-watch")}},
	}
	return []audit.Event{reveal(), denied, person, odd, bare, all}
}

func TestLeafComesBack(t *testing.T) {
	for i, e := range samples() {
		leaf, err := audit.Leaf(e, at)
		if err != nil {
			t.Fatalf("sample %d: %v", i, err)
		}
		got, err := audit.Entry{Leaf: leaf}.Event()
		if err != nil {
			t.Fatalf("sample %d: %v\n%s", i, err, leaf)
		}
		e.Time = at.Truncate(time.Millisecond)
		if e.Actor.Door == "" {
			e.Actor.Door = "http"
		}
		e.Actor.Roles, e.Actor.AllStores = nil, false
		for j, n := range e.Notes {
			if v := reflect.ValueOf(n.Value); v.CanInt() {
				e.Notes[j].Value = v.Int()
			} else if v.CanUint() {
				e.Notes[j].Value = int64(v.Uint())
			}
		}
		if d := cmp.Diff(e, got, cmp.AllowUnexported(audit.Term{}), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("sample %d changed:\n%s", i, d)
		}
	}
	// A leaf in other bytes is not one of ours, even with the same meaning.
	for _, other := range []string{
		strings.Replace(golden, `:1,`, `: 1,`, 1), strings.Replace(golden, `{"class_uid":6005,"activity_id":1`, `{"activity_id":1,"class_uid":6005`, 1),
		golden + " ", strings.Replace(golden, `"leaves":7`, `"leaves":7.0`, 1), `{}`, `null`, `[]`, "",
		strings.Replace(golden, `"leaves"`, `"surname"`, 1), strings.Replace(golden, `"time"`, `"extra":1,"time"`, 1),
	} {
		if _, err := (audit.Entry{Leaf: []byte(other)}).Event(); err == nil {
			t.Errorf("a foreign leaf was read: %s", other)
		}
	}
}

// planted are personal values as callers send them.
func planted() []string {
	return []string{
		"María García", "maria garcia", "Garcia", "jane.doe@example.com", "jane.doe%40example.com", "+52 1 55 1234 5678",
		"5215512345678", "(212) 555-0187", "4111 1111 1111 1111", "4111111111111111", "DE89370400440532013000",
		"203.0.113.9", "2001:db8::7", "123-45-6789", "GODE561231GR8", "19.43260,-99.13320", "Av. Reforma 222, 4B",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "06600", "Ñandú", "\"", "a\nb", "", "rec_jane.doe@example.com0000",
		"usr_maria", "sys:jane.doe", "uid:5215512345678", "山田太郎", "svc_0123456789012345678901234O",
	}
}

// fields are the ways a text can get into an event.
func fields() map[string]func(e *audit.Event, s string) {
	f := map[string]func(e *audit.Event, s string){
		"action":    func(e *audit.Event, s string) { e.Action.Name = s },
		"actor":     func(e *audit.Event, s string) { e.Actor.ID = s },
		"kind":      func(e *audit.Event, s string) { e.Actor.Kind = strongroom.ActorKind(s) },
		"session":   func(e *audit.Event, s string) { e.Actor.Session = s },
		"door":      func(e *audit.Event, s string) { e.Actor.Door = s },
		"type":      func(e *audit.Event, s string) { e.Resource.Type = s },
		"resource":  func(e *audit.Event, s string) { e.Resource.ID = s },
		"store":     func(e *audit.Event, s string) { e.Resource.Store = s },
		"code":      func(e *audit.Event, s string) { e.Code = s },
		"purpose":   func(e *audit.Event, s string) { e.Purpose = strongroom.Purpose(s) },
		"reference": func(e *audit.Event, s string) { e.Reference = s },
		"policy":    func(e *audit.Event, s string) { e.Policies = []string{"roles/owner", s} },
		"note key":  func(e *audit.Event, s string) { e.Notes = []audit.Note{{s, 1}} },
	}
	for key := range audit.NoteKeys() {
		f["note "+key] = func(e *audit.Event, s string) { e.Notes = []audit.Note{{key, s}} }
		f["list in note "+key] = func(e *audit.Event, s string) { e.Notes = []audit.Note{{key, []string{s}}} }
	}
	return f
}

// Obligation 3.6.7: no personal data in logs.
func TestObligation_3_6_7_NoPersonalValueGetsIn(t *testing.T) {
	// A policy's id is a file name the operator chose; a name in it cannot be told
	// from a word. Everything the detector knows is refused there, too.
	words := []string{"Garcia", "06600", "5215512345678", "usr_maria", "sys:jane.doe", "uid:5215512345678", "4111111111111111",
		"svc_0123456789012345678901234O"}
	refused := 0
	for name, set := range fields() {
		for _, s := range planted() {
			optional := s == "" && slices.Contains([]string{"session", "door", "resource", "store", "code", "purpose", "reference", "kind"}, name)
			if optional && name != "kind" || name == "policy" && slices.Contains(words, s) {
				continue
			}
			e := reveal()
			e.Code = "budget"
			set(&e, s)
			leaf, err := audit.Leaf(e, at)
			if err == nil {
				if _, found := classify.Has(leaf); !found {
					t.Errorf("%s: %q got in", name, s)
				}
				continue
			}
			refused++
			if s != "" && len(s) > 1 && strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error repeats the value", name)
			}
		}
	}
	if refused < 4000 {
		t.Errorf("only %d values were refused", refused)
	}
	// The check can fail: what belongs there gets in.
	for i, e := range samples() {
		if _, err := audit.Leaf(e, at); err != nil {
			t.Errorf("sample %d is refused: %v", i, err)
		}
	}
}

func TestNotesRefuseOtherTypes(t *testing.T) {
	for name, n := range map[string]audit.Note{
		"telephone number": {"count", int64(5512345678)},
		"negative count":   {"count", -1},
		"float":            {"count", 1.5},
		"huge":             {"position", uint64(1) << 60},
		"time":             {"count", time.Now()},
		"nil":              {"count", nil},
		"nested":           {"ids", []any{recordID}},
		"id as count":      {"count", recordID},
		"count as id":      {"record", 7},
		"flag as count":    {"count", true},
		"count as flag":    {"dry", 1},
		"word as id":       {"record", audit.Word("expiry")},
		"long list":        {"ids", slices.Repeat([]string{recordID}, 65)},
		"words as ids":     {"ids", []string{"email"}},
		"capital term":     {"reason", audit.Word("Expiry")},
	} {
		e := reveal()
		e.Notes = []audit.Note{n}
		if _, err := audit.Leaf(e, at); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	e := reveal()
	e.Notes = []audit.Note{{"count", 1}, {"count", 2}}
	if _, err := audit.Leaf(e, at); err == nil {
		t.Error("two notes of one key: taken")
	}
}

// The words that shop platforms use for their states must not be ours: a search
// of the files for a payload's words must find nothing.
func TestVocabularyIsOurOwn(t *testing.T) {
	theirs := []string{"orders", "delivered", "pending", "create", "completed", "enabled", "in_transit", "squarespace"}
	var ours []string
	for key := range audit.NoteKeys() {
		ours = append(ours, key)
	}
	for _, a := range audit.Actions() {
		ours = append(ours, a.Name)
	}
	ours = append(ours, audit.Reasons()...)
	for _, w := range theirs {
		if audit.KnownWord(w) {
			t.Errorf("%q is a word of ours", w)
		}
	}
	for i, e := range samples() {
		leaf, err := audit.Leaf(e, at)
		if err != nil {
			t.Fatal(i, err)
		}
		ours = append(ours, string(leaf))
	}
	find := func(in []string) (found int) {
		for _, w := range theirs {
			for _, o := range in {
				if strings.Contains(o, w) {
					found++
				}
			}
		}
		return found
	}
	if n := find(ours); n != 0 {
		t.Errorf("%d words of shop platforms are in events", n)
	}
	if find(append(ours, "order.created")) == 0 {
		t.Error("the planted word was not found")
	}
}

// Obligation 3.6.2: a record tells success or failure, date and time, attempts of
// access, changes of data and errors.
func TestObligation_3_6_2_WhatARecordHolds(t *testing.T) {
	for i, e := range samples() {
		leaf, err := audit.Leaf(e, at)
		if err != nil {
			t.Fatal(i, err)
		}
		out, err := audit.Entry{Leaf: leaf}.OCSF()
		if err != nil {
			t.Fatal(i, err)
		}
		if missing := missingFields(t, out); len(missing) > 0 {
			t.Errorf("sample %d lacks %v", i, missing)
		}
	}
	for _, e := range []audit.Event{
		{Action: reveal().Action, Actor: reveal().Actor},                                      // no outcome
		{Action: reveal().Action, Outcome: audit.Success},                                     // nobody
		{Actor: reveal().Actor, Outcome: audit.Success},                                       // no act
		{Action: strongroom.Action{Name: "a.b", Class: 7}, Actor: reveal().Actor, Outcome: 1}, // no class of OCSF
	} {
		if _, err := audit.Leaf(e, at); err == nil {
			t.Errorf("an incomplete event was taken: %+v", e)
		}
	}
	if len(missingFields(t, []byte(`{"time":0,"status_id":1}`))) != 6 {
		t.Error("the check does not see what is missing")
	}
}

// missingFields returns which of the fields every record must have are not there.
func missingFields(t *testing.T, event []byte) (missing []string) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(event, &got); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"time", "status_id", "action_id", "class_uid", "activity_id", "type_uid", "api"} {
		if v, ok := got[f]; !ok || v == 0.0 {
			missing = append(missing, f)
		}
	}
	return missing
}

func TestClassesOfFieldsAreWords(t *testing.T) {
	for _, c := range fieldmap.Classes() {
		if !audit.KnownWord(c.String()) {
			t.Errorf("class %v cannot be noted", c)
		}
	}
}

func TestNoteKeysAreSorted(t *testing.T) {
	if !audit.NotesSorted() {
		t.Error("the allow-list of notes is not sorted, so some keys cannot be found")
	}
}

func TestOCSF(t *testing.T) {
	e := reveal()
	e.Outcome, e.Code = audit.Denied, "budget"
	leaf, err := audit.Leaf(e, at)
	if err != nil {
		t.Fatal(err)
	}
	out, err := audit.Entry{Position: 1<<40 | 5, Origin: "strongroom.test/one/log_x", Leaf: leaf}.OCSF()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"category_uid": 6.0, "class_uid": 6005.0, "type_uid": 600501.0, "activity_id": 1.0, "severity_id": 3.0,
		"status_id": 2.0, "status": "Failure", "action_id": 2.0, "time": 1795176000123.0, "class_name": "Datastore Activity",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	meta := got["metadata"].(map[string]any)
	if meta["version"] != "1.9.0" || meta["sequence"] != 5.0 || meta["uid"] != fmt.Sprint(1<<40|5) {
		t.Errorf("metadata is %v", meta)
	}
	auth := got["actor"].(map[string]any)["authorizations"].([]any)[0].(map[string]any)
	if auth["decision"] != "deny" {
		t.Errorf("authorization is %v", auth)
	}
	if _, found := classify.Has(out); found {
		t.Error("the detector fires on a rendered event")
	}
}

// A false alarm of the detector stops honest work, so a run of random ids must
// not have one.
func TestDetectorLeavesIDsAlone(t *testing.T) {
	n := 50_000
	if testing.Short() {
		n = 5_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	id := func(prefix string, n int) string {
		b := []byte(prefix)
		for range n {
			b = append(b, alphabet[r.IntN(32)])
		}
		return string(b)
	}
	for range n {
		e := reveal()
		e.Actor.ID, e.Actor.Session = id("svc_", 26), id("key_", 26)
		e.Resource.ID, e.Resource.Store, e.Reference = id("rec_", 26), id("str_", 26), id("", 26)
		e.Notes = []audit.Note{{"digest", fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())}, {"bytes", r.Int64N(1 << 40)}, {"count", r.IntN(1e9)}}
		leaf, err := audit.Leaf(e, at.Add(time.Duration(r.Int64N(1e18))))
		if err != nil {
			t.Fatal(err)
		}
		if kind, found := classify.Has(leaf); found {
			t.Fatalf("the detector sees a %v in %s", kind, leaf)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(golden))
	for _, e := range samples() {
		leaf, err := audit.Leaf(e, at)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(leaf)
	}
	f.Fuzz(func(t *testing.T, leaf []byte) {
		e, err := audit.Entry{Leaf: leaf}.Event()
		if err != nil {
			return
		}
		again, err := audit.Leaf(e, e.Time)
		if err != nil || string(again) != string(leaf) {
			t.Fatalf("a decoded leaf changed: %v\n%s\n%s", err, leaf, again)
		}
		if _, err := (audit.Entry{Leaf: leaf}).OCSF(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkLeafAndScan(b *testing.B) {
	e := reveal()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		leaf, err := audit.AppendLeaf(buf, &e, 1795176000123)
		if err != nil {
			b.Fatal(err)
		}
		if _, found := classify.Has(leaf); found {
			b.Fatal("found")
		}
	}
}

func BenchmarkLeaf(b *testing.B) {
	e := reveal()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := audit.AppendLeaf(buf, &e, 1795176000123); err != nil {
			b.Fatal(err)
		}
	}
}
