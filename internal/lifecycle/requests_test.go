package lifecycle_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/lifecycle"
	"strongroom/internal/vault"
)

// fakeRecords is a vault that only writes down what it is asked.
type fakeRecords struct {
	mu     sync.Mutex
	asked  []string
	fail   error
	broad  bool
	steps  int
	found  []vault.Record
	finder []vault.FindQuery
}

func (f *fakeRecords) EraseShopper(_ context.Context, who strongroom.Actor, q vault.ShopperErasure) (vault.Erased, *guard.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return vault.Erased{}, nil, f.fail
	}
	if f.broad && q.Most > 0 {
		return vault.Erased{}, nil, strongroom.Faultf(strongroom.Conflict, "broad", "too many")
	}
	f.asked = append(f.asked, fmt.Sprint(who.ID, " ", q.Store, " ", q.Orders, " ", q.Shoppers, " ", q.Reason, " ", q.Most))
	return vault.Erased{Count: 3}, nil, nil
}

func (f *fakeRecords) Disconnect(_ context.Context, _ strongroom.Actor, store string, _ bool) (vault.Preview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, "disconnect "+store)
	return vault.Preview{Records: 7}, f.fail
}

func (f *fakeRecords) EraseStoreStep(context.Context, strongroom.Actor, string, int) (int, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps++
	return 3, f.steps < 3, nil
}

func (f *fakeRecords) Find(_ context.Context, _ strongroom.Actor, q vault.FindQuery) ([]vault.Record, string, error) {
	f.finder = append(f.finder, q)
	return f.found, "", nil
}

func (f *fakeRecords) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// inbox is a Requests over a real database, log and guard.
type inbox struct {
	*lifecycle.Requests
	*room
	vault  *fakeRecords
	queued []string
	epoch  uint32
	rolls  bool
}

func requests(t testing.TB) *inbox {
	t.Helper()
	r := enter(t)
	in := &inbox{room: r, vault: &fakeRecords{}, epoch: 1}
	in.Requests = lifecycle.NewRequests(lifecycle.RequestsOptions{
		Guard: r.opts.Guard, Environment: strongroom.Test, Key: r.opts.Key, Cases: r.Cases, Records: in.vault, Store: r.opts.Store,
		Epoch: func() (uint32, bool) { return in.epoch, in.rolls },
		Queue: func(tx *guard.Tx, id string) error {
			tx.AfterCommit(func() { in.queued = append(in.queued, id) })
			return nil
		},
	})
	return in
}

// open opens a request as a signal does.
func (in *inbox) open(s lifecycle.RequestSpec) lifecycle.Request {
	in.t.Helper()
	var q lifecycle.Request
	in.must(in.opts.Guard.Do(context.Background(), strongroom.System("signals"), func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(strongroom.Action{Name: "signal.receive", Class: 3004, Activity: 1}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		q, err = in.OpenTx(tx, s)
		return err
	}))
	return q
}

func (in *inbox) get(id string) lifecycle.Request {
	in.t.Helper()
	q, err := in.Requests.Get(context.Background(), as(authz.Privacy), id)
	in.must(err)
	return q
}

func (in *inbox) person() lifecycle.RequestSpec {
	return lifecycle.RequestSpec{
		Kind: lifecycle.Erasure, Scope: lifecycle.ScopePerson, Source: lifecycle.FromShopify, Stores: []string{in.known},
		Shoppers: []lifecycle.Shopper{{ID: "7730188240151", Email: "inigo.etxegoniz@example.com", Phone: "+52 55 0000 6192"}},
		Orders:   []string{"6120448100001"}, Shop: "nopalito-norte.example.com", Reference: "DN-2026-0613", Mark: [32]byte{7},
	}
}

