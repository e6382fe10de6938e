package vault_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/lifecycle"
	"strongroom/internal/vault"
)

// withCases is a vault whose cases are those of the product.
func withCases(t testing.TB) (*fixture, *lifecycle.Cases) {
	t.Helper()
	held := new(late)
	f := openWith(t, setup{cases: held})
	held.Cases = lifecycle.NewCases(lifecycle.CasesOptions{
		Guard: f.guard, Environment: strongroom.Test, Key: f.ring.InstanceKey("lifecycle"), Store: f.CheckStore,
	})
	return f, held.Cases
}

// late is the port of a vault that is made before its cases are.
type late struct{ *lifecycle.Cases }

func (f *fixture) openCase(cs *lifecycle.Cases, store string) string {
	f.t.Helper()
	c, err := cs.Open(context.Background(), f.who, lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: "GDPR Art. 15(1)", Store: store})
	f.must(err)
	return c.ID
}

// under reveals a record for a shopper's request.
func (f *fixture) under(reference, record string) (string, error) {
	out, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{
		Store: f.store, Record: record, Purpose: strongroom.SubjectRequest, Reference: reference,
	})
	return string(out.Body), err
}

func noteOf(e audit.Event, key string) any {
	for _, n := range e.Notes {
		if n.Key == key {
			return n.Value
		}
	}
	return nil
}

// TestRevealUnderACase: the event of the reveal names the case, a refusal says
// why and is a denial in the log, and a closed, overdue or foreign case opens
// nothing; by record and by tokens alike.
func TestRevealUnderACase(t *testing.T) {
	f, cs := withCases(t)
	ctx := context.Background()
	in := f.ingest("orders", order)
	record, token := in.Records[0].ID, text(t, in.Body, "order", "note")
	tokens := func(reference string) error {
		_, err := f.RevealTokens(ctx, f.who, vault.TokenRequest{Purpose: strongroom.SubjectRequest, Reference: reference, Tokens: []string{token}})
		return err
	}
	here, everywhere := f.openCase(cs, f.store), f.openCase(cs, "")
	elsewhere := f.openCase(cs, f.addStore("Another shop"))
	for _, id := range []string{here, everywhere} {
		body, err := f.under(id, record)
		f.must(err)
		if !strings.Contains(body, "mamey") {
			t.Error("the reveal does not open")
		}
		f.must(tokens(id))
		events := f.events("record.reveal")
		for _, e := range events[len(events)-2:] {
			if e.Outcome != audit.Success || noteOf(e, "case") != id || e.Purpose != strongroom.SubjectRequest {
				t.Errorf("the reveal is recorded as %+v", e)
			}
		}
	}
	_, err := cs.Close(ctx, f.who, here, lifecycle.CloseAnswered)
	f.must(err)
	refused := func(reference, code string) {
		t.Helper()
		for _, ask := range []func() error{
			func() error { _, err := f.under(reference, record); return err },
			func() error { return tokens(reference) },
		} {
			want(t, ask(), strongroom.Denied, code)
			events := f.events("record.reveal")
			last := events[len(events)-1]
			if last.Outcome != audit.Denied || last.Code != code || strings.HasPrefix(reference, "cas_") != (noteOf(last, "case") == reference) {
				t.Errorf("the refusal is recorded as %+v", last)
			}
		}
	}
	refused(here, "case-closed")
	refused(elsewhere, "case-store")
	refused(strongroom.NewID("cas"), "case")
	refused("GDPR/15", "case")
	_, err = f.Reveal(ctx, f.who, vault.RevealRequest{Store: f.store, Record: record, Purpose: strongroom.LegalDuty, Reference: everywhere})
	want(t, err, strongroom.Denied, "case-purpose")
	someone := f.who
	someone.Roles, someone.ID = []string{authz.Application}, strongroom.NewID("svc")
	_, err = f.Reveal(ctx, someone, vault.RevealRequest{Store: f.store, Record: record, Purpose: strongroom.SubjectRequest, Reference: everywhere})
	want(t, err, strongroom.Denied, "denied") // a case lends nobody a permission
	// A reveal for another purpose needs none and names none.
	_, err = f.reveal(record)
	f.must(err)
	events := f.events("record.reveal")
	if last := events[len(events)-1]; noteOf(last, "case") != nil {
		t.Errorf("an ordinary reveal names a case: %+v", last)
	}
}

