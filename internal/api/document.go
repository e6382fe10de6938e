package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/document"
)

// Documents are the files that came back about shoppers. Each verb decides and records
// for itself, also what it refuses.
type Documents interface {
	List(ctx context.Context, who strongroom.Actor, store, record, after string, limit int) ([]document.Document, string, error)
	Link(ctx context.Context, who strongroom.Actor, id string, q document.For) (document.Link, error)
	Open(ctx context.Context, who strongroom.Actor, secret string) (document.Document, []byte, error)
}

type documentsIn struct {
	Store  string `path:"store" doc:"the store's id"`
	Record string `query:"record" doc:"only those of this record"`
	Cursor string `query:"cursor,opaque" doc:"next_cursor of the page before"`
	Limit  int64  `query:"limit" cap:"200" doc:"at most this many, 50 if missing; more than 200 counts as 200"`
}

type documentOut struct {
	ID     string    `json:"id"`
	Store  string    `json:"store"`
	Record string    `json:"record"`
	Type   string    `json:"type" doc:"media type"`
	Bytes  int64     `json:"bytes"`
	At     time.Time `json:"at"`
	Route  string    `json:"route" doc:"the version of the route that brought it"`
	Author string    `json:"author" doc:"for whom it was brought"`
}

func documentOf(d document.Document) documentOut {
	return documentOut{ID: d.ID, Store: d.Store, Record: d.Record, Type: d.Type, Bytes: d.Bytes, At: d.At, Route: d.Route, Author: d.Author}
}

type documentList struct {
	Documents []documentOut `json:"documents"`
	Next      string        `json:"next_cursor"`
}

type documentLinkIn struct {
	Document  string `path:"document" doc:"the document's id"`
	Person    string `json:"person" doc:"the id of who is to open it"`
	Purpose   string `json:"purpose" doc:"what for, as of a reveal"`
	Reference string `json:"reference" doc:"the order or case it is for"`
}

type documentLinkOut struct {
	Code  string    `json:"code" doc:"opens the document once; give it to the person and to nobody else"`
	Until time.Time `json:"expires_at"`
}

type openIn struct {
	Code string `json:"code" doc:"of a link that was made for you"`
}

type openOut struct {
	documentOut
	Body []byte `json:"body" doc:"the file, in Base64"`
}

func documentRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/stores/{store}/documents", Action: "document.list",
			Summary: "The documents of a store: labels and other files that came back by routes. What is in them is not shown."}, listDocuments),
		define(Route{Method: "POST", Path: "/v1/documents/{document}/links", Action: "document.link", Status: 201,
			Summary: "Make a link by which one person opens a document: good once, for 15 minutes."}, linkDocument),
		define(Route{Method: "POST", Path: "/v1/documents/open", Action: "document.open",
			Summary: "Open a document by a link that was made for you. The link is used up."}, openDocument),
	}
}

func (a *API) documents() (Documents, error) {
	if a.o.Documents == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "documents", "this instance keeps no documents")
	}
	return a.o.Documents, nil
}

func listDocuments(a *API, ctx context.Context, who strongroom.Actor, in *documentsIn) (out documentList, err error) {
	ds, err := a.documents()
	if err != nil {
		return out, err
	}
	list, next, err := ds.List(ctx, who, in.Store, in.Record, in.Cursor, pageSize(in.Limit))
	out = documentList{Documents: make([]documentOut, len(list)), Next: next}
	for i, d := range list {
		out.Documents[i] = documentOf(d)
	}
	return out, err
}

func linkDocument(a *API, ctx context.Context, who strongroom.Actor, in *documentLinkIn) (documentLinkOut, error) {
	ds, err := a.documents()
	if err != nil {
		return documentLinkOut{}, err
	}
	l, err := ds.Link(ctx, who, in.Document, document.For{Person: in.Person, Purpose: strongroom.Purpose(in.Purpose), Reference: in.Reference})
	return documentLinkOut{Code: l.Secret.Reveal(), Until: l.Until}, err
}

func openDocument(a *API, ctx context.Context, who strongroom.Actor, in *openIn) (openOut, error) {
	ds, err := a.documents()
	if err != nil {
		return openOut{}, err
	}
	d, body, err := ds.Open(ctx, who, in.Code)
	return openOut{documentOut: documentOf(d), Body: body}, err
}
