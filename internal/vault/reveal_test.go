package vault_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/vault"
)

// TestBudgetCannotBeOverdrawn has 32 callers reveal at once for a budget of 20.
func TestBudgetCannotBeOverdrawn(t *testing.T) {
	f := openWith(t, setup{budgets: vault.Budgets{RecordsHour: 20, RecordsDay: 25}})
	id := f.ingest("orders", order).Records[0].ID
	race := func() (opened, refused int64) {
		var o, r atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				switch body, err := f.reveal(id); {
				case err == nil && body != "":
					o.Add(1)
				case strongroom.IsKind(err, strongroom.Exhausted) && body == "":
					r.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return o.Load(), r.Load()
	}
	if o, r := race(); o != 20 || r != 12 {
		t.Errorf("opened %d, refused %d, want 20, 12", o, r)
	}
	f.pass(time.Hour)
	if o, r := race(); o != 5 || r != 27 { // a new hour, but the day allows 25
		t.Errorf("an hour later opened %d, refused %d, want 5, 27", o, r)
	}
	f.pass(24 * time.Hour)
	if o, _ := race(); o != 20 {
		t.Errorf("a day later opened %d, want 20", o)
	}
	// Refusals are denials in the log, and each opening is one success.
	var ok, denied int
	for _, e := range f.events("record.reveal") {
		switch e.Outcome {
		case audit.Success:
			ok++
		case audit.Denied:
			denied++
			if e.Code != "budget" {
				t.Errorf("denied with code %q", e.Code)
			}
		}
	}
	if ok != 45 || denied != 51 {
		t.Errorf("the log says %d opened, %d denied", ok, denied)
	}
}

// TestBudgetsAreApart: principals, purposes and stores have budgets of their own,
// and fields count as well as records.
func TestBudgetsAreApart(t *testing.T) {
	f := openWith(t, setup{budgets: vault.Budgets{RecordsHour: 1}})
	id := f.ingest("orders", order).Records[0].ID
	ask := func(who strongroom.Actor, p strongroom.Purpose) error {
		_, err := f.Reveal(context.Background(), who, vault.RevealRequest{Store: f.store, Record: id, Purpose: p, Reference: "1047"})
		return err
	}
	f.must(ask(f.who, strongroom.Fulfilment))
	want(t, ask(f.who, strongroom.Fulfilment), strongroom.Exhausted, "budget")
	f.must(ask(f.who, strongroom.Tax))
	other := f.who
	other.ID = strongroom.NewID("svc")
	f.must(ask(other, strongroom.Fulfilment))

	g := openWith(t, setup{budgets: vault.Budgets{FieldsHour: 3}})
	id = g.ingest("orders", order).Records[0].ID
	_, err := g.reveal(id) // more than three leaves at once
	want(t, err, strongroom.Exhausted, "budget")
	_, err = g.reveal(id, "shippingAddress.firstName", "shippingAddress.lastName")
	g.must(err)
	_, err = g.reveal(id, "email")
	want(t, err, strongroom.Exhausted, "budget")
	_, err = g.reveal(id, "shippingAddress.firstName")
	g.must(err)
}

// TestErasureFirstWins holds a reveal between its decision and its commit, lets
// an erasure commit, and sees the reveal refused. Its twin without an erasure
// opens.
func TestErasureFirstWins(t *testing.T) {
	f := open(t)
	for _, erase := range []bool{true, false} {
		id := f.ingest("orders", strings.ReplaceAll(order, "6120448100001", fmt.Sprint("61204481000", erase))).Records[0].ID
		decided, erased := make(chan struct{}), make(chan struct{})
		vault.AfterDecision(f.Vault, func() { close(decided); <-erased })
		result := make(chan error, 1)
		go func() {
			body, err := f.reveal(id)
			if err != nil && body != "" {
				t.Error("a refused reveal holds a body")
			}
			result <- err
		}()
		<-decided
		vault.AfterDecision(f.Vault, nil)
		if erase {
			_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
			f.must(err)
		}
		close(erased)
		switch err := <-result; {
		case erase:
			want(t, err, strongroom.Erased, "erased")
			events := f.events("record.reveal")
			if last := events[len(events)-1]; last.Outcome != audit.Denied {
				t.Errorf("the log says %v", last.Outcome)
			}
		case err != nil:
			t.Errorf("without an erasure: %v", err)
		}
	}
}

// TestUpdateMeanwhileIsDecidedAgain: a new version between decision and commit
// is revealed as it is now, not as it was decided on.
func TestUpdateMeanwhileIsDecidedAgain(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	newer := strings.NewReplacer("mamey", "verde", "T10:00:00Z", "T11:00:00Z").Replace(order)
	var once sync.Once
	vault.AfterDecision(f.Vault, func() { once.Do(func() { f.ingest("orders", newer) }) })
	body, err := f.reveal(id)
	f.must(err)
	if !strings.Contains(body, "verde") {
		t.Error("the reveal shows the version that is gone")
	}
}

func TestFields(t *testing.T) {
	f := open(t)
	in := f.ingest("orders", order)
	id := in.Records[0].ID
	for _, c := range []struct {
		fields       []string
		open, closed []string
	}{
		{[]string{"email"}, []string{"Inigo.Etxegoniz+shop@example.com", "inigo.etxegoniz@example.com"}, []string{"Etxegoñiz", "6192", "mamey"}},
		{[]string{"shippingAddress.phone"}, []string{"+52 55 0000 6192"}, []string{"Zarzaparrilla", "mamey", "@example.com"}},
		{[]string{"shippingAddress"}, []string{"Zarzaparrilla", "Etxegoñiz", "ETNI850317QX4"}, []string{"mamey", "@example.com"}},
		{[]string{"name", "customer.phone"}, []string{"Etxegoñiz"}, []string{"Zarzaparrilla", "mamey"}},
	} {
		body, err := f.reveal(id, c.fields...)
		f.must(err)
		for _, s := range c.open {
			if !strings.Contains(body, s) {
				t.Errorf("%v leaves %q closed", c.fields, s)
			}
		}
		for _, s := range c.closed {
			if strings.Contains(body, s) {
				t.Errorf("%v opens %q", c.fields, s)
			}
		}
	}
	// A field that the map knows and this order lacks opens nothing and is no
	// mistake; one that nobody knows is.
	body, err := f.reveal(id, "shippingAddress.latitude")
	f.must(err)
	if strings.Contains(body, "@example.com") || strings.Contains(body, "mamey") {
		t.Error("a field that is not there opens others")
	}
	_, err = f.reveal(id, "shippingAddress.shoeSize")
	want(t, err, strongroom.Invalid, "field")
	if strings.Contains(err.Error(), "shoeSize") {
		t.Error("the error repeats the field")
	}
}

// TestNoPlaintextBeforeTheEvent: when the log cannot be written nothing opens.
func TestNoPlaintextBeforeTheEvent(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	_, err := f.reveal(id)
	f.must(err)
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update audit_head set size = size - 1")
		return err
	})
	if body, err := f.reveal(id); err == nil || body != "" {
		t.Error("a reveal whose event cannot be recorded opens")
	}
}

