package vault

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// MaxTokens is how many tokens one call may reveal.
const MaxTokens = 1000

// TokenRequest asks for the values behind tokens, of any stores and records.
type TokenRequest struct {
	Purpose   strongroom.Purpose
	Reference string
	Tokens    []string // up to MaxTokens, as answers spell them
	// Store is the one store whose tokens are taken; those of others are like none of
	// ours. "" takes those of all.
	Store string
	// Classes are, for each token, the classes it may be of; a token of another class
	// stays closed. nil is all.
	Classes [][]string
}

// TokenValue is what one token stands for: a JSON value, or the code of why it
// opens nothing: "token" (none of ours), "store" (its store was disconnected),
// "store-closed" (its grant is gone),
// "erased", "expired", "token-retired" (its place is gone or holds something
// else), "class" (it may not be of its class here), "tampered".
type TokenValue struct {
	Token string
	Value json.RawMessage
	Error string
}

// RevealTokens opens the values behind tokens for a purpose. Each record they
// belong to is decided and recorded by itself; one that is denied denies the
// call. A token that opens nothing has its reason in its TokenValue.
//
// Faults: Invalid (purpose, reference, number of tokens, none of ours), Denied (also
// with the code "store-closed" if no token is of a store that is open), Exhausted.
func (v *Vault) RevealTokens(ctx context.Context, who strongroom.Actor, q TokenRequest) ([]TokenValue, error) {
	a, err := v.checkAsked(q.Purpose, q.Reference)
	if err == nil && q.Classes != nil && len(q.Classes) != len(q.Tokens) {
		err = strongroom.Faultf(strongroom.Invalid, "tokens", "classes are given for each token or for none")
	}
	if err == nil && (len(q.Tokens) == 0 || len(q.Tokens) > MaxTokens) {
		err = strongroom.Faultf(strongroom.Invalid, "tokens", "a call reveals 1 to %d tokens", MaxTokens)
	}
	if err != nil {
		return nil, v.refuse(ctx, who, actionReveal, instance(), err)
	}
	for try := 0; ; try++ {
		t := &tokenReveal{v: v, asked: a, tokens: q.Tokens, classes: q.Classes, only: q.Store, out: make([]TokenValue, len(q.Tokens)), again: try > 0}
		err := v.guard.Read(ctx, who, t.decide)
		if isMoved(err) && try < 3 {
			continue
		}
		if err != nil {
			return nil, err
		}
		return t.open(ctx, who)
	}
}

// tokenReveal is one call of RevealTokens.
type tokenReveal struct {
	v       *Vault
	asked   asked
	tokens  []string
	classes [][]string
	only    string // the one store whose tokens are taken; "" is all
	again   bool   // as for reveal

	out     []TokenValue
	records []*tokenRecord // in the order their first tokens came
}

// tokenRecord is a record with the tokens that ask for it.
type tokenRecord struct {
	reveal
	at     []int    // positions in tokens
	leaves []uint32 // the leaf each asks for
	broken error    // its row was changed in the database
	shut   error    // its store is closed
}

func (t *tokenReveal) decide(_ context.Context, view *guard.View) error {
	if err := t.group(view); err != nil {
		return err
	}
	if len(t.records) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "token", "none of the tokens is one of this instance")
	}
	for _, r := range t.records {
		if err := t.decideOne(view, r); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(t.records, func(r *tokenRecord) bool { return !isClosed(r.shut) }) {
		return closed()
	}
	t.v.atDecision()
	view.Confirm(t.confirm)
	return nil
}

// group reads the tokens and sorts them by record. A spelling that is no token
// of ours gets its error; nothing is loaded for it.
func (t *tokenReveal) group(view *guard.View) error {
	byTag := make(map[[5]byte]*store)
	byRecord := make(map[[2]uint64]*tokenRecord)
	for i, text := range t.tokens {
		t.out[i] = TokenValue{Token: text, Error: "token"}
		token := strings.TrimSuffix(text, emailDomain)
		env, tag, ok := seal.ParseToken(token)
		if !ok || env != t.v.tokenEnv {
			continue
		}
		st, known := byTag[tag]
		if !known {
			var err error
			if st, err = t.v.loadStoreByTag(&view.Reader, tag); err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
				return err
			}
			byTag[tag] = st
		}
		if st == nil || st.token.IsZero() || t.only != "" && st.id != t.only {
			continue
		}
		record, leaf, ok := st.token.Decode(token)
		if !ok {
			continue
		}
		name := [2]uint64{uint64(st.num), record}
		r := byRecord[name]
		if r == nil {
			r = &tokenRecord{reveal: reveal{v: t.v, asked: t.asked, id: recordID(record), store: st.id, st: st, again: t.again}}
			byRecord[name] = r
			t.records = append(t.records, r)
		}
		r.at, r.leaves = append(r.at, i), append(r.leaves, leaf)
	}
	return nil
}

