package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"strongroom"
	"strongroom/internal/web"
)

type eventPage struct {
	Events []json.RawMessage `json:"events" doc:"complete OCSF 1.9.0 objects, oldest first"`
	Next   string            `json:"next_cursor"`
}

type eventsIn struct {
	Cursor string `query:"cursor,opaque" doc:"next_cursor of the page before"`
	Limit  int64  `query:"limit" cap:"1000" doc:"at most this many, 50 if missing; more than 1000 counts as 1000"`
}

type proofIn struct {
	Index int64 `query:"index" must:"true" doc:"the event's place in the log"`
}

type proofOut struct {
	Index      int64  `json:"index"`
	Leaf       string `json:"leaf" doc:"the exact bytes that were hashed"`
	Hash       string `json:"leaf_hash" doc:"base64"`
	Proof      string `json:"proof" doc:"C2SP tlog-proof text, with the checkpoint it leads to"`
	Checkpoint string `json:"checkpoint" doc:"C2SP signed note"`
}

type consistencyIn struct {
	From int64 `query:"from" doc:"the size of the older checkpoint"`
}

type consistencyOut struct {
	From       int64    `json:"from"`
	Hashes     []string `json:"hashes" doc:"base64, in the order of RFC 6962"`
	Checkpoint string   `json:"checkpoint" doc:"the newest one, a C2SP signed note"`
}

func auditRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/audit/events", Action: "log.read",
			Summary: "Read the audit log. The reading is an event too."}, events),
		defineRaw(Route{Method: "GET", Path: "/v1/audit/checkpoint", Action: "log.proof",
			Summary: "The newest signed checkpoint of the audit log."}, "text/plain, a C2SP signed note", checkpoint),
		define(Route{Method: "GET", Path: "/v1/audit/key", Public: true,
			Summary: "The public key that checkpoints of the log are signed with."}, verifierKey),
		define(Route{Method: "GET", Path: "/v1/audit/proof", Action: "log.proof",
			Summary: "Prove that an event is in the log."}, proof),
		define(Route{Method: "GET", Path: "/v1/audit/consistency", Action: "log.proof",
			Summary: "Prove that the log extends an older state of itself."}, consistency),
		defineRaw(Route{Method: "GET", Path: "/v1/audit/export", Action: "log.export",
			Summary: "The whole log, for strongroom audit verify on another machine."}, "application/x-ndjson", export),
	}
}

type verifierKeyOut struct {
	Key string `json:"key" doc:"a C2SP verifier key; it is public, keep a copy elsewhere"`
}

func verifierKey(a *API, _ context.Context, _ strongroom.Actor, _ *struct{}) (verifierKeyOut, error) {
	return verifierKeyOut{a.o.Logbook.VerifierKey()}, nil
}

func events(a *API, ctx context.Context, who strongroom.Actor, in *eventsIn) (eventPage, error) {
	after := int64(-1)
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || n < 0 {
			return eventPage{}, refusal("cursor", "this is no cursor of ours")
		}
		after = n
	}
	limit := pageSize(in.Limit)
	list, err := a.o.Logbook.Events(ctx, who, after, limit)
	out := eventPage{Events: make([]json.RawMessage, len(list))}
	for i, e := range list {
		out.Events[i] = e.OCSF
	}
	if len(list) == limit {
		out.Next = strconv.FormatInt(list[limit-1].Position, 10)
	}
	return out, err
}

func checkpoint(a *API, c *call, _ *struct{}) error {
	note, err := a.o.Logbook.Checkpoint(c.ctx, c.who)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, "text/plain; charset=utf-8", note)
}

func proof(a *API, ctx context.Context, who strongroom.Actor, in *proofIn) (proofOut, error) {
	p, err := a.o.Logbook.Inclusion(ctx, who, in.Index)
	return proofOut{
		Index: p.Position, Leaf: string(p.Leaf), Hash: p.Hash, Proof: string(p.Proof), Checkpoint: string(p.Checkpoint),
	}, err
}

func consistency(a *API, ctx context.Context, who strongroom.Actor, in *consistencyIn) (consistencyOut, error) {
	p, err := a.o.Logbook.Consistency(ctx, who, in.From)
	if p.Hashes == nil {
		p.Hashes = []string{}
	}
	return consistencyOut{From: p.From, Hashes: p.Hashes, Checkpoint: string(p.Checkpoint)}, err
}

// export streams. What fails after the first byte cuts the connection: half a
// log must not look like a whole one, and verify would say so too.
func export(a *API, c *call, _ *struct{}) error {
	begun := false
	out := prolonged{c.w}
	err := a.o.Logbook.Export(c.ctx, c.who, out, func() {
		begun = true
		c.w.Header().Set("Content-Type", ndjson)
	})
	if err != nil && begun {
		a.note(c, err, web.Status(err))
		panic(http.ErrAbortHandler)
	}
	return err
}

// prolonged gives a stream more time with each write that succeeds.
type prolonged struct{ w http.ResponseWriter }

func (p prolonged) Write(b []byte) (int, error) {
	web.Prolong(p.w, streamQuiet)
	return p.w.Write(b)
}
