package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom/internal/sim"
)

// pick returns the first live order of the shop that fits, newest first.
func (t *tour) pick(s *shop, fits func(sim.Truth) bool) (sim.Truth, bool) {
	for n := s.Orders - 1; n >= 0; n-- {
		if truth := t.world.Order(s.Name, n); !truth.Dead && fits(truth) {
			return truth, true
		}
	}
	return sim.Truth{}, false
}

// byExternalID finds an order by the shop's own id.
func (t *tour) byExternalID(ctx context.Context, s *shop, id string) (record, error) {
	var page recordPage
	err := t.api.call(ctx, http.MethodPost, "/v1/find", map[string]string{"store": s.id, "external_id": id}, &page)
	if err == nil && len(page.Records) != 1 {
		err = fmt.Errorf("%d records have the external id of one order", len(page.Records))
	}
	if err != nil {
		return record{}, err
	}
	page.Records[0].Store = s.id
	return page.Records[0], nil
}

// original opens a record and compares it, byte for byte, with what the shop
// sent.
func (t *tour) original(ctx context.Context, s *shop, r record) error {
	got, err := t.api.reveal(ctx, r)
	if err != nil {
		return err
	}
	n, ok := s.live[r.ExternalID]
	if !ok || !bytes.Equal(got, t.world.Body(s.Name, n)) {
		return fmt.Errorf("record %s opens as something else than what came in", r.ID)
	}
	return nil
}

// open shows an order with tokens, then the tokens' values, then the whole.
func (t *tour) open(ctx context.Context) error {
	s := t.shops[0]
	truth, ok := t.pick(s, func(o sim.Truth) bool { return o.State == sim.Transit })
	if !ok {
		return errors.New("no order is on its way")
	}
	r, err := t.byExternalID(ctx, s, truth.ID)
	if err != nil {
		return err
	}
	if err := t.api.call(ctx, http.MethodGet, recordPath(s.id, r.ID), nil, &r); err != nil {
		return err
	}
	places, tokens := tokensOf(r.Body)
	if len(tokens) == 0 {
		return errors.New("the record shows no token")
	}
	values, err := t.openTokens(ctx, tokens, truth.ID)
	if err != nil {
		return err
	}
	rows := [][]string{{"FIELD", "KEPT AS", "OPENED FOR fulfilment"}}
	for i := range min(len(tokens), 7) {
		if values[i] == tokens[i] || !bytes.Contains(t.world.Body(s.Name, s.live[truth.ID]), []byte(values[i])) {
			return errors.New("a token opened as something else than what came in")
		}
		rows = append(rows, []string{places[i], tokens[i], shorten(values[i], 34)})
	}
	t.out.say("%s, %d sealed values, erase by %s", r.ID, r.Leaves, r.Expires.Format(time.DateOnly))
	t.out.table(rows)
	if err := t.original(ctx, s, r); err != nil {
		return err
	}
	t.result.Revealed++
	t.out.say("Opened whole, it is the shop's JSON again, byte for byte.")
	return nil
}

// openTokens opens values by their tokens.
func (t *tour) openTokens(ctx context.Context, tokens []string, reference string) ([]string, error) {
	var answer struct {
		Values []struct {
			Value any    `json:"value"`
			Error string `json:"error"`
		} `json:"values"`
	}
	err := t.api.call(ctx, http.MethodPost, "/v1/reveal", map[string]any{"purpose": "fulfilment", "reference": reference, "tokens": tokens}, &answer)
	if err != nil {
		return nil, err
	}
	if len(answer.Values) != len(tokens) {
		return nil, fmt.Errorf("%d tokens were answered with %d values", len(tokens), len(answer.Values))
	}
	values := make([]string, len(tokens))
	for i, v := range answer.Values {
		if v.Error != "" {
			return nil, fmt.Errorf("a token does not open: %s", v.Error)
		}
		values[i] = fmt.Sprint(v.Value)
	}
	return values, nil
}

// tokensOf lists the string values of a record that are tokens, with the path of
// each, in document order, each token once.
func tokensOf(body []byte) (places, tokens []string) {
	dec := json.NewDecoder(bytes.NewReader(body))
	var path []string
	var walk func() bool
	walk = func() bool {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		switch v := tok.(type) {
		case json.Delim:
			for i := 0; dec.More(); i++ {
				name := fmt.Sprint(i)
				if v == '{' {
					k, err := dec.Token()
					if err != nil {
						return false
					}
					name = fmt.Sprint(k)
				}
				path = append(path, name)
				if !walk() {
					return false
				}
				path = path[:len(path)-1]
			}
			_, err = dec.Token() // the closing bracket
			return err == nil
		case string:
			if strings.HasPrefix(v, "srt_") && !slices.Contains(tokens, v) {
				places, tokens = append(places, strings.Join(path, ".")), append(tokens, v)
			}
		}
		return true
	}
	walk()
	return places, tokens
}

// refuse asks in ways that have to be turned down.
func (t *tour) refuse(ctx context.Context) error {
	s := t.shops[0]
	truth, ok := t.pick(s, func(sim.Truth) bool { return true })
	if !ok {
		return errors.New("the shop has no live order")
	}
	r, err := t.byExternalID(ctx, s, truth.ID)
	if err != nil {
		return err
	}
	path := recordPath(s.id, r.ID) + "/reveal"
	stranger := *t.api
	stranger.key = t.api.key[:len(t.api.key)-1] + "0"
	if stranger.key == t.api.key {
		stranger.key = t.api.key[:len(t.api.key)-1] + "1"
	}
	for _, c := range []struct {
		what   string
		as     *client
		in     map[string]string
		status int
	}{
		{"no purpose", t.api, map[string]string{"reference": truth.ID}, http.StatusBadRequest},
		{"purpose marketing", t.api, map[string]string{"purpose": "marketing", "reference": truth.ID}, http.StatusBadRequest},
		{"no reference", t.api, map[string]string{"purpose": "fulfilment"}, http.StatusBadRequest},
		{"legal_duty, no open case", t.api, map[string]string{"purpose": "legal_duty", "reference": truth.ID}, http.StatusForbidden},
		{"a mistyped API key", &stranger, map[string]string{"purpose": "fulfilment", "reference": truth.ID}, http.StatusUnauthorized},
	} {
		if err := t.refused(ctx, c.as, c.what, path, c.in, c.status); err != nil {
			return err
		}
	}
	return nil
}

// refused makes a request that has to be turned down with one of the statuses,
// counts it and shows the answer.
func (t *tour) refused(ctx context.Context, as *client, what, path string, in any, statuses ...int) error {
	err := as.call(ctx, http.MethodPost, path, in, nil)
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return fmt.Errorf("%s: wanted a refusal, got %w", what, orOpened(err))
	}
	if !slices.Contains(statuses, r.Status) {
		return fmt.Errorf("%s: turned down with %w, wanted status %v", what, r, statuses)
	}
	t.result.Refused++
	t.out.say("%-26s %d  %s", what, r.Status, r.Detail)
	return nil
}

func orOpened(err error) error {
	if err == nil {
		return errors.New("an open record")
	}
	return err
}
