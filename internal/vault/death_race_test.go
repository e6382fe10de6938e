package vault_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// deathRounds is how often the clock moves while records die under those who
// open them.
func deathRounds(t *testing.T) int {
	text := os.Getenv("STRONGROOM_KILL_ROUNDS")
	if text == "" {
		return 40
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatal("STRONGROOM_KILL_ROUNDS must be a number of rounds")
	}
	return max(40, 5*n)
}

// tally is what one caller was told.
type tally struct {
	who          strongroom.Actor
	opened, gone atomic.Int64
}

// callers returns services and persons who may open records.
func (f *fixture) callers() (out []*tally) {
	for n := range 6 {
		who := f.who
		who.ID = strongroom.NewID("svc")
		if n%2 == 1 {
			who = strongroom.Actor{
				Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "http",
				Standing: strongroom.Standing{Employment: "employee", Trained: true, Pledged: true, Device: "managed", Verified: time.Now()},
				Elevations: []strongroom.Elevation{{
					ID: strongroom.NewID("grt"), Store: f.store, Purpose: strongroom.Fulfilment, Reference: "order-1047", Until: asOf().AddDate(10, 0, 0),
				}},
			}
		}
		out = append(out, &tally{who: who})
	}
	return out
}

// openedLate returns how many events say that a record was opened at or past its date.
func openedLate(events []audit.Event, dies map[string]time.Time) (n int) {
	for _, e := range events {
		if e.Outcome == audit.Success && !e.Time.Before(dies[e.Resource.ID]) {
			n++
		}
	}
	return n
}

// TestObligation_3_1_1_DeathUnderReveals lets records die by their dates, under a
// clock that moves, while services and persons open them: none opens at or past its
// date or after its key died, nobody waits for ever, and the log counts as the
// callers do.
func TestObligation_3_1_1_DeathUnderReveals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		const most = 1 << 40
		f := openWith(t, setup{engine: engine, budgets: vault.Budgets{RecordsHour: most, RecordsDay: most, FieldsHour: most, FieldsDay: most}})
		rounds := deathRounds(t)
		var ids []string
		dies := map[string]time.Time{}
		for n := range rounds {
			created := asOf().Add(time.Duration(n-rounds) * time.Hour).Format(time.RFC3339)
			id := f.ingest("orders", orderOf(strconv.Itoa(9000+n), "", `"createdAt":"`+created+`"`)).Records[0].ID
			ids = append(ids, id)
		}
		for cursor := ""; ; {
			list, next, err := f.Records(t.Context(), f.who, vault.ListQuery{Store: f.store, Cursor: cursor})
			f.must(err)
			for _, r := range list {
				dies[r.ID] = r.ExpiresAt
			}
			if cursor = next; next == "" {
				break
			}
		}
		first, last := dies[ids[0]], dies[ids[len(ids)-1]]
		if len(dies) != rounds || !last.Equal(first.Add(time.Duration(rounds-1)*time.Hour)) {
			t.Fatalf("%d records die from %v to %v", len(dies), first, last)
		}
		f.setClock(first.Add(-30 * time.Minute))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(rounds)*time.Second)
		defer cancel()
		callers := f.callers()
		stop := make(chan struct{})
		var all sync.WaitGroup
		for k, c := range callers {
			all.Go(func() { f.openUntil(ctx, stop, c, ids, dies, k) })
		}
		expired := 0
		for range rounds + 1 { // the last one is past every date
			time.Sleep(10 * time.Millisecond)
			f.pass(time.Hour)
			n, _ := f.sweep()
			expired += n
		}
		time.Sleep(10 * time.Millisecond) // all are dead: nothing opens
		close(stop)
		all.Wait()
		if ctx.Err() != nil {
			t.Fatal("somebody waited for ever")
		}
		f.checkDeaths(callers, dies, expired)
	})
}

// openUntil opens one record after the other, near the ones that die, until stop.
func (f *fixture) openUntil(ctx context.Context, stop chan struct{}, c *tally, ids []string, dies map[string]time.Time, k int) {
	for n := k; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		// One that dies about now, one before and one after it.
		at := int(f.clock.Now().Sub(dies[ids[0]])/time.Hour) + n%3 - 1
		id := ids[min(max(at, 0), len(ids)-1)]
		before := f.clock.Now()
		out, err := f.Reveal(ctx, c.who, vault.RevealRequest{Store: f.store, Record: id, Purpose: strongroom.Fulfilment, Reference: "order-1047"})
		switch {
		case err == nil && len(out.Body) > 0:
			c.opened.Add(1)
			if !before.Before(dies[id]) {
				f.t.Errorf("%s was asked for at %v and opened, and died at %v", id, before, dies[id])
			}
		case strongroom.IsKind(err, strongroom.Erased) && len(out.Body) == 0:
			c.gone.Add(1)
		default:
			f.t.Errorf("%s: %d bytes, %v", c.who.Kind, len(out.Body), err)
			return
		}
	}
}

// checkDeaths compares what the callers were told with the log and the rows.
func (f *fixture) checkDeaths(callers []*tally, dies map[string]time.Time, expired int) {
	f.t.Helper()
	events := f.events("record.reveal")
	if n := openedLate(events, dies); n != 0 {
		f.t.Errorf("the log says that %d were opened past their date", n)
	}
	said := map[string]int64{}
	for _, e := range events {
		said[fmt.Sprint(e.Actor.ID, e.Outcome == audit.Success)]++
	}
	for _, c := range callers {
		opened, gone := c.opened.Load(), c.gone.Load()
		if opened == 0 || gone == 0 { // planted: each has met the living and the dead
			f.t.Errorf("a %s opened %d and met %d dead", c.who.Kind, opened, gone)
		}
		if o, g := said[fmt.Sprint(c.who.ID, true)], said[fmt.Sprint(c.who.ID, false)]; o != opened || g != gone {
			f.t.Errorf("a %s opened %d and met %d dead, the log says %d and %d", c.who.Kind, opened, gone, o, g)
		}
	}
	var keys, bodies int64
	f.must(f.db.Read(f.t.Context(), func(r *db.Reader) error {
		if err := r.QueryRow("select count(*) from keys_data").Scan(&keys); err != nil {
			return err
		}
		return r.QueryRow("select count(*) from vault_record where body is not null").Scan(&bodies)
	}))
	if expired != len(dies) || keys != 0 || bodies != 0 {
		f.t.Errorf("of %d records %d keys died, %d keys and %d bodies are left", len(dies), expired, keys, bodies)
	}
	// Planted: an opening at the very moment of death is found.
	for id, at := range dies {
		late := audit.Event{Time: at, Outcome: audit.Success, Resource: strongroom.Resource{ID: id}}
		if openedLate(append(events, late), dies) != 1 {
			f.t.Error("the search for late openings finds nothing")
		}
		break
	}
}
