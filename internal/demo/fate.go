package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom/internal/sim"
)

// gone are the statuses of a record that was there and is not any more.
func gone() []int { return []int{http.StatusGone, http.StatusNotFound} }

// ordersOf returns the external ids of a shopper's live orders, sorted.
func (t *tour) ordersOf(s *shop, email string) []string {
	var ids []string
	for id, n := range s.live {
		if t.world.Order(s.Name, n).Email == email {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// findAll looks for a shopper and compares with the orders she has.
func (t *tour) findAll(ctx context.Context, s *shop, asked, email string) ([]record, error) {
	list, err := t.api.find(ctx, s.id, asked)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range list {
		list[i].Store = s.id
		ids = append(ids, list[i].ExternalID)
	}
	slices.Sort(ids)
	if want := t.ordersOf(s, email); !slices.Equal(ids, want) {
		return nil, fmt.Errorf("a shopper with %d orders was found with %d, or other ones", len(want), len(ids))
	}
	t.result.Found += int64(len(list))
	return list, nil
}

// forget finds a shopper, erases her, and lets the shop bring her back in vain.
func (t *tour) forget(ctx context.Context) error {
	s := t.shops[0]
	truth, ok := t.pick(s, func(o sim.Truth) bool { return len(t.ordersOf(s, o.Email)) > 1 })
	if !ok {
		truth, ok = t.pick(s, func(sim.Truth) bool { return true })
	}
	if !ok {
		return errors.New("the shop has no live order")
	}
	list, err := t.findAll(ctx, s, strings.ToUpper(truth.Email), truth.Email)
	if err != nil {
		return err
	}
	t.out.say("%s %s, found by %s: %d orders", truth.First, truth.Last, strings.ToUpper(truth.Email), len(list))
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	var answer struct {
		Erased int64 `json:"erased"`
	}
	if err := t.api.call(ctx, http.MethodPost, "/v1/erase", map[string]any{"store": s.id, "records": ids, "reason": "request"}, &answer); err != nil {
		return err
	}
	if answer.Erased != int64(len(list)) {
		return fmt.Errorf("%d records were to be erased and %d were", len(list), answer.Erased)
	}
	t.result.Erased += answer.Erased
	for _, r := range list {
		delete(s.live, r.ExternalID)
	}
	t.out.say("%d records erased: their keys are destroyed", answer.Erased)
	ask := map[string]string{"purpose": "fulfilment", "reference": list[0].ExternalID}
	if err := t.refused(ctx, t.api, "reveal afterwards", recordPath(s.id, list[0].ID)+"/reveal", ask, gone()...); err != nil {
		return err
	}
	return t.bringBack(ctx, s, truth.Email)
}

// bringBack syncs the shop from long ago, which still has her, and looks again.
func (t *tour) bringBack(ctx context.Context, s *shop, email string) error {
	p, err := t.api.sync(ctx, s.id, t.world.Now().AddDate(0, 0, -40), func(progress) {})
	if err != nil {
		return err
	}
	if p.Records == 0 || p.Stored != 0 {
		return fmt.Errorf("a second sync fetched %d records and stored %d", p.Records, p.Stored)
	}
	if _, err := t.findAll(ctx, s, email, email); err != nil {
		return err
	}
	if err := t.same(ctx, s, s.live); err != nil {
		return err
	}
	t.out.say("A second sync fetched her orders again, among %s: none was stored, nobody is found.", count(p.Records))
	return nil
}

// measure sends in, opens and finds from several callers at once, checking every
// answer.
func (t *tour) measure(ctx context.Context) error {
	pushing := t.shops[len(t.shops)-1]
	numbers := slices.Sorted(maps.Values(pushing.live))
	in, err := measure(ctx, "send in one order", len(numbers), func(ctx context.Context, i int) error {
		return t.push(ctx, pushing, numbers[i])
	})
	if err != nil {
		return err
	}
	t.result.Ingested += int64(in.n)
	s := t.shops[1]
	list, err := t.api.orders(ctx, s.id)
	if err != nil {
		return err
	}
	list = list[:min(len(list), pushes)]
	for i := range list {
		list[i].Store = s.id
	}
	opened, err := measure(ctx, "open one order for a purpose", len(list), func(ctx context.Context, i int) error {
		return t.original(ctx, s, list[i])
	})
	if err != nil {
		return err
	}
	t.result.Revealed += int64(opened.n)
	emails := make([]string, 0, pushes)
	for _, r := range list {
		emails = append(emails, t.world.Order(s.Name, s.live[r.ExternalID]).Email)
	}
	found, err := measure(ctx, "find by e-mail address", len(emails), func(ctx context.Context, i int) error {
		records, err := t.api.find(ctx, s.id, emails[i])
		if err == nil && len(records) == 0 {
			err = errors.New("a shopper with an order is not found")
		}
		return err
	})
	if err != nil {
		return err
	}
	t.speeds = append(t.speeds, in, opened, found)
	if err := t.weigh(); err != nil {
		return err
	}
	for _, m := range t.speeds[1:] {
		t.out.say("%-30s %s times, %d callers at once, each answer checked", m.what, count(m.n), callers)
	}
	return nil
}

// weigh measures what the orders take on disk.
func (t *tour) weigh() (err error) {
	if t.table, err = size(t.made.Data, "strongroom.db"); err != nil {
		return err
	}
	t.ahead, err = size(t.made.Data, "strongroom.db-*")
	return err
}

// pass moves the clock until a delivered order dies, and checks that exactly
// those died whose day had come.
func (t *tour) pass(ctx context.Context) error {
	s := t.shops[0]
	truth, ok := t.pick(s, func(o sim.Truth) bool { _, live := s.live[o.ID]; return live && o.State == sim.Delivered })
	if !ok {
		return errors.New("no order was delivered")
	}
	r, err := t.byExternalID(ctx, s, truth.ID)
	if err != nil {
		return err
	}
	if err := t.original(ctx, s, r); err != nil {
		return err
	}
	t.result.Revealed++
	t.out.say("%s, delivered %s, erase by %s: opens", r.ID, r.Clock.At.Format(time.DateOnly), r.Expires.Format(time.DateOnly))
	before := map[*shop][]record{}
	for _, s := range t.shops {
		if before[s], err = t.api.orders(ctx, s.id); err != nil {
			return err
		}
	}
	var clock struct {
		Now time.Time `json:"now"`
	}
	if err := t.api.call(ctx, http.MethodPost, "/v1/clock", map[string]int64{"advance_seconds": 31 * 24 * 3600}, &clock); err != nil {
		return err
	}
	t.out.say("clock moved to %s", clock.Now.Format(time.DateOnly))
	ask := map[string]string{"purpose": "fulfilment", "reference": truth.ID}
	if err := t.refused(ctx, t.api, "the same reveal", recordPath(s.id, r.ID)+"/reveal", ask, gone()...); err != nil {
		return err
	}
	if err := t.api.call(ctx, http.MethodPost, "/v1/sweep", nil, nil); err != nil {
		return err
	}
	return t.mourn(ctx, before, clock.Now)
}

// mourn compares what is left with what was there before the clock stood at now:
// those past their date are gone, all others are there. It ticks on while lists
// are read, so a date between the first and the last of them may be either.
func (t *tour) mourn(ctx context.Context, before map[*shop][]record, now time.Time) error {
	left := map[string]bool{}
	for _, s := range t.shops {
		list, err := t.api.orders(ctx, s.id)
		if err != nil {
			return err
		}
		for _, r := range list {
			left[r.ID] = true
		}
	}
	var clock struct {
		Now time.Time `json:"now"`
	}
	if err := t.api.call(ctx, http.MethodGet, "/v1/clock", nil, &clock); err != nil {
		return err
	}
	died := 0
	for _, s := range t.shops {
		for _, r := range before[s] {
			switch lives := left[r.ID]; {
			case lives && !r.Expires.After(now):
				return fmt.Errorf("record %s is there after its day", r.ID)
			case !lives && r.Expires.After(clock.Now):
				return fmt.Errorf("record %s died before its day", r.ID)
			case !lives:
				died++
			}
		}
	}
	t.result.Expired += int64(died)
	t.out.say("%s records died on their day, %s live on: exactly those whose day had come.", count(died), count(len(left)))
	return nil
}
