package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/authz"
)

const mateEmail = "petra@lindqvist.example"

type report struct {
	Dry                     bool `json:"dry_run"`
	Lines, Ended, Suspended int
	Scheduled, Already      int
	Unknown                 []int
	Failed                  []struct {
		Line int
		Code string
	}
	Late []struct {
		Line   int
		Person string
	}
}

type leaver struct {
	Person, Cause string
	Event         time.Time `json:"event_at"`
	Revoked       time.Time `json:"revoked_at"`
	Took          float64   `json:"took_seconds"`
	Late          bool
	Probed        *time.Time `json:"probed_at"`
	Open          []string
}

// TestObligation_2_2_12_FeedThroughTheDoor: a feed is looked at first and then carried
// out; what is bad is named by line and never by value; the proof and a probe say how
// long it took and that no way in is left.
func TestObligation_2_2_12_FeedThroughTheDoor(t *testing.T) {
	f := serve(t, nil)
	u, _ := f.first()
	mate, second := u.join(mateEmail, "operator")
	feed := "Work email;Last day;Event time\n" +
		mateEmail + ";2026-10-18;2026-10-17T08:00:00Z\n" +
		"nobody.quackenbosch@vandersmissen.example;2026-10-18;\n" +
		"mira.quackenbosch@vandersmissen.example;the day after;\n" +
		ownerEmail + ";2026-10-18;\n"
	send := func(query, body string, h ...header) (answer, report) {
		t.Helper()
		var r report
		a := f.call("POST", "/v1/leavers"+query, body, append([]header{{"Content-Type", "text/csv"}}, h...)...)
		if a.status == http.StatusOK {
			f.must(jsonInto(a.body, &r))
		}
		if strings.Contains(string(a.body), "quackenbosch") || strings.Contains(string(a.body), "the day") {
			t.Errorf("the answer repeats the feed: %s", a.body)
		}
		return a, r
	}
	_, r := send("?dry_run=true&zone=Europe/Berlin", feed)
	if !r.Dry || r.Lines != 4 || r.Ended != 1 || len(r.Unknown) != 1 || r.Unknown[0] != 3 || len(r.Failed) != 2 || r.Failed[0].Line != 4 || r.Failed[0].Code != "end" || r.Failed[1].Code != "last-owner" {
		t.Errorf("dry: %+v", r)
	}
	var list struct {
		Leavers []leaver
		Next    string `json:"next_cursor"`
	}
	f.get("GET", "/v1/leavers", "", &list)
	if len(list.Leavers) != 0 {
		t.Fatalf("a dry run ended somebody: %+v", list)
	}
	if a := f.call("POST", "/v1/leavers/"+second+"/probe", ""); a.status != http.StatusNotFound {
		t.Errorf("a probe of who has not left: %d %s", a.status, a.body)
	}
	mate.want(http.StatusOK, "GET", "/v1/session", "", nil) // planted: still in
	f.get("POST", "/v1/register/import", `{"system":"db-1","sort":"database","accounts":[{"account":"mate","bound":"`+second+`"}]}`, nil)
	// The last owner stays, and the line says so.
	_, r = send("?zone=Europe/Berlin", feed)
	if r.Dry || r.Ended != 1 || len(r.Failed) != 2 || r.Failed[1].Line != 5 || len(r.Late) != 1 || r.Late[0].Person != second || r.Late[0].Line != 2 {
		t.Errorf("done: %+v", r)
	}
	if a := mate.call("GET", "/v1/session", ""); a.status != http.StatusUnauthorized {
		t.Errorf("the session of who left: %d", a.status)
	}
	f.get("GET", "/v1/leavers?limit=1", "", &list)
	if len(list.Leavers) != 1 || list.Next != "" {
		t.Fatalf("%+v", list)
	}
	x := list.Leavers[0]
	if x.Person != second || x.Cause != "feed" || !x.Late || x.Took < 24*3600 || x.Probed != nil || !x.Event.Equal(time.Date(2026, 10, 17, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("the proof: %+v", x)
	}
	var left struct{ Outside []leftWay }
	f.get("POST", "/v1/leavers/"+second+"/probe", "", &left)
	if len(left.Outside) != 1 || left.Outside[0].System != "db-1" || left.Outside[0].Ended != nil {
		t.Errorf("a way outside that is open: %+v", left)
	}
	f.get("POST", "/v1/register/import", `{"system":"db-1","sort":"database","accounts":[],"confirm":true}`, nil)
	f.get("POST", "/v1/leavers/"+second+"/probe", "", &left)
	if len(left.Outside) != 1 || left.Outside[0].Ended == nil || left.Outside[0].Took < 24*3600 {
		t.Errorf("when it ended: %+v", left)
	}
	f.get("POST", "/v1/leavers/"+second+"/probe", "", &x)
	if x.Probed == nil || x.Open == nil || len(x.Open) != 0 {
		t.Errorf("the probe: %+v", x)
	}
	u.want(http.StatusOK, "GET", "/v1/session", "", nil) // planted: who did not leave is still in
	for query, body := range map[string]string{"?zone=Nowhere/Land": feed, "?format=xml": feed, "": "a,b\n1,2\n", "?since=1": feed, "?format=json": feed} {
		if a, _ := send(query, body); a.status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", query, a.status, a.body)
		}
	}
	if a, _ := send("", feed, header{"Content-Type", "application/xml"}); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("another media type: %d %s", a.status, a.body)
	}
	if a := f.call("GET", "/v1/leavers?cursor=usr_00000000000000000000000000", ""); a.status != http.StatusBadRequest {
		t.Errorf("a cursor of nobody: %d %s", a.status, a.body)
	}
}

