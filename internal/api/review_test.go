package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/authz"
)

const day = 24 * time.Hour

// item is an account or right as the routes of reviews show it.
type item struct {
	ID, Sort, Account, Owner, System string
	Roles                            []string
}

type entry struct {
	Entry    int
	Item     item
	Verdict  string
	Text     string
	Failure  string
	Verified string `json:"verified_at"`
}

type campaign struct {
	ID, Digest string
	Entries    int
	Counts     struct{ Decided, Due, Verified int }
}

// frozen opens a review as u and returns it with its entries, two on a page.
func (u *user) frozen(kind string) (c campaign, all []entry) {
	u.f.t.Helper()
	u.want(http.StatusCreated, "POST", "/v1/reviews", `{"kind":"`+kind+`"}`, &c)
	return c, u.entries(c.ID)
}

func (u *user) entries(id string) (all []entry) {
	u.f.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Entries []entry
			Next    string `json:"next_cursor"`
		}
		u.want(http.StatusOK, "GET", "/v1/reviews/"+id+"/entries?limit=2"+cursor, "", &page)
		if all = append(all, page.Entries...); page.Next == "" {
			return all
		}
		cursor = "&cursor=" + page.Next
	}
}

// verdict is the body of decisions.
func verdict(word, reason string, entries ...entry) string {
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprintf(`{"entry":%d,"verdict":%q,"reason":%q}`, e.Entry, word, reason))
	}
	return fmt.Sprintf(`{"decisions":[%s],"confirm":%d}`, strings.Join(list, ","), len(list))
}

// code returns the code of a refusal with a status.
func (u *user) refused(status int, method, path, body string) string {
	u.f.t.Helper()
	return u.f.problem(u.want(status, method, path, body, nil)).Code
}

// A quarter at the door: frozen, decided by others, executed, read back, closed.
func TestObligation_2_2_10_AtTheDoor(t *testing.T) {
	f := serve(t, nil)
	o, owner := f.first()
	sec, _ := o.join("petra@lindqvist.example", "security")
	clerk := o.hire("aurel@brandt.example", "operator")
	c, all := sec.frozen("people")
	if len(all) != c.Entries || c.Entries != 6 || len(c.Digest) != 64 {
		t.Fatalf("%+v, %+v", c, all)
	}
	if e := f.events("review.open"); len(e) != 1 || noteOf(e[0], "digest") != c.Digest {
		t.Errorf("the event does not have the digest: %+v", e)
	}
	path := "/v1/reviews/" + c.ID
	sec.want(http.StatusConflict, "POST", "/v1/reviews", `{"kind":"people"}`, nil)
	var own, others []entry
	var right entry
	for _, e := range all {
		switch {
		case e.Item.Account == owner:
			own = append(own, e)
		case e.Item.Account == clerk && e.Item.Sort == "right":
			right = e
		default:
			others = append(others, e)
		}
	}
	// Planted: the own account, alone and in the midst of others.
	o.want(http.StatusForbidden, "POST", path+"/decisions", verdict("keep", "needed", own[0]), nil)
	o.want(http.StatusForbidden, "POST", path+"/decisions", verdict("keep", "needed", right, own[0]), nil)
	if code := sec.refused(http.StatusBadRequest, "POST", path+"/decisions", strings.Replace(verdict("keep", "needed", own...), `"confirm":2`, `"confirm":3`, 1)); code != "confirm" {
		t.Errorf("a bulk with another count: %s", code)
	}
	sec.want(http.StatusNoContent, "POST", path+"/decisions", verdict("keep", "needed", own...), nil)
	sec.want(http.StatusNoContent, "POST", path+"/decisions", verdict("remove", "unused", right), nil)
	if code := sec.refused(http.StatusConflict, "POST", path+"/close", ""); code != "undecided" {
		t.Errorf("closed while undecided: %s", code)
	}
	for _, e := range others { // hers are for the owner
		o.want(http.StatusNoContent, "POST", path+"/decisions", verdict("keep", "needed", e), nil)
	}
	if code := sec.refused(http.StatusConflict, "POST", path+"/close", ""); code != "unverified" {
		t.Errorf("closed before it was executed: %s", code)
	}
	var x struct{ Executed, Verified, Failed, Waiting, Left int }
	sec.want(http.StatusOK, "POST", path+"/execute", "", &x)
	if x.Executed != 1 || x.Verified != 1 || x.Failed+x.Waiting+x.Left != 0 {
		t.Errorf("%+v", x)
	}
	var grants struct{ Grants []struct{ State string } }
	if o.want(http.StatusOK, "GET", "/v1/grants?person="+clerk, "", &grants); len(grants.Grants) != 1 || grants.Grants[0].State != "ended" {
		t.Errorf("%+v", grants)
	}
	o.want(http.StatusOK, "POST", path+"/close", "", &c)
	if c.Counts.Decided != 6 || c.Counts.Due != 1 || c.Counts.Verified != 1 {
		t.Errorf("%+v", c)
	}
	var list struct {
		Reviews   []struct{ ID string }
		Deadlines []struct {
			Kind    string
			Overdue bool
			Due     time.Time `json:"due_at"`
		}
	}
	o.want(http.StatusOK, "GET", "/v1/reviews", "", &list)
	if len(list.Reviews) != 1 || list.Deadlines[0].Overdue || list.Deadlines[0].Due.Before(f.clock.Now().Add(80*day)) {
		t.Errorf("%+v", list)
	}
}

