package review_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/review"
)

// Samples of what was opened are drawn by the log and judged by somebody else.
func TestObligation_2_3_3_Samples(t *testing.T) {
	h := &history{opened: review.Opened{Size: 4000, Root: [32]byte{1, 2, 3}}}
	o, ctx := enter(t, func(x *review.Options) { x.Events, x.Samples = h, 5 }), context.Background()
	for i := range 40 {
		r := review.Reveal{Position: int64(i), Actor: o.sec.ID, Store: storeA, Purpose: strongroom.Fulfilment}
		if i%10 == 0 {
			r.Purpose, r.Actor, r.Owner = strongroom.Tax, o.service(o.chief.ID), o.chief.ID
		}
		h.opened.Reveals = append(h.opened.Reveals, r)
	}
	sys := strongroom.System("review")
	month := o.clock.Now().Format("2006-01")
	want(t, "a month that lasts", o.Draw(ctx, sys, month), strongroom.Conflict, "month")
	want(t, "no month", o.Draw(ctx, sys, "2026-1"), strongroom.Invalid, "month")
	o.ahead(31 * 24 * time.Hour)
	o.must(o.Draw(ctx, sys, month))
	m, err := o.SamplesOf(ctx, o.chief, month)
	o.must(err)
	if len(m.Samples) != 9 || m.Open != 9 || m.Stale || m.Reveals != 40 {
		t.Fatalf("%+v", m)
	}
	// Whoever has the log picks the same; another root picks others.
	picked := review.Pick(month, h.opened, 5)
	for i, s := range m.Samples {
		if s.Reveal != picked[i] {
			t.Errorf("sample %d: %+v", i, s.Reveal)
		}
	}
	other := h.opened
	other.Root[0]++
	if reflect.DeepEqual(picked, review.Pick(month, other, 5)) {
		t.Error("the root does not choose")
	}
	h.opened.Root[5]++ // drawing again changes nothing
	o.must(o.Draw(ctx, sys, month))
	if again, err := o.SamplesOf(ctx, o.chief, month); err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("drawn anew: %v", err)
	}

	judge := func(who strongroom.Actor, s review.Sample) error {
		return o.Judge(ctx, who, month, s.Reveal.Position, review.Justified, "")
	}
	for i, s := range m.Samples {
		first, second := o.sec, o.chief
		if s.Reveal.Purpose == strongroom.Tax {
			first, second = o.chief, o.sec
		}
		want(t, "the own sample", judge(first, s), strongroom.Denied, "")
		if i > 0 {
			o.must(judge(second, s))
			want(t, "judged again", judge(second, s), strongroom.Conflict, "judged")
		}
	}
	clerk := o.hire(authz.Operator)
	want(t, "without the right", judge(clerk, m.Samples[0]), strongroom.Denied, "")
	want(t, "no sample", o.Judge(ctx, o.chief, month, 12345, review.Unclear, ""), strongroom.NotFound, "sample")
	o.ahead(62 * 24 * time.Hour)
	if m, err = o.SamplesOf(ctx, o.chief, month); err != nil || m.Open != 1 || !m.Stale {
		t.Errorf("a lapse is not stale: %d open, %v, %v", m.Open, m.Stale, err)
	}
	drawn, err := time.Parse("2006-01", month)
	o.must(err)
	for next, stale := range map[string]bool{"1999-01": false, drawn.AddDate(0, 1, 0).Format("2006-01"): true} {
		if m, err := o.SamplesOf(ctx, o.chief, next); err != nil || m.Stale != stale {
			t.Errorf("%s, which was not drawn: %+v, %v", next, m, err)
		}
	}
	o.exec(func(tx *db.Tx) error {
		return run(tx.Exec(`delete from review_sample where position = $1`, m.Samples[0].Reveal.Position))
	})
	_, err = o.SamplesOf(ctx, o.chief, month)
	want(t, "a sample taken out", err, strongroom.Conflict, "samples")
}
