package vault_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/vault"
)

// The model test runs random verbs against the vault and a map that says what
// must be true. Its heart is the promise about tokens: a token that was ever
// handed out opens its own place's present value, or nothing.

// modelOrder is what the model knows of one order.
type modelOrder struct {
	id      string            // external
	record  string            // "" while the model expects none
	fields  map[string]string // top-level personal text fields
	items   map[string]string // item id -> text; places go by the item's id
	updated time.Time
	erased  bool
	retired map[string]bool   // tokens that must never open again
	tokens  map[string]string // live token -> place
}

// body spells an order. The order of items is the caller's choice.
func (o *modelOrder) body(items []string) string {
	m := map[string]any{"id": o.id, "number": o.id, "dates": map[string]string{
		"createdAt": "2026-11-10T09:00:00Z", "updatedAt": o.updated.Format(time.RFC3339),
	}}
	for k, v := range o.fields {
		m[k] = v
	}
	list := []any{}
	for _, id := range items {
		list = append(list, map[string]string{"id": id, "giftText": o.items[id]})
	}
	m["items"] = list
	b, err := json.Marshal(map[string]any{"order": m})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// places reads the tokens of an answer by place.
func places(t *rapid.T, body []byte) map[string]string {
	var env struct{ Order map[string]any }
	if err := json.Unmarshal(body, &env); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, name := range []string{"note", "cancelReason"} {
		if s, ok := env.Order[name].(string); ok {
			out[name] = s
		}
	}
	items, _ := env.Order["items"].([]any)
	for _, v := range items {
		m := v.(map[string]any)
		id, _ := m["id"].(string)
		for k, v := range m {
			if s, ok := v.(string); ok && k != "id" {
				out["item "+id] = s
			}
		}
	}
	return out
}

func (o *modelOrder) value(place string) (string, bool) {
	if v, ok := o.fields[place]; ok {
		return v, true
	}
	if len(place) > 5 && place[:5] == "item " {
		v, ok := o.items[place[5:]]
		return v, ok
	}
	return "", false
}

func TestModel(t *testing.T) {
	f := openWith(t, setup{budgets: unlimited()})
	if f.db.Engine() == db.Postgres { // the rules are the same; what differs shows soon
		checks := flag.Lookup("rapid.checks")
		was := checks.Value.String()
		f.must(checks.Value.Set("20"))
		defer checks.Value.Set(was)
	}
	rapid.Check(t, func(t *rapid.T) {
		f.store = f.addStore("Model shop") // each run has a store of its own
		m := &model{f: f, orders: map[string]*modelOrder{}, now: asOf().Add(-9 * day)}
		t.Repeat(map[string]func(*rapid.T){
			"ingest":  m.ingest,
			"again":   m.again,
			"erase":   m.erase,
			"lift":    m.lift,
			"sweep":   func(*rapid.T) { f.sweep() },
			"reveal":  m.reveal,
			"tokens":  m.checkTokens,
			"restart": func(*rapid.T) { f.Vault = vault.New(f.opt) },
		})
		m.checkTokens(t)
	})
}

type model struct {
	f      *fixture
	orders map[string]*modelOrder
	now    time.Time
}

func (m *model) draw(t *rapid.T) *modelOrder {
	id := fmt.Sprint(7000 + rapid.IntRange(1, 4).Draw(t, "order"))
	if m.orders[id] == nil {
		m.orders[id] = &modelOrder{id: id, retired: map[string]bool{}, tokens: map[string]string{}, fields: map[string]string{}, items: map[string]string{}}
	}
	return m.orders[id]
}

// ingest changes an order at random and takes it in.
func (m *model) ingest(t *rapid.T) {
	o := m.draw(t)
	m.now = m.now.Add(time.Minute)
	o.updated = m.now
	word := rapid.StringMatching(`[A-Z][a-z]{3,9} [A-Z][a-z]{3,9}`)
	for _, name := range []string{"note", "cancelReason"} {
		delete(o.fields, name)
		if rapid.Bool().Draw(t, "has "+name) {
			o.fields[name] = word.Draw(t, name)
		}
	}
	o.items = map[string]string{}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 0, 4, rapid.ID).Draw(t, "items") {
		o.items[fmt.Sprint("i", n)] = word.Draw(t, "gift")
	}
	m.take(t, o, rapid.Permutation(slices.Sorted(maps.Keys(o.items))).Draw(t, "order of items"))
}