// TestObligation_2_7_1_RequestIsDone: what is asked for is done by a job, once, with its
// clocks and its proof, and whom it was about goes with it.
func TestObligation_2_7_1_RequestIsDone(t *testing.T) {
	in := requests(t)
	ctx := context.Background()
	q := in.open(in.person())
	if q.State != lifecycle.RequestErasing || !slices.Equal(in.queued, []string{q.ID}) {
		t.Fatalf("%+v, queued %v", q, in.queued)
	}
	now := in.clock.Now()
	if d := q.DeleteBy.Sub(now); d > 30*24*time.Hour || d < 30*24*time.Hour-time.Minute {
		t.Errorf("deleted by %v", q.DeleteBy)
	}
	if d := q.GoneBy.Sub(now); d > 90*24*time.Hour || d < 90*24*time.Hour-time.Minute {
		t.Errorf("gone by %v", q.GoneBy)
	}
	in.vault.fail = strongroom.Faultf(strongroom.Unavailable, "busy", "busy")
	if err := in.Run(ctx, q.ID); !strongroom.IsKind(err, strongroom.Unavailable) || in.get(q.ID).State != lifecycle.RequestErasing {
		t.Fatalf("a failure settles it: %v", err)
	}
	in.vault.fail = nil
	in.must(in.Run(ctx, q.ID))
	in.must(in.Run(ctx, q.ID)) // once more does nothing
	calls := []string{"sys:requests " + in.known + " [6120448100001] [{7730188240151 inigo.etxegoniz@example.com +52 55 0000 6192 }] notice 200"}
	if got := in.vault.took(); !slices.Equal(got, calls) {
		t.Errorf("asked %q", got)
	}
	q = in.get(q.ID)
	if q.State != lifecycle.RequestErased || q.Records != 3 || q.CopiesDead || q.Overdue || q.Reference != "DN-2026-0613" || !q.Closed.IsZero() {
		t.Errorf("%+v", q)
	}
	_, err := in.Matching(ctx, as(authz.Privacy), q.ID)
	want(t, err, strongroom.Conflict, "request-state") // nobody is named any more
	in.epoch++
	in.rolls = true
	in.must(in.Tend(ctx))
	if q = in.get(q.ID); q.CopiesDead {
		t.Error("copies are dead while an older key is there")
	}
	in.rolls = false
	in.must(in.Tend(ctx))
	if q = in.get(q.ID); !q.CopiesDead || q.Closed.IsZero() {
		t.Errorf("%+v", q)
	}
	in.rolls = true
	if q = in.get(q.ID); !q.CopiesDead {
		t.Error("what was proved is not true any more")
	}
	if n := len(in.events("erasure.run")); n != 2 {
		t.Errorf("%d events", n)
	}
}

// TestObligation_2_7_1_OverdueIsSeen: a request that is not done by its date is red,
// and so is one whose older copies outlive the ninetieth day.
func TestObligation_2_7_1_OverdueIsSeen(t *testing.T) {
	in := requests(t)
	ctx := context.Background()
	s := in.person()
	s.Stores = nil
	q := in.open(s)
	gauges := func() lifecycle.RequestGauges {
		g, err := in.Gauges(ctx)
		in.must(err)
		return g
	}
	if g := gauges(); g.Waiting != 1 || g.Overdue != 0 || !g.Next.Equal(q.DeleteBy) {
		t.Errorf("%+v", g)
	}
	in.set("2026-12-20T11:59:00Z")
	if in.get(q.ID).Overdue {
		t.Error("overdue a minute early")
	}
	in.set("2026-12-20T12:01:00Z")
	if g := gauges(); !in.get(q.ID).Overdue || g.Overdue != 1 {
		t.Errorf("%+v", g)
	}
	_, err := in.Assign(ctx, as(authz.Privacy), q.ID, in.known)
	in.must(err)
	in.must(in.Run(ctx, q.ID))
	if g := gauges(); g.Overdue != 0 || g.Open != 1 || !g.Next.Equal(q.GoneBy) {
		t.Errorf("%+v", g)
	}
	in.set("2027-02-18T12:01:00Z")
	if g := gauges(); g.Overdue != 1 {
		t.Errorf("copies of erased records are not overdue: %+v", g)
	}
	in.epoch++
	in.must(in.Tend(ctx))
	if g := gauges(); g != (lifecycle.RequestGauges{}) {
		t.Errorf("%+v", g)
	}
}

func TestNoticeDates(t *testing.T) {
	in := requests(t)
	for _, c := range []struct{ issued, delete, gone, wantIssued, wantDelete, wantGone string }{
		{"2026-11-17T15:00:00Z", "2026-12-17T00:00:00Z", "2027-02-15T00:00:00Z", "2026-11-17", "2026-12-17", "2027-02-15"},
		{"2026-11-17T15:00:00Z", "2026-12-30T00:00:00Z", "2027-03-15T00:00:00Z", "2026-11-17", "2026-12-17", "2027-02-15"},
		{"2026-11-17T15:00:00Z", "2026-12-01T00:00:00Z", "", "2026-11-17", "2026-12-01", "2027-02-15"},
		{"2026-12-17T15:00:00Z", "2026-11-01T00:00:00Z", "", "2026-11-20", "2026-12-20", "2027-02-18"}, // not yet, and before itself
		{"", "", "", "2026-11-20", "2026-12-20", "2027-02-18"},
	} {
		s := in.person()
		at := func(text string) time.Time {
			if text == "" {
				return time.Time{}
			}
			return date(text)
		}
		s.Issued, s.DeleteBy, s.GoneBy = at(c.issued), at(c.delete), at(c.gone)
		q := in.open(s)
		day := func(t time.Time) string { return t.Format(time.DateOnly) }
		if day(q.Issued) != c.wantIssued || day(q.DeleteBy) != c.wantDelete || day(q.GoneBy) != c.wantGone {
			t.Errorf("%+v: %v %v %v", c, q.Issued, q.DeleteBy, q.GoneBy)
		}
	}
}

