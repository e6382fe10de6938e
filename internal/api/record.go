package api

import (
	"context"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/vault"
)

// recordOut leaves out of a damaged record everything but id, store and state.
type recordOut struct {
	ID         string          `json:"id"`
	Store      string          `json:"store"`
	State      string          `json:"state" doc:"live, or damaged: its row was changed in the database and does not open; then there is only id, store and state"`
	ExternalID *string         `json:"external_id,omitempty" doc:"of the platform; empty where it looks personal"`
	Kind       string          `json:"kind,omitzero"`
	Origin     originOut       `json:"origin,omitzero"`
	Clock      clockOut        `json:"clock,omitzero"`
	Expires    time.Time       `json:"expires_at,omitzero"`
	Version    int             `json:"version,omitzero"`
	Leaves     *int            `json:"leaves,omitempty" doc:"how many values are sealed"`
	Classes    []string        `json:"classes,omitzero" doc:"of the sealed values"`
	Record     json.RawMessage `json:"record,omitempty" doc:"the object with tokens; only where one record is asked for"`
}

type originOut struct {
	Provider string    `json:"provider"`
	Platform string    `json:"platform"`
	Version  string    `json:"version"`
	Endpoint string    `json:"endpoint"`
	Fetched  time.Time `json:"fetched_at"`
	How      string    `json:"how"`
}

type clockOut struct {
	Anchor string    `json:"anchor" doc:"the event the date counts from"`
	At     time.Time `json:"at"`
}

type recordPage struct {
	Records []recordOut `json:"records"`
	Next    string      `json:"next_cursor"`
}

type listIn struct {
	Store string `path:"store" doc:"the store's id"`
	Kind  string `query:"kind" of:"order orders customer customers fulfillment fulfillments fulfilment fulfilments store stores" doc:"order, customer, fulfillment or store; the plural and the British spelling are taken too"`
	pageIn
}

type oneIn struct {
	Store  string `path:"store" doc:"the store's id"`
	Record string `path:"id" doc:"the record's id"`
}

type findIn struct {
	Store      string `json:"store,omitempty" doc:"a store's id; missing is every store the caller may see"`
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
	Name       string `json:"name,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	NationalID string `json:"national_id,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Cursor     string `json:"cursor,omitempty"`
	Limit      int64  `json:"limit,omitempty" cap:"200" doc:"at most this many, 50 if missing; more than 200 counts as 200"`
}

type eraseIn struct {
	Store     string `path:"store" doc:"the store's id"`
	Record    string `path:"id" doc:"the record's id"`
	Reason    string `json:"reason,omitempty"`
	Reference string `json:"reference,omitempty" doc:"order or case"`
}

type eraseManyIn struct {
	Store     string   `json:"store"`
	Records   []string `json:"records" doc:"up to 1000 ids"`
	Reason    string   `json:"reason,omitempty"`
	Reference string   `json:"reference,omitempty" doc:"order or case"`
}

type erasedOut struct {
	Erased int      `json:"erased" doc:"records that were there and are gone"`
	Failed []string `json:"failed,omitempty" doc:"ids of damaged records that could not be erased: nothing proves whose they are"`
}

func recordRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/stores/{store}/records", Action: "record.list",
			Summary: "List records: what is known of them, no bodies."}, listRecords),
		define(Route{Method: "GET", Path: "/v1/stores/{store}/records/{id}", Action: "record.read",
			Summary: "One record with tokens in place of personal values."}, oneRecord),
		define(Route{Method: "POST", Path: "/v1/find", Action: "record.find",
			Summary: "Find records by exactly one exact value: e-mail, phone, name, postal code, national id or external id."}, find),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/records/{id}/erase", Action: "record.erase", BodyOptional: true, Repeatable: true,
			Summary: "Erase a record for good."}, eraseOne),
		define(Route{Method: "POST", Path: "/v1/erase", Action: "record.erase", Repeatable: true,
			Summary: "Erase many records of a store for good."}, eraseMany),
	}
}

func listRecords(a *API, ctx context.Context, who strongroom.Actor, in *listIn) (recordPage, error) {
	list, next, err := a.o.Vault.Records(ctx, who, vault.ListQuery{
		Store: in.Store, Kind: in.Kind, Cursor: in.Cursor, Limit: pageSize(in.Limit),
	})
	return outRecords(list, next), err
}

func oneRecord(a *API, ctx context.Context, who strongroom.Actor, in *oneIn) (recordOut, error) {
	r, err := a.o.Vault.Record(ctx, who, in.Store, in.Record)
	return outRecord(r), err
}

func find(a *API, ctx context.Context, who strongroom.Actor, in *findIn) (recordPage, error) {
	list, next, err := a.o.Vault.Find(ctx, who, vault.FindQuery{
		Store: in.Store, Email: in.Email, Phone: in.Phone, Name: in.Name, PostalCode: in.PostalCode,
		NationalID: in.NationalID, ExternalID: in.ExternalID, Cursor: in.Cursor, Limit: pageSize(in.Limit),
	})
	return outRecords(list, next), err
}

func eraseOne(a *API, ctx context.Context, who strongroom.Actor, in *eraseIn) (erasedOut, error) {
	e, err := a.o.Vault.Erase(ctx, who, vault.EraseRequest{
		Store: in.Store, Records: []string{in.Record}, Reason: in.Reason, Reference: in.Reference,
	})
	return erasedOut{e.Count, e.Failed}, err
}

func eraseMany(a *API, ctx context.Context, who strongroom.Actor, in *eraseManyIn) (erasedOut, error) {
	e, err := a.o.Vault.Erase(ctx, who, vault.EraseRequest{
		Store: in.Store, Records: in.Records, Reason: in.Reason, Reference: in.Reference,
	})
	return erasedOut{e.Count, e.Failed}, err
}

func outRecords(list []vault.Record, next string) recordPage {
	out := recordPage{Records: make([]recordOut, len(list)), Next: next}
	for i, r := range list {
		out.Records[i] = outRecord(r)
	}
	return out
}

func outRecord(r vault.Record) recordOut {
	if r.Damaged {
		return recordOut{ID: r.ID, Store: r.Store, State: "damaged"}
	}
	classes := r.Classes
	if classes == nil {
		classes = []string{}
	}
	return recordOut{
		ID: r.ID, Store: r.Store, State: "live", ExternalID: &r.ExternalID, Kind: r.Kind,
		Origin: originOut{Provider: r.Origin.Provider, Platform: r.Origin.Platform, Version: r.Origin.Version,
			Endpoint: r.Origin.Endpoint, Fetched: r.Origin.Fetched, How: r.Origin.How},
		Clock: clockOut{Anchor: r.Clock.Anchor, At: r.Clock.At}, Expires: r.ExpiresAt, Version: r.Version,
		Leaves: &r.Leaves, Classes: classes, Record: r.Body,
	}
}