// take hands an order to the vault and books its tokens.
func (m *model) take(t *rapid.T, o *modelOrder, items []string) {
	out, err := m.f.Ingest(context.Background(), m.f.who, m.f.in("orders", o.body(items)))
	if err != nil {
		t.Fatal(err)
	}
	if o.erased {
		if out.Dead != 1 {
			t.Fatalf("an erased order came back: %+v", out)
		}
		for _, token := range places(t, out.Body) {
			o.retired[token] = true
		}
		return
	}
	if out.Dead != 0 || len(out.Records) != 1 || o.record != "" && out.Records[0].ID != o.record {
		t.Fatalf("ingest: %+v, the record was %q", out, o.record)
	}
	o.record = out.Records[0].ID
	now := places(t, out.Body)
	for token, place := range o.tokens {
		if now[place] != token { // its place is gone, or came back anew
			o.retired[token] = true
			delete(o.tokens, token)
		}
	}
	for place, token := range now {
		if was, ok := o.tokens[token]; ok && was != place || o.retired[token] {
			t.Fatalf("the token of one place was given to %q", place)
		}
		o.tokens[token] = place
	}
}

// again takes the newest body in once more; nothing may change.
func (m *model) again(t *rapid.T) {
	o := m.draw(t)
	if o.record == "" || o.erased {
		return
	}
	before := maps.Clone(o.tokens)
	m.take(t, o, slices.Sorted(maps.Keys(o.items)))
	if !maps.Equal(before, o.tokens) {
		t.Fatal("the same values got other tokens")
	}
}

func (m *model) erase(t *rapid.T) {
	o := m.draw(t)
	if o.record == "" {
		return
	}
	if _, err := m.f.Erase(context.Background(), m.f.who, vault.EraseRequest{Store: m.f.store, Records: []string{o.record}}); err != nil {
		t.Fatal(err)
	}
	for token := range o.tokens {
		o.retired[token] = true
	}
	o.tokens, o.erased, o.record = map[string]string{}, true, ""
}

func (m *model) lift(t *rapid.T) {
	o := m.draw(t)
	err := m.f.LiftTombstone(context.Background(), m.f.who, m.f.store, "order", o.id, "case/1")
	if o.erased != (err == nil) {
		t.Fatalf("lifted: %v, erased: %v", err, o.erased)
	}
	o.erased = false
}

func (m *model) reveal(t *rapid.T) {
	o := m.draw(t)
	if o.record == "" {
		return
	}
	body, err := m.f.reveal(o.record)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	for name, v := range o.fields {
		if got[name] != v {
			t.Fatalf("%s came back as %v, want %q", name, got[name], v)
		}
	}
	if items, _ := got["items"].([]any); len(items) != len(o.items) {
		t.Fatalf("%d items came back, want %d", len(items), len(o.items))
	}
}

// checkTokens opens every token ever handed out.
func (m *model) checkTokens(t *rapid.T) {
	for _, o := range m.orders {
		all := append(slices.Sorted(maps.Keys(o.tokens)), slices.Sorted(maps.Keys(o.retired))...)
		if len(all) == 0 {
			continue
		}
		out, err := m.f.RevealTokens(context.Background(), m.f.who, vault.TokenRequest{
			Purpose: strongroom.Fulfilment, Reference: "1047", Tokens: all,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out {
			want, live := o.value(o.tokens[v.Token])
			switch {
			case o.retired[v.Token] && (v.Value != nil || v.Error == ""):
				t.Fatalf("a retired token opens %s", v.Value)
			case !o.retired[v.Token] && live && string(v.Value) != fmt.Sprintf("%q", want):
				t.Fatalf("the token of %q opens %s (%s), want %q", o.tokens[v.Token], v.Value, v.Error, want)
			}
		}
	}
}
