package api

import (
	"context"
	"encoding/json"
	"errors"

	"strongroom"
	"strongroom/internal/vault"
)

type revealIn struct {
	Store     string   `path:"store" doc:"the store's id"`
	Record    string   `path:"id" doc:"the record's id"`
	Purpose   string   `json:"purpose" doc:"fulfilment, tax, invoice, legal_duty or subject_request"`
	Reference string   `json:"reference" doc:"the order it is for; for legal_duty and subject_request the id of an open case"`
	Fields    []string `json:"fields,omitempty" doc:"paths or classes to open; missing is the whole original"`
}

// revealed is the original, or the object with some fields open.
type revealed struct {
	Record json.RawMessage `json:"record"`
}

// appendJSON keeps the original's own text: numbers, key order and white space.
func (r revealed) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"record":`...)
	dst = append(dst, r.Record...)
	return append(dst, "}\n"...)
}

type tokensIn struct {
	Purpose   string   `json:"purpose" doc:"fulfilment, tax, invoice, legal_duty or subject_request"`
	Reference string   `json:"reference" doc:"the order it is for; for legal_duty and subject_request the id of an open case"`
	Tokens    []string `json:"tokens,omitempty" doc:"up to 1000; either tokens or find"`
	Find      *findIn  `json:"find,omitempty" doc:"open the records that these find, a page at most; needs record.find too"`
}

type tokensOut struct {
	Values  []tokenOut `json:"values" doc:"in the order of the tokens"`
	Records []foundOut `json:"records,omitempty" doc:"that were found, each opened as by its id"`
	Next    string     `json:"next_cursor,omitempty" doc:"find.cursor of the page after"`
}

type foundOut struct {
	ID     string          `json:"id"`
	Store  string          `json:"store"`
	Record json.RawMessage `json:"record,omitempty"`
	Error  string          `json:"error,omitempty" doc:"the code of why it does not open"`
}

// foundPage is an answer with records. It writes them as they were sent in.
type foundPage tokensOut

func (p foundPage) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"values":[],"records":[`...)
	for i, r := range p.Records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"id":`...), r.ID)
		dst = appendString(append(dst, `,"store":`...), r.Store)
		if r.Error != "" {
			dst = appendString(append(dst, `,"error":`...), r.Error)
		} else {
			dst = append(append(dst, `,"record":`...), r.Record...)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if p.Next != "" {
		dst = appendString(append(dst, `,"next_cursor":`...), p.Next)
	}
	return append(dst, "}\n"...)
}

// appendJSON avoids reflection over a thousand values.
func (t tokensOut) appendJSON(dst []byte) []byte {
	if t.Records != nil {
		return foundPage(t).appendJSON(dst)
	}
	dst = append(dst, `{"values":[`...)
	for i, v := range t.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"token":`...)
		dst = appendString(dst, v.Token)
		if v.Error != "" {
			dst = append(dst, `,"error":`...)
			dst = appendString(dst, v.Error)
		} else {
			dst = append(dst, `,"value":`...)
			dst = append(dst, v.Value...)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}\n"...)
}

type tokenOut struct {
	Token string          `json:"token"`
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty" doc:"the code of why it does not open"`
}

func revealRoutes() []Route {
	return []Route{
		define(Route{Method: "POST", Path: "/v1/stores/{store}/records/{id}/reveal", Action: "record.reveal",
			Summary: "Open a record for a purpose: the original, or only the named fields."}, reveal),
		define(Route{Method: "POST", Path: "/v1/reveal", Action: "record.reveal",
			Summary: "Open values by their tokens, or the records that an exact value finds, for a purpose."}, revealTokens),
	}
}

// reveal passes purpose and reference on as they are: the vault refuses and
// records what is missing or wrong.
func reveal(a *API, ctx context.Context, who strongroom.Actor, in *revealIn) (revealed, error) {
	r, err := a.o.Vault.Reveal(ctx, who, vault.RevealRequest{
		Store: in.Store, Record: in.Record, Purpose: strongroom.Purpose(in.Purpose), Reference: in.Reference, Fields: in.Fields,
	})
	return revealed{r.Body}, err
}

func revealTokens(a *API, ctx context.Context, who strongroom.Actor, in *tokensIn) (tokensOut, error) {
	if in.Find != nil {
		if in.Tokens != nil {
			return tokensOut{}, refusal("find", "give either tokens or find")
		}
		return revealFound(a, ctx, who, in)
	}
	values, err := a.o.Vault.RevealTokens(ctx, who, vault.TokenRequest{
		Purpose: strongroom.Purpose(in.Purpose), Reference: in.Reference, Tokens: in.Tokens,
	})
	out := tokensOut{Values: make([]tokenOut, len(values))}
	for i, v := range values {
		out.Values[i] = tokenOut{Token: v.Token, Value: v.Value, Error: v.Error}
	}
	return out, err
}

// maxFound is the longest page of records that one reveal finds and opens.
const maxFound = 200

// revealFound finds records and opens each as a reveal by its id does: a decision,
// an event and a debit for each. What does not open says why in its place; what is
// wrong with the request itself is the answer to all of it.
func revealFound(a *API, ctx context.Context, who strongroom.Actor, in *tokensIn) (tokensOut, error) {
	if in.Find.Limit < 0 {
		return tokensOut{}, outOfRange("limit", maxFound)
	}
	in.Find.Limit = min(in.Find.Limit, maxFound)
	list, err := find(a, ctx, who, in.Find)
	if err != nil {
		return tokensOut{}, err
	}
	if len(list.Records) == 0 {
		return tokensOut{}, strongroom.Faultf(strongroom.NotFound, "find", "no record was found")
	}
	out := tokensOut{Records: make([]foundOut, len(list.Records)), Next: list.Next}
	for i, r := range list.Records {
		out.Records[i] = foundOut{ID: r.ID, Store: r.Store}
		opened, err := a.o.Vault.Reveal(ctx, who, vault.RevealRequest{
			Store: r.Store, Record: r.ID, Purpose: strongroom.Purpose(in.Purpose), Reference: in.Reference,
		})
		f, refused := errors.AsType[*strongroom.Fault](err)
		switch {
		case err == nil:
			out.Records[i].Record = opened.Body
		case len(list.Records) > 1 && refused && f.Kind != strongroom.Invalid && f.Kind != strongroom.Unavailable:
			out.Records[i].Error = f.Code
		default:
			return tokensOut{}, err
		}
	}
	return out, nil
}

// appendString appends s as a JSON string. Tokens and codes are plain letters;
// anything else takes the long way.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			b, _ := json.Marshal(s) // a string: cannot fail
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