// TestWaiting: a request that a person has to look at waits, visibly, and goes on as
// the person says.
func TestWaiting(t *testing.T) {
	in := requests(t)
	ctx, privacy := context.Background(), as(authz.Privacy)
	s := in.person()
	s.Stores = nil
	q := in.open(s)
	if q.State != lifecycle.RequestWaiting || len(in.queued) != 0 {
		t.Fatalf("%+v", q)
	}
	in.must(in.Run(ctx, q.ID))
	_, err := in.Confirm(ctx, privacy, q.ID, false)
	want(t, err, strongroom.Conflict, "request-state")
	_, err = in.Assign(ctx, privacy, q.ID, strongroom.NewID("str"))
	want(t, err, strongroom.NotFound, "store")
	_, err = in.Assign(ctx, privacy, strongroom.NewID("erq"), in.known)
	want(t, err, strongroom.NotFound, "request")
	_, err = in.Assign(ctx, as(authz.Operator), q.ID, in.known)
	if !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an operator decides: %v", err)
	}
	_, err = in.Assign(ctx, as(authz.Privacy, strongroom.NewID("str")), q.ID, in.known)
	if !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("somebody of another store decides: %v", err)
	}
	if len(in.vault.took()) != 0 {
		t.Fatal("it was done while it waited")
	}
	q, err = in.Assign(ctx, privacy, q.ID, in.known)
	if err != nil || q.State != lifecycle.RequestErasing || !slices.Equal(in.queued, []string{q.ID}) {
		t.Fatalf("%+v, %v", q, err)
	}
	in.vault.broad = true
	in.must(in.Run(ctx, q.ID))
	if q = in.get(q.ID); !slices.Equal(q.Waits, []lifecycle.WaitReason{lifecycle.WaitBroad}) {
		t.Fatalf("%+v", q)
	}
	_, err = in.Confirm(ctx, privacy, q.ID, true)
	want(t, err, strongroom.Conflict, "request-state") // what it covers is not in question
	_, err = in.Confirm(ctx, privacy, q.ID, false)
	in.must(err)
	in.must(in.Run(ctx, q.ID))
	if q = in.get(q.ID); q.State != lifecycle.RequestErased {
		t.Errorf("%+v", q)
	}
	_, err = in.Dismiss(ctx, privacy, q.ID, lifecycle.DismissMistaken)
	want(t, err, strongroom.Conflict, "request-state")

	unclear := lifecycle.RequestSpec{Kind: lifecycle.Erasure, Scope: lifecycle.ScopePerson, Source: lifecycle.FromEcartAPI, Stores: []string{in.known}, Waits: []lifecycle.WaitReason{lifecycle.WaitScope}}
	q = in.open(unclear)
	_, err = in.Confirm(ctx, privacy, q.ID, false)
	want(t, err, strongroom.Conflict, "request-state") // it names nobody
	_, err = in.Confirm(ctx, privacy, q.ID, true)
	in.must(err)
	in.must(in.Run(ctx, q.ID))
	if got := in.vault.took(); got[len(got)-1] != "disconnect "+in.known || in.vault.steps != 3 {
		t.Errorf("asked %q, %d steps", got, in.vault.steps)
	}
	if q = in.get(q.ID); q.Records != 7 || q.Scope != lifecycle.ScopeStore {
		t.Errorf("%+v", q)
	}
	q = in.open(unclear)
	q, err = in.Dismiss(ctx, privacy, q.ID, lifecycle.DismissDuplicate)
	if err != nil || q.State != lifecycle.RequestDismissed || q.Overdue {
		t.Errorf("%+v, %v", q, err)
	}
	_, err = in.Dismiss(ctx, privacy, q.ID, "because")
	want(t, err, strongroom.Invalid, "reason")
}

// TestScheduled: an erasure that has its day waits for it, and no longer than the
// notice allows.
func TestScheduled(t *testing.T) {
	in := requests(t)
	ctx := context.Background()
	s := lifecycle.RequestSpec{Kind: lifecycle.Erasure, Scope: lifecycle.ScopeStore, Source: lifecycle.FromClosing, Stores: []string{in.known}, EraseAt: date("2026-11-27T12:00:00Z")}
	q := in.open(s)
	in.must(in.Tend(ctx))
	in.must(in.Run(ctx, q.ID))
	if q.State != lifecycle.RequestScheduled || len(in.queued) != 0 || len(in.vault.took()) != 0 {
		t.Fatalf("%+v", q)
	}
	in.set("2026-11-27T12:00:01Z")
	in.must(in.Tend(ctx))
	if !slices.Equal(in.queued, []string{q.ID}) {
		t.Fatalf("queued %v", in.queued)
	}
	in.must(in.Run(ctx, q.ID))
	if in.get(q.ID).State != lifecycle.RequestErased {
		t.Error("it was not done on its day")
	}
	s.EraseAt = date("2028-01-01T00:00:00Z")
	if q := in.open(s); !q.EraseAt.Equal(q.DeleteBy) {
		t.Errorf("erased at %v, after %v", q.EraseAt, q.DeleteBy)
	}
}