// Services are reviewed apart; a key that was removed opens nothing.
func TestObligation_2_2_11_AtTheDoor(t *testing.T) {
	f := serve(t, nil)
	sec, id := f.first()
	key := f.newKey(authz.Auditor)
	as := header{"Authorization", "Bearer " + key}
	if a := f.call("GET", "/v1/stores", "", as); a.status != http.StatusOK {
		t.Fatalf("planted: the key opens nothing: %d", a.status)
	}
	c, all := sec.frozen("services")
	path := "/v1/reviews/" + c.ID
	for _, e := range all {
		word, reason := "keep", "needed"
		if slices.Equal(e.Item.Roles, []string{authz.Auditor}) {
			word, reason = "remove", "unknown"
		}
		sec.want(http.StatusNoContent, "POST", path+"/decisions", verdict(word, reason, e), nil)
		if e.Item.Sort != "account" || e.Item.Account == id {
			t.Errorf("%+v", e)
		}
	}
	sec.want(http.StatusOK, "POST", path+"/execute", "", nil)
	sec.want(http.StatusOK, "POST", path+"/close", "", nil)
	if a := f.call("GET", "/v1/stores", "", as); a.status != http.StatusUnauthorized {
		t.Errorf("a key that was removed answers with %d", a.status)
	}
}

// What is there is approved as it was seen; what comes later departs from it.
func TestObligation_2_2_6_AtTheDoor(t *testing.T) {
	f := serve(t, nil)
	o, _ := f.first()
	var seen struct {
		Digest string
		Items  []item
	}
	o.want(http.StatusNotFound, "GET", "/v1/baselines/services", "", nil)
	o.want(http.StatusOK, "GET", "/v1/baselines/services/present", "", &seen)
	if code := o.refused(http.StatusConflict, "POST", "/v1/baselines/services/approve", `{"digest":"00"}`); code != "digest" {
		t.Errorf("approved unseen: %s", code)
	}
	o.want(http.StatusOK, "POST", "/v1/baselines/services/approve", `{"digest":"`+seen.Digest+`"}`, nil)
	type drift struct {
		Findings []struct {
			Flaw string
			Item item
		}
		Proposals []struct {
			Item item
			Used []string
			To   struct{ Roles []string }
		}
	}
	var before, after drift
	o.want(http.StatusOK, "GET", "/v1/baselines/services/drift", "", &before)
	f.newKey(authz.Auditor)
	o.want(http.StatusOK, "GET", "/v1/baselines/services/drift", "", &after)
	if len(before.Findings) != 0 || len(after.Findings) != 1 || after.Findings[0].Flaw != "unapproved" || after.Findings[0].Item.Roles[0] != authz.Auditor {
		t.Errorf("before %+v, after %+v", before, after)
	}
	o.want(http.StatusBadRequest, "GET", "/v1/baselines/everybody", "", nil)
	f.clock.SetOffset(f.clock.Offset() + 40*day)
	o.signIn(ownerEmail)
	o.want(http.StatusOK, "GET", "/v1/baselines/services/drift", "", &after)
	if n := len(after.Findings); n < 2 || after.Findings[n-1].Flaw != "dormant" {
		t.Errorf("nothing is dormant after 40 days: %+v", after)
	}
}

// What a role permits, read from the policies in force, stands beside what was used.
func TestObligation_2_3_2_GrantedAndUsedAtTheDoor(t *testing.T) {
	f := serve(t, nil)
	key := header{"Authorization", "Bearer " + f.newKey(authz.Operator, authz.Auditor)}
	idle := header{"Authorization", "Bearer " + f.newKey(authz.Security)}
	f.call("GET", "/v1/stores", "", idle)
	f.clock.SetOffset(f.clock.Offset() + 95*day)
	if a := f.call("GET", "/v1/audit/events?limit=1", "", key); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var x struct {
		Findings []struct {
			Flaw string
			Item item
		}
		Proposals []struct {
			Item item
			Used []string
			To   struct{ Roles []string }
		}
	}
	f.get("GET", "/v1/baselines/services/drift", "", &x)
	narrowed, unused := false, false
	for _, p := range x.Proposals {
		narrowed = narrowed || len(p.Item.Roles) == 2 && slices.Equal(p.To.Roles, []string{authz.Auditor}) && slices.Contains(p.Used, "log.read")
	}
	for _, g := range x.Findings {
		unused = unused || g.Flaw == "unused" && slices.Equal(g.Item.Roles, []string{authz.Security})
	}
	if !narrowed || !unused {
		t.Errorf("%+v", x)
	}
}

