package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"strongroom/internal/sim"
)

// pushes is how many orders the pushing shop sends in one by one.
const pushes = 400

// makeWorld makes the shops and notes every personal value there is in them.
func (t *tour) makeWorld() {
	t.world = sim.New(sim.Options{
		Seed: t.o.Seed, Now: time.Now(), Orders: t.o.Orders, Dead: 0.25,
		Stores: []sim.StoreSpec{
			{Name: "larkspur-lane.example.com", Platform: "shopify"},
			{Name: "wool-and-kiln.example.com", Platform: "woocommerce"},
			{Name: "coquelicot-bleu.example.com", Platform: "prestashop"},
			{Name: "bugambilia-casa.example.com", Platform: "liverpool"},
			{Name: "wattle-post.example.com", Platform: "bigcommerce", Orders: min(pushes, t.o.Orders)},
		},
		Quirks: sim.Quirks{MixedScalars: true, DateFormats: true, Duplicates: 0.1, Throttle: 0.02},
	})
	for _, info := range t.world.Stores() {
		s := &shop{StoreInfo: info, live: map[string]int{}}
		t.values = append(t.values, t.world.StorePII(info.Name)...)
		t.values = append(t.values, info.Name, info.Token)
		for n := range info.Orders {
			if truth := t.world.Order(info.Name, n); !truth.Dead {
				s.live[truth.ID] = n
				t.values = append(t.values, t.world.PII(info.Name, n)...)
				t.plain += int64(len(t.world.Body(info.Name, n)))
			}
		}
		t.shops = append(t.shops, s)
	}
	t.shops[len(t.shops)-1].pushed = true
	t.search = NewSearch(t.values)
}

// connect adds the shops; those that are pulled get their credential sealed.
func (t *tour) connect(ctx context.Context) error {
	rows := [][]string{}
	for _, s := range t.shops {
		var made struct {
			ID string `json:"id"`
		}
		err := t.api.call(ctx, http.MethodPost, "/v1/stores", map[string]string{"name": s.Name, "platform": s.Platform}, &made)
		if err != nil {
			return err
		}
		s.id = made.ID
		if s.pushed {
			continue // shown when it sends
		}
		err = t.api.call(ctx, http.MethodPut, "/v1/stores/"+url.PathEscape(s.id)+"/credential", map[string]string{"access_token": s.Token}, nil)
		if err != nil {
			return err
		}
		rows = append(rows, []string{s.Platform, s.id, s.Name, fmt.Sprintf("%s orders", count(s.Orders))})
	}
	t.out.table(rows)
	t.out.say("Names and access tokens are sealed. The shops are simulated, with odd dates,")
	t.out.say("numbers as strings, duplicates and 429s, as the real ones have them.")
	return nil
}

// pull syncs the shops and compares what is there with what has to be.
func (t *tour) pull(ctx context.Context) error {
	var stored, fetched, past int64
	began := time.Now()
	for _, s := range t.shops {
		if s.pushed {
			continue
		}
		p, err := t.api.sync(ctx, s.id, time.Time{}, func(p progress) {
			t.out.redraw("%-12s %s %6s, %s/s", s.Platform, bar(p.Records, p.Total), count(p.Records), count(int64(float64(p.Records)/max(p.Seconds, 0.001))))
		})
		t.out.clear()
		if err != nil {
			return err
		}
		if err := t.same(ctx, s, s.live); err != nil {
			return err
		}
		t.out.say("%-12s %s %6s in %.1f s, pages %d, retries %d", s.Platform, bar(1, 1), count(p.Stored), p.Seconds, p.Pages, p.Retries)
		stored, fetched, past = stored+p.Stored, fetched+p.Records, past+int64(s.Orders-len(s.live))
	}
	took := time.Since(began)
	t.result.Ingested += stored
	t.speeds = append(t.speeds, timing{what: "sync, page by page", n: int(stored), rate: float64(stored) / took.Seconds()})
	t.out.say("%s orders stored, %s a second. %s older ones are past their day: they were not", count(stored), count(int64(float64(stored)/took.Seconds())), count(past))
	t.out.say("even asked for. Every id was compared with what the shops hold.")
	return nil
}

// same reports an error unless the orders listed for the shop are exactly want.
func (t *tour) same(ctx context.Context, s *shop, want map[string]int) error {
	list, err := t.api.orders(ctx, s.id)
	if err != nil {
		return err
	}
	for _, r := range list {
		if _, ok := want[r.ExternalID]; !ok {
			return fmt.Errorf("%s holds an order that it should not: %s", s.id, r.ID)
		}
	}
	if len(list) != len(want) {
		return fmt.Errorf("%s holds %d orders and should hold %d", s.id, len(list), len(want))
	}
	return nil
}

// push sends an order in as a shop's webhook receiver would.
func (t *tour) push(ctx context.Context, s *shop, n int) error {
	body := fmt.Appendf(nil, `{"order":%s}`, t.world.Body(s.Name, n))
	q := url.Values{"resource": {"orders"}, "version": {s.Version}, "platform": {s.Platform}}
	_, header, err := t.api.raw(ctx, http.MethodPost, "/v1/stores/"+url.PathEscape(s.id)+"/ingest?"+q.Encode(), "application/json", body)
	if err != nil {
		return err
	}
	if got := header.Get("Strongroom-Stored"); got != "1" {
		return fmt.Errorf("an order sent in was answered with %q stored", got)
	}
	return nil
}