// TestTamperedTokensFailAlone: a record that does not open does not keep the
// others from being answered, and the failure is recorded.
func TestTokens(t *testing.T) {
	f := open(t)
	a := f.ingest("orders", order)
	b := f.ingest("orders", strings.ReplaceAll(order, "6120448100001", "6120448100002"))
	ta, tb := text(t, a.Body, "order", "note"), text(t, b.Body, "order", "note")
	email := text(t, a.Body, "order", "email")
	got := f.tokens(ta, email, strings.TrimSuffix(email, "@pii.invalid"), "srt_"+strings.Repeat("0", 34), "nonsense", tb)
	for i, want := range []string{`"Portón color mamey"`, `"Inigo.Etxegoniz+shop@example.com"`, `"Inigo.Etxegoniz+shop@example.com"`, "", "", `"Portón color mamey"`} {
		if string(got[i].Value) != want || (want == "") != (got[i].Error == "token") {
			t.Errorf("token %d: %s (%s)", i, got[i].Value, got[i].Error)
		}
	}
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_record set how = 2 where id = $1", vault.RowOf(b.Records[0].ID))
		return err
	})
	if got = f.tokens(ta, tb); got[0].Error != "" || got[1].Error != "tampered" || got[1].Value != nil {
		t.Errorf("one of two is tampered: %+v", got)
	}
	events := f.events("record.reveal")
	if last := events[len(events)-1]; last.Outcome != audit.Failure || last.Names == nil {
		t.Errorf("the failure is recorded as %+v", last)
	}
	_, err := f.RevealTokens(context.Background(), f.who, vault.TokenRequest{
		Purpose: strongroom.Fulfilment, Reference: "1047", Tokens: make([]string, vault.MaxTokens+1),
	})
	want(t, err, strongroom.Invalid, "tokens")
	_, err = f.RevealTokens(context.Background(), f.who, vault.TokenRequest{
		Purpose: strongroom.Fulfilment, Reference: "1047", Tokens: []string{"nonsense"},
	})
	want(t, err, strongroom.Invalid, "token")
}

// TestReferenceLiesSealedBesideTheRecord: the log holds a keyed hash, the table
// the sealed original, and a new version of the record keeps it.
func TestReferenceLiesSealedBesideTheRecord(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	const reference = "PO-LARK-7781"
	_, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{Store: f.store, Record: id, Purpose: strongroom.Tax, Reference: reference})
	f.must(err)
	f.ingest("orders", strings.NewReplacer("mamey", "verde", "T10:00:00Z", "T11:00:00Z").Replace(order))
	got, err := vault.References(f.Vault, f.guard, f.who, f.store, id)
	f.must(err)
	if len(got) != 1 || got[0] != reference {
		t.Errorf("references %q", got)
	}
	if f.dump().holds(reference) {
		t.Error("the reference lies in clear")
	}
	e := f.events("record.reveal")[0]
	if e.Reference == "" || strings.Contains(e.Reference, "LARK") {
		t.Errorf("the event's reference is %q", e.Reference)
	}
}
