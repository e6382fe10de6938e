package apptest_test

import (
	"net/http"
	"testing"

	"strongroom/internal/apptest"
)

// TestObligation_2_7_3_ErasureIsFinal: what a request erased opens in no copy once the
// request says so. Before the roll the copy opens, and the request says that too: that
// is the planted negative.
func TestObligation_2_7_3_ErasureIsFinal(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Copied", "shopify")
	order := apptest.NewOrder(1, start.AddDate(0, 0, -3))
	id := i.Take(store, order)
	list, _ := i.Records(store)
	i.Stop()
	data := i.CopyData()
	i.Serve()
	var e erasure
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/erasures", Body: map[string]any{"store": store, "orders": []string{list[0].ExternalID}}}, &e)
	e = settled(t, i, e.ID)
	if e.State != "erased" || e.Records != 1 || e.Proof == 0 || e.CopiesDead {
		t.Errorf("%+v", e)
	}
	i.Stop()
	before := i.CopyKeys()
	thief, err := data.Steal(t, before)
	if err != nil {
		t.Fatalf("before the roll the copy must open, or this test proves nothing: %v", err)
	}
	if got := thief.Reveal(store, id); string(got) != string(order.JSON()) {
		t.Errorf("before the roll the copy opens as %s", got)
	}
	thief.Stop()
	i.Serve()
	i.Roll()
	i.Sweep() // the request is over
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures/" + e.ID}, &e)
	if !e.CopiesDead || e.Overdue {
		t.Errorf("after the roll: %+v", e)
	}
	var open struct{ Erasures []erasure }
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures?open=true"}, &open)
	if len(open.Erasures) != 0 {
		t.Errorf("it is not over: %+v", open.Erasures)
	}
	i.Stop()
	after := i.CopyKeys()
	if thief, err = data.Steal(t, after); err == nil {
		if a := thief.Call(apptest.Revealing(store, id)); a.Status < 400 {
			t.Errorf("after the roll the copy still opens: %d", a.Status)
		}
	}
}
