package review_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/review"
)

// The log tells what was opened, by whom, and its root at the end of the stretch.
func TestFromLog(t *testing.T) {
	o, ctx := enter(t), context.Background()
	svc := o.service(o.chief.ID)
	reveal := strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 2}
	at := func(who string, outcome audit.Outcome) audit.Event {
		kind := strongroom.ServiceActor
		if who != svc {
			kind = strongroom.PersonActor
		}
		return audit.Event{
			Action: reveal, Actor: strongroom.Actor{Kind: kind, ID: who, Door: "http"}, Outcome: outcome, Purpose: strongroom.Fulfilment,
			Resource: strongroom.Resource{Type: "Record", ID: strongroom.NewID("rec"), Store: storeA},
		}
	}
	denied := at(svc, audit.Denied)
	denied.Code = "denied"
	o.must(o.log.Record(ctx, at(svc, audit.Success), denied, at(o.sec.ID, audit.Success)))
	_, mark, err := o.log.Seal(ctx)
	o.must(err)
	events := review.FromLog(o.log, nil)
	got, err := events.Opened(ctx, time.Time{}, time.Now().Add(time.Hour), 0)
	o.must(err)
	if got.Count != 2 || len(got.Reveals) != 2 || got.Reveals[0].Actor != svc || got.Reveals[1].Actor != o.sec.ID || got.Size != mark.Size || got.Root != [32]byte(mark.Root) {
		t.Errorf("%+v, checkpoint %d", got, mark.Size)
	}
	if later, err := events.Opened(ctx, time.Now().Add(time.Hour), time.Now().Add(2*time.Hour), 0); err != nil || len(later.Reveals) != 0 {
		t.Errorf("%+v, %v", later, err)
	}
	if early, err := events.Opened(ctx, time.Time{}, time.Now().Add(-time.Hour), 0); err != nil || early.Size != 0 || early.Root == got.Root {
		t.Errorf("%+v, %v", early, err)
	}
	use, err := events.Use(ctx, time.Now().Add(-time.Hour))
	if err != nil || use[svc].Actions["record.reveal"].IsZero() || len(use[svc].Stores) != 1 || len(use) != 2 {
		t.Errorf("%+v, %v", use, err)
	}

	// A second look goes on from the first; what is older than asked for is forgotten, and
	// an earlier time is read anew.
	o.must(o.log.Record(ctx, at(o.chief.ID, audit.Success)))
	for name, x := range map[string]struct {
		since time.Time
		want  int
	}{"again": {time.Now().Add(-time.Hour), 3}, "before all": {time.Now().Add(-2 * time.Hour), 3}} {
		if use, err := events.Use(ctx, x.since); err != nil || len(use) != x.want || use[svc].Actions["record.reveal"].IsZero() {
			t.Errorf("%s: %+v, %v", name, use, err)
		}
	}
	if use, err := events.Use(ctx, time.Now().Add(time.Hour)); err != nil || len(use) != 0 {
		t.Errorf("after all: %+v, %v", use, err)
	}
	use[svc].Actions["record.reveal"] = time.Time{}
	if use, err := events.Use(ctx, time.Now().Add(-time.Hour)); err != nil || len(use) != 3 || use[svc].Actions["record.reveal"].IsZero() {
		t.Errorf("from the beginning: %+v, %v", use, err)
	}

	// The owner of the service does not judge what it opened.
	o.opts.Events = events
	o.Review = review.New(o.opts)
	month := o.clock.Now().Format("2006-01")
	o.ahead(31 * 24 * time.Hour)
	o.must(o.Draw(ctx, strongroom.System("review"), month))
	want(t, "the owner of the service", o.Judge(ctx, o.chief, month, got.Reveals[0].Position, review.Justified, ""), strongroom.Denied, "")
	o.must(o.Judge(ctx, o.sec, month, got.Reveals[0].Position, review.Unjustified, "no order in the case"))
}

// Of a month with many reveals those are held that can be picked, and no others are.
func TestFromLogHoldsWhatIsPicked(t *testing.T) {
	o, ctx := enter(t), context.Background()
	svc := o.service(o.chief.ID)
	const each = 200
	for range 45 {
		var list []audit.Event
		for i := range each {
			list = append(list, audit.Event{
				Action: strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 2}, Outcome: audit.Success,
				Actor:    strongroom.Actor{Kind: strongroom.ServiceActor, ID: svc, Door: "http"},
				Purpose:  []strongroom.Purpose{strongroom.Fulfilment, strongroom.Tax, strongroom.Invoice}[i%3],
				Resource: strongroom.Resource{Type: "Record", ID: strongroom.NewID("rec"), Store: storeA},
			})
		}
		o.must(o.log.Record(ctx, list...))
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	events := review.FromLog(o.log, nil)
	all, err := events.Opened(ctx, from, to, 0)
	o.must(err)
	few, err := events.Opened(ctx, from, to, 3)
	o.must(err)
	if all.Count != 45*each || few.Count != all.Count || len(all.Reveals) != all.Count || len(few.Reveals) > 5000 {
		t.Fatalf("%d of %d, %d of %d", len(all.Reveals), all.Count, len(few.Reveals), few.Count)
	}
	month := from.UTC().Format("2006-01")
	if a, b := review.Pick(month, all, 3), review.Pick(month, few, 3); len(a) != 9 || !reflect.DeepEqual(a, b) {
		t.Errorf("%d and %d are picked, and not the same", len(a), len(b))
	}
}