// TestLeaversByRole: a directory's key reads a feed and nothing else of it; an
// operator does neither.
func TestLeaversByRole(t *testing.T) {
	f := serve(t, nil)
	for _, c := range []struct {
		role       string
		feed, list int
	}{{authz.Provisioner, 200, 403}, {authz.Operator, 403, 403}, {authz.Auditor, 403, 200}, {authz.Security, 200, 200}} {
		auth := header{"Authorization", "Bearer " + f.newKey(c.role)}
		if a := f.call("POST", "/v1/leavers?dry_run=true", "email\nx@kitchen.example\n", auth, header{"Content-Type", "text/csv"}); a.status != c.feed {
			t.Errorf("%s sends a feed: %d %s", c.role, a.status, a.body)
		}
		if a := f.call("GET", "/v1/leavers", "", auth); a.status != c.list {
			t.Errorf("%s lists: %d %s", c.role, a.status, a.body)
		}
	}
}

// TestFeedTellsHowFarItIs: asked for lines, the door says how far it is before it
// reports; otherwise it reports alone.
func TestFeedTellsHowFarItIs(t *testing.T) {
	f := serve(t, nil)
	feed := `[{"email":"x@kitchen.example"},{"email":"y@kitchen.example"}]`
	a := f.call("POST", "/v1/leavers?dry_run=true", feed, header{"Accept", "application/x-ndjson"})
	lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" || len(lines) != 2 || lines[0] != `{"progress":{"done":0,"lines":2}}` {
		t.Fatalf("%d %v %q", a.status, a.header, lines)
	}
	var r report
	f.must(jsonInto([]byte(lines[1]), &r))
	if r.Lines != 2 || len(r.Unknown) != 2 {
		t.Errorf("%+v", r)
	}
	a = f.call("POST", "/v1/leavers?dry_run=true", feed)
	if strings.Contains(string(a.body), "progress") || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("without being asked: %s", a.body)
	}
}

// leftWay is a way outside of somebody who left.
type leftWay struct {
	System string
	Ended  *time.Time `json:"ended_at"`
	Took   float64    `json:"took_seconds"`
}
