package api

import (
	"context"
	"encoding/json"

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
	Tokens    []string `json:"tokens" doc:"up to 1000"`
}

type tokensOut struct {
	Values []tokenOut `json:"values" doc:"in the order of the tokens"`
}

// appendJSON avoids reflection over a thousand values.
func (t tokensOut) appendJSON(dst []byte) []byte {
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
			Summary: "Open values by their tokens for a purpose."}, revealTokens),
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
	values, err := a.o.Vault.RevealTokens(ctx, who, vault.TokenRequest{
		Purpose: strongroom.Purpose(in.Purpose), Reference: in.Reference, Tokens: in.Tokens,
	})
	out := tokensOut{Values: make([]tokenOut, len(values))}
	for i, v := range values {
		out.Values[i] = tokenOut{Token: v.Token, Value: v.Value, Error: v.Error}
	}
	return out, err
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
