package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/vault"
)

type fieldOut struct {
	ID       string    `json:"id"`
	Store    string    `json:"store"`
	Resource string    `json:"resource"`
	Version  string    `json:"version"`
	Platform string    `json:"platform"`
	Path     string    `json:"path" doc:"of known keys; {key} stands for each that is not"`
	Name     string    `json:"name" doc:"the real names of the keys; sealed at rest"`
	Type     string    `json:"type" doc:"JSON type of the value"`
	Why      string    `json:"why" doc:"unmapped, drifted or detected"`
	Count    int64     `json:"count" doc:"how often it came"`
	First    time.Time `json:"first_at"`
	Last     time.Time `json:"last_at"`
	As       string    `json:"as" doc:"what a person decided; empty while nobody has, then it counts as personal"`
}

type fieldPage struct {
	Fields []fieldOut `json:"fields"`
	Next   string     `json:"next_cursor"`
}

type fieldsIn struct {
	Store string `query:"store" doc:"the store's id"`
	pageIn
	Names bool `query:"names" doc:"also the real names of the keys, which may be personal; needs field.classify"`
}

type classifyIn struct {
	Store string `json:"store" doc:"the store's id"`
	Field string `json:"field" doc:"the field's id"`
	As    string `json:"as" doc:"clear, or the class of its value, such as email, text or payment"`
}

type classifyOut struct {
	Field      fieldOut   `json:"field"`
	Job        string     `json:"job,omitempty" doc:"treats stored records anew"`
	ClearUntil *time.Time `json:"clear_until,omitempty" doc:"until when older copies of the database hold it in the tokenised part"`
}

func fieldRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/fields", Action: "field.list",
			Summary: "List a store's fields that no field map knows. They are treated as personal."}, fields),
		define(Route{Method: "POST", Path: "/v1/fields/classify", Action: "field.classify",
			Summary: "Decide what a field is; stored records follow by a job."}, classifyField),
	}
}

func fields(a *API, ctx context.Context, who strongroom.Actor, in *fieldsIn) (fieldPage, error) {
	if in.Store == "" {
		return fieldPage{}, refusal("store", "name the store: ?store=str_…")
	}
	list, next, err := a.o.Vault.Fields(ctx, who, vault.FieldQuery{Store: in.Store, Cursor: in.Cursor, Limit: pageSize(in.Limit), Names: in.Names})
	out := fieldPage{Fields: make([]fieldOut, len(list)), Next: next}
	for i, f := range list {
		out.Fields[i] = outField(f)
	}
	return out, err
}

func classifyField(a *API, ctx context.Context, who strongroom.Actor, in *classifyIn) (classifyOut, error) {
	c, err := a.o.Vault.Classify(ctx, who, vault.Classification{Store: in.Store, Field: in.Field, As: in.As})
	if err != nil {
		return classifyOut{}, err
	}
	return classifyOut{Field: outField(c.Field), Job: c.Job, ClearUntil: orNil(c.ClearUntil)}, nil
}

func outField(f vault.Field) fieldOut {
	return fieldOut{
		ID: f.ID, Store: f.Store, Resource: f.Resource, Version: f.Version, Platform: f.Platform, Path: f.Path, Name: f.Name,
		Type: f.Type, Why: f.Why, Count: f.Count, First: f.First, Last: f.Last, As: f.As,
	}
}