func TestOverdueCaseOpensNothing(t *testing.T) {
	f, cs := withCases(t)
	record := f.ingest("orders", order).Records[0].ID
	soon, err := cs.Open(context.Background(), f.who, lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: "GDPR Art. 15(1)", Due: date("2026-11-22T12:00:00Z")})
	f.must(err)
	other := f.openCase(cs, "")
	_, err = f.under(soon.ID, record)
	f.must(err)
	f.setClock(date("2026-11-22T12:00:00Z"))
	_, err = f.under(soon.ID, record)
	want(t, err, strongroom.Denied, "case-overdue")
	_, err = f.under(other, record) // the planted negative: the record is alive
	f.must(err)
}

// TestCloseFirstWins holds a reveal between its decision and its commit, lets the
// case be closed, and sees the reveal refused. Its twin without a close opens.
func TestCloseFirstWins(t *testing.T) {
	f, cs := withCases(t)
	in := f.ingest("orders", order)
	record, token := in.Records[0].ID, text(t, in.Body, "order", "note")
	for name, ask := range map[string]func(id string) error{
		"record": func(id string) error { _, err := f.under(id, record); return err },
		"token": func(id string) error {
			_, err := f.RevealTokens(context.Background(), f.who, vault.TokenRequest{Purpose: strongroom.SubjectRequest, Reference: id, Tokens: []string{token}})
			return err
		},
	} {
		for _, shut := range []bool{true, false} {
			id := f.openCase(cs, f.store)
			decided, closed := make(chan struct{}), make(chan struct{})
			vault.AfterDecision(f.Vault, func() { close(decided); <-closed })
			result := make(chan error, 1)
			go func() { result <- ask(id) }()
			<-decided
			vault.AfterDecision(f.Vault, nil)
			if shut {
				_, err := cs.Close(context.Background(), f.who, id, lifecycle.CloseWithdrawn)
				f.must(err)
			}
			close(closed)
			switch err := <-result; {
			case shut:
				want(t, err, strongroom.Denied, "case-closed")
			case err != nil:
				t.Errorf("%s without a close: %v", name, err)
			}
		}
	}
}

// blind takes every case for open.
type blind struct{}

func (blind) CheckOpen(*db.Reader, time.Time, string, strongroom.Purpose, string) error { return nil }

// TestNoRevealAfterClose lets sixteen callers reveal while the case is closed: in
// the log no reveal under it comes after the close.
func TestNoRevealAfterClose(t *testing.T) {
	f, cs := withCases(t)
	if before, after := f.raceClose(t, cs); before < 40 || after != 0 {
		t.Errorf("%d opened before the close, %d after it", before, after)
	}
	// The planted negative: with a port that does not look, the log shows it.
	f = openWith(t, setup{cases: blind{}})
	cs = lifecycle.NewCases(lifecycle.CasesOptions{Guard: f.guard, Environment: strongroom.Test, Key: f.ring.InstanceKey("lifecycle")})
	if _, after := f.raceClose(t, cs); after == 0 {
		t.Error("a reveal after the close is not seen in the log")
	}
}

// raceClose has callers reveal under a case until they are refused or have tried
// for a while after it was closed. It returns how many reveals the log shows before
// and after the close.
func (f *fixture) raceClose(t *testing.T, cs *lifecycle.Cases) (before, after int) {
	record, id := f.ingest("orders", order).Records[0].ID, f.openCase(cs, f.store)
	var opened atomic.Int64
	var wg sync.WaitGroup
	busy, closed := make(chan struct{}), make(chan struct{})
	for range 16 {
		wg.Go(func() {
			for more := 3; more > 0; {
				if _, err := f.under(id, record); err != nil {
					if vault.FaultCode(err) != "case-closed" {
						t.Error(err)
					}
					return
				}
				if opened.Add(1) == 40 {
					close(busy)
				}
				select {
				case <-closed:
					more--
				default:
				}
			}
		})
	}
	<-busy
	_, err := cs.Close(context.Background(), f.who, id, lifecycle.CloseAnswered)
	f.must(err)
	close(closed)
	wg.Wait()
	shut := false
	f.eachEvent(func(e audit.Event) {
		switch {
		case e.Action.Name == "case.close":
			shut = true
		case e.Action.Name != "record.reveal" || e.Outcome != audit.Success:
		case shut:
			after++
		default:
			before++
		}
	})
	if !shut || int64(before+after) != opened.Load() {
		t.Errorf("the log shows %d reveals, the callers %d", before+after, opened.Load())
	}
	return before, after
}