// decideOne decides on one record. Our own token proves that the record once
// was, or was never kept: a row that is not there is one that died.
func (t *tokenReveal) decideOne(view *guard.View, r *tokenRecord) error {
	r.count = int64(len(r.at))
	code := ""
	switch err := r.load(view); {
	case strongroom.IsKind(err, strongroom.NotFound):
		code = "erased"
	case strongroom.IsKind(err, strongroom.Erased):
		code = faultCode(err)
	case isClosed(err):
		code, r.shut = faultCode(err), err
	case IsDamaged(err):
		code, r.broken = "tampered", err
	case err != nil:
		return err
	}
	var classes []string
	if r.row != nil {
		classes = classNames(r.row.classes)
	}
	c := guard.Context{
		Purpose: t.asked.purpose, Reference: t.asked.log, Given: t.asked.reference,
		Attrs: map[string]any{"classes": classes, "fields": r.count, "records": int64(1), "full": false},
	}
	if err := view.Allow(actionReveal, r.resource(), c); err != nil {
		return err
	}
	t.asked.noteCase(view)
	r.receipt = view.Receipt()
	view.Note("tokens", r.count)
	if code != "" {
		view.Note("dead", r.count)
		t.fail(r, code)
		return nil
	}
	return nil
}

func (t *tokenReveal) fail(r *tokenRecord, code string) {
	for _, i := range r.at {
		t.out[i].Error = code
	}
	r.row = nil
}

// confirm asks for the case once a store, debits each store's budget once and
// loads every key.
func (t *tokenReveal) confirm(tx *guard.Tx) error {
	stores := make(map[string]bool)
	for _, r := range t.records {
		if stores[r.store] {
			continue
		}
		stores[r.store] = true
		if err := t.v.caseOpen(tx, &t.asked, r.store); err != nil {
			return err
		}
	}
	type sum struct{ records, fields int64 }
	sums := make(map[int64]sum)
	var order []int64
	for _, r := range t.records {
		if r.row == nil {
			continue
		}
		s, ok := sums[r.st.num]
		if !ok {
			order = append(order, r.st.num)
		}
		sums[r.st.num] = sum{s.records + 1, s.fields + r.count}
	}
	for _, num := range order {
		n := accountName{who: tx.Actor().ID, purpose: t.asked.purpose, store: num}
		err := t.v.debit(tx, n, nil, sums[num].records, sums[num].fields)
		if gone(err) || isClosed(err) {
			return errMoved() // disconnected or closed since the decision
		}
		if err != nil {
			return err
		}
	}
	for _, r := range t.records {
		if r.row == nil {
			continue
		}
		err := r.confirm(tx)
		if gone(err) {
			return errMoved() // died since the decision: decide again without it
		}
		if err != nil {
			return err
		}
	}
	for _, r := range t.records {
		if r.row == nil {
			continue
		}
		if err := r.remember(tx); err != nil {
			return err
		}
	}
	return nil
}

// open runs after the events are durable.
func (t *tokenReveal) open(ctx context.Context, who strongroom.Actor) ([]TokenValue, error) {
	for _, r := range t.records {
		if r.broken != nil {
			if err := r.failed(ctx, who, r.broken); !IsDamaged(err) {
				return nil, err // the failure could not be recorded
			}
		}
		if r.row == nil {
			continue
		}
		o, err := r.openRow()
		if err != nil {
			if err := r.failed(ctx, who, err); !strongroom.IsKind(err, strongroom.Internal) {
				return nil, err
			}
			t.fail(r, "tampered")
			continue
		}
		var class map[uint32]string
		if t.classes != nil {
			if class, err = o.classOf(); err != nil {
				return nil, err
			}
		}
		for j, i := range r.at {
			t.out[i].Value, t.out[i].Error = nil, "token-retired"
			if t.classes != nil && !slices.Contains(t.classes[i], class[r.leaves[j]]) && o.leaves[r.leaves[j]] != nil {
				t.out[i].Error = "class"
				continue
			}
			if text, ok := o.leaves[r.leaves[j]]; ok {
				t.out[i].Value, t.out[i].Error = leafValue(text), ""
			}
		}
	}
	return t.out, nil
}

// leafValue returns a leaf's text as a JSON value of its own. A leaf inside a
// JSON document that is held in a string has its text escaped once more.
func leafValue(text []byte) json.RawMessage {
	if json.Valid(text) {
		return text
	}
	var inner string
	if json.Unmarshal([]byte(`"`+string(text)+`"`), &inner) == nil && json.Valid([]byte(inner)) {
		return json.RawMessage(inner)
	}
	return mustQuote(string(text))
}

func mustQuote(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`null`) // a string always marshals
	}
	return b
}