// TestObligation_3_2_8_QuestionBecomesCase: a shopper's question opens a case for its
// store, a person finds the records by it without reading who asked, and it is over
// with the case.
func TestObligation_3_2_8_QuestionBecomesCase(t *testing.T) {
	in := requests(t)
	ctx, privacy := context.Background(), as(authz.Privacy)
	s := in.person()
	s.Kind = lifecycle.Access
	q := in.open(s)
	if q.State != lifecycle.RequestAnswering || q.Case == "" || len(in.queued) != 0 {
		t.Fatalf("%+v", q)
	}
	c, err := in.Cases.Get(ctx, privacy, q.Case)
	if err != nil || c.Store != in.known || c.Purpose != strongroom.SubjectRequest || !c.Due.Equal(q.DeleteBy) {
		t.Errorf("%+v, %v", c, err)
	}
	in.must(in.check(q.Case, strongroom.SubjectRequest, in.known))
	in.vault.found = []vault.Record{{ID: "rec_1"}, {ID: "rec_2"}}
	list, err := in.Matching(ctx, privacy, q.ID)
	if err != nil || !slices.Equal(list, []string{"rec_1", "rec_2"}) || len(in.vault.finder) != 4 {
		t.Errorf("%v, %v, %d questions", list, err, len(in.vault.finder))
	}
	in.must(in.Run(ctx, q.ID))
	if len(in.vault.took()) != 0 {
		t.Error("a question erased something")
	}
	in.must(in.Tend(ctx))
	if in.get(q.ID).State != lifecycle.RequestAnswering {
		t.Error("it is over before its case")
	}
	_, err = in.Cases.Close(ctx, privacy, q.Case, lifecycle.CloseAnswered)
	in.must(err)
	in.must(in.Tend(ctx))
	if q = in.get(q.ID); q.State != lifecycle.RequestAnswered || q.Overdue {
		t.Errorf("%+v", q)
	}
}

// TestObligation_3_1_5_RequestsAreSealed: neither table nor log holds whom a request is
// about, before or after, and an edited row does not open.
func TestObligation_3_1_5_RequestsAreSealed(t *testing.T) {
	in := requests(t)
	ctx := context.Background()
	s := in.person()
	s.Reference = "inigo etxegoniz" // no name by its grammar
	q := in.open(s)
	secrets := []string{"inigo", "etxegoniz", "7730188240151", "6120448100001", "6192", "nopalito"}
	read := func() (out []byte) {
		in.exec(func(tx *db.Tx) error {
			var id, store, answer string
			var mark, sealed []byte
			err := tx.QueryRow("select id, store, answer, mark, sealed from lifecycle_request where id = $1", q.ID).Scan(&id, &store, &answer, &mark, &sealed)
			out = slices.Concat([]byte(id+store+answer), mark, sealed)
			return err
		})
		for _, a := range []string{"signal.receive", "erasure.run", "erasure.list"} {
			out = fmt.Append(out, in.events(a))
		}
		return out
	}
	before := read()
	in.must(in.Run(ctx, q.ID))
	after := read()
	for _, v := range secrets {
		if bytes.Contains(before, []byte(v)) || bytes.Contains(after, []byte(v)) {
			t.Errorf("%s is readable", v)
		}
	}
	if !bytes.Contains(before, []byte(in.known)) {
		t.Error("the check reads nothing")
	}
	if got := in.get(q.ID); got.Reference != "" {
		t.Error("a text of the sender's is kept as its number")
	}
	for _, edit := range []func(tx *db.Tx) (int64, error){
		func(tx *db.Tx) (int64, error) { return tx.Exec("update lifecycle_request set erased_at = 0") },
		func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_request set delete_by = delete_by + 1")
		},
		func(tx *db.Tx) (int64, error) { return tx.Exec("update lifecycle_request set records = 4") },
		func(tx *db.Tx) (int64, error) { return tx.Exec("update lifecycle_request set wait = 1") },
	} {
		in.exec(func(tx *db.Tx) error { _, err := edit(tx); return err })
		_, err := in.Requests.Get(ctx, as(authz.Privacy), q.ID)
		want(t, err, strongroom.Internal, "request-sealed")
	}
}