// Reveals of a month are drawn, and judged by somebody else than who opened them.
func TestObligation_2_3_3_SamplesAtTheDoor(t *testing.T) {
	f := serve(t, nil)
	o, owner := f.first()
	id, store := f.store()
	f.get("POST", store+"/ingest?resource=orders&version=v2", `{"order":{"id":"6120448100999","number":"5001","email":"hepzibah.quackenbosch.1b2c@example.com","currency":"USD","items":[{"id":"1","sku":"LARK","name":"Ink","quantity":"2"}]}}`, nil)
	var list struct{ Records []struct{ ID string } }
	f.get("GET", store+"/records?kind=order", "", &list)
	f.get("POST", store+"/records/"+list.Records[0].ID+"/reveal", `{"purpose":"fulfilment","reference":"5001"}`, nil)
	month := f.clock.Now().Format("2006-01")
	f.clock.SetOffset(f.clock.Offset() + 31*day)
	if n, err := f.reviews.DrawDue(context.Background(), strongroom.System("review")); err != nil || n != 1 {
		t.Fatalf("%d months drawn, %v", n, err)
	}
	o.signIn(ownerEmail)
	var m struct {
		Root    string
		Open    int
		Samples []struct {
			Position                      int64
			Actor, Store, Record, Purpose string
			Judgement                     string
			By                            string `json:"judged_by"`
		}
	}
	path := "/v1/samples/" + month
	o.want(http.StatusOK, "GET", path, "", &m)
	if len(m.Samples) != 1 || m.Open != 1 || m.Samples[0].Store != id || len(m.Root) != 64 {
		t.Fatalf("%+v", m)
	}
	judge := fmt.Sprintf(`{"position":%d,"judgement":"justified","text":"the order was shipped"}`, m.Samples[0].Position)
	if a := f.call("POST", path+"/judge", judge); a.status != http.StatusForbidden { // planted: who opened it
		t.Errorf("the own reveal: %d", a.status)
	}
	if code := o.refused(http.StatusBadRequest, "POST", path+"/judge", strings.Replace(judge, "the order", "jana@example.com", 1)); code != "reason-personal" {
		t.Errorf("an address in the reason: %s", code)
	}
	o.want(http.StatusNoContent, "POST", path+"/judge", judge, nil)
	o.want(http.StatusConflict, "POST", path+"/judge", judge, nil)
	o.want(http.StatusOK, "GET", path, "", &m)
	if m.Open != 0 || m.Samples[0].Judgement != "justified" || m.Samples[0].By != owner {
		t.Errorf("%+v", m)
	}
	o.want(http.StatusBadRequest, "GET", "/v1/samples/2026-1", "", nil)
}

// Who reviews nothing reaches none of it.
func TestReviewsAreForThoseWhoReview(t *testing.T) {
	f := serve(t, nil)
	app := header{"Authorization", "Bearer " + f.newKey(authz.Application)}
	tried := 0
	for _, rt := range api.Routes() {
		if !strings.HasPrefix(rt.Action, "review.") && !strings.HasPrefix(rt.Action, "register.") {
			continue
		}
		tried++
		path := strings.NewReplacer("{kind}", "people", "{month}", "2026-01").Replace(rt.Path)
		if rt.Action == "register.edit" && strings.Contains(path, "{id}") {
			path = strings.ReplaceAll(path, "{id}", strongroom.NewID("ext"))
		}
		path = strings.ReplaceAll(path, "{id}", strongroom.NewID("cmp"))
		if strings.HasSuffix(path, "/holders") {
			path += "?action=key.rotate"
		}
		body := ""
		if rt.HasBody() {
			body = "{}"
		}
		if a := f.call(rt.Method, path, body, app); a.status != http.StatusForbidden {
			t.Errorf("%s %s: %d %s", rt.Method, rt.Path, a.status, a.body)
		}
		if a := f.call(rt.Method, path, body); a.status == http.StatusForbidden && !strings.HasSuffix(path, "/judge") {
			t.Errorf("planted: %s %s is refused to everybody: %s", rt.Method, rt.Path, a.body)
		}
	}
	if tried < 20 {
		t.Errorf("%d routes", tried)
	}
}
