package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/federation"
	"strongroom/internal/web"
)

type leaversIn struct {
	Since time.Time `query:"since" doc:"who left from then on; missing is everybody"`
	pageIn
}

// leaverOut is a proof of the 24 hours.
type leaverOut struct {
	Person  string     `json:"person"`
	Cause   string     `json:"cause" doc:"hand, date, feed or scim"`
	Event   time.Time  `json:"event_at" doc:"when the reason to end came about"`
	Revoked time.Time  `json:"revoked_at" doc:"when everything was dead here"`
	Seconds float64    `json:"took_seconds" doc:"between the two"`
	Late    bool       `json:"late" doc:"it took longer than 24 hours"`
	Probed  *time.Time `json:"probed_at,omitempty" doc:"when the ways in were tried last; missing: not yet"`
	Open    []string   `json:"open" doc:"ways in that a probe found open: sign-in, link, session, key, grant"`
	Outside []leftOut  `json:"outside,omitempty" doc:"of a probe: ways past the product that were theirs"`
}

// leftOut is a way past the product of somebody who left.
type leftOut struct {
	Way     string     `json:"way"`
	System  string     `json:"system"`
	Sort    string     `json:"sort" doc:"database, host, kms, bucket, provider or portal"`
	Ended   *time.Time `json:"ended_at,omitempty" doc:"missing: it is open, to be ended in its system"`
	Stated  bool       `json:"stated,omitempty" doc:"a person gave the end; else an import did not list it any more"`
	Seconds float64    `json:"took_seconds,omitempty" doc:"from the event to the end"`
}

type leaversOut struct {
	Leavers []leaverOut `json:"leavers"`
	Next    string      `json:"next_cursor"`
}

type feedIn struct {
	Format string `query:"format" of:"csv json" doc:"csv or json; missing: told by Content-Type, else by the first sign"`
	Dry    bool   `query:"dry_run" doc:"look who would end and change nothing"`
	Zone   string `query:"zone" doc:"where dates without a time of day are, such as Europe/Berlin; missing is UTC"`
}

type feedOut struct {
	Dry       bool        `json:"dry_run"`
	Lines     int         `json:"lines" doc:"people the feed named"`
	Ended     int         `json:"ended" doc:"accounts that ended now; in a dry run: would end"`
	Suspended int         `json:"suspended" doc:"owners a key took out, or would: a person ends the account; their lines are of failed as well"`
	Scheduled int         `json:"scheduled" doc:"accounts that end on the date of the feed"`
	Already   int         `json:"already" doc:"had ended before"`
	Unknown   []int       `json:"unknown" doc:"lines that name nobody with an account"`
	Failed    []feedBad   `json:"failed" doc:"lines that were not carried out"`
	Late      []feedLate  `json:"late" doc:"ended, but later than 24 hours after the event"`
	Done      *feedStands `json:"progress,omitempty" doc:"in a stream, before the report: how far it is"`
}

type feedBad struct {
	Line int    `json:"line" doc:"of CSV as an editor counts; of JSON the place, from 1"`
	Code string `json:"code" doc:"nobody, id, end, event and line: it cannot be read; else the code of a refusal"`
}

type feedLate struct {
	Line    int     `json:"line"`
	Person  string  `json:"person"`
	Seconds float64 `json:"took_seconds"`
}

type feedStands struct {
	Done  int `json:"done"`
	Lines int `json:"lines"`
}

func federationRoutes() []Route {
	feed := defineRaw(Route{Method: "POST", Path: "/v1/leavers", Action: "person.feed",
		Summary: "End the accounts that a feed of leavers names, as CSV or JSON; a dry run changes nothing."},
		"200, the report; asked for with `Accept: application/x-ndjson`, lines that say how far it is and then the report", feedLeavers)
	feed.takes, feed.out = []string{"text/csv", "application/json", ndjson}, reflect.TypeFor[feedOut]()
	return []Route{
		feed,
		define(Route{Method: "GET", Path: "/v1/leavers", Action: "person.probe",
			Summary: "List who left, how long it took from the event to the revocation, and what a probe found open."}, listLeavers),
		define(Route{Method: "POST", Path: "/v1/leavers/{id}/probe", Action: "person.probe",
			Summary: "Try now whether somebody who left has any way in."}, probeLeaver),
	}
}

func listLeavers(a *API, ctx context.Context, who strongroom.Actor, in *leaversIn) (leaversOut, error) {
	list, next, err := a.o.Federation.Proofs(ctx, who, federation.ProofQuery{Since: in.Since, Cursor: in.Cursor, Limit: pageSize(in.Limit)})
	out := leaversOut{Leavers: make([]leaverOut, len(list)), Next: next}
	for i, p := range list {
		out.Leavers[i] = outLeaver(p)
	}
	return out, err
}

func probeLeaver(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (leaverOut, error) {
	p, err := a.o.Federation.Probe(ctx, who, in.ID)
	if err != nil {
		return leaverOut{}, err
	}
	out := outLeaver(p)
	out.Outside, err = a.leftOutside(ctx, who, p)
	return out, err
}

// leftOutside lists the ways past the product of somebody who left, with how long each
// took to end (DPP 2.2.12). Who may not read the register sees none.
func (a *API) leftOutside(ctx context.Context, who strongroom.Actor, p federation.Proof) (out []leftOut, err error) {
	ways, err := a.o.Reviews.WaysOf(ctx, who, p.Person)
	if strongroom.IsKind(err, strongroom.Denied) {
		return nil, nil
	}
	for _, w := range ways {
		x := leftOut{Way: w.ID, System: w.System.Name, Sort: string(w.System.Sort), Ended: orNil(w.Ended), Stated: w.Stated}
		if !w.Ended.IsZero() {
			x.Seconds = max(0, w.Ended.Sub(p.Event).Seconds()) // it may have ended before
		}
		out = append(out, x)
	}
	return out, err
}

func outLeaver(p federation.Proof) leaverOut {
	return leaverOut{
		Person: p.Person, Cause: string(p.Cause), Event: p.Event, Revoked: p.Revoked, Seconds: p.Took.Seconds(), Late: p.Late,
		Probed: orNil(p.Probed), Open: append([]string{}, p.Open...),
	}
}

// maxFeed is the largest feed that is read, in bytes.
const maxFeed = 16 << 20

// progressEvery is how often a stream says how far it is.
const progressEvery = 500 * time.Millisecond

// feedLeavers reads a feed whole, then carries it out line by line.
func feedLeavers(a *API, c *call, in *feedIn) error {
	o := federation.Feed{Dry: in.Dry, Format: federation.Format(in.Format)}
	var err error
	if o.Format, err = feedFormat(c.r, o.Format); err != nil {
		return err
	}
	if o.Zone, err = time.LoadLocation(in.Zone); err != nil {
		return strongroom.Faultf(strongroom.Invalid, "zone", "there is no such time zone").Advise("name it such as Europe/Berlin")
	}
	web.Prolong(c.w, streamQuiet)
	body, err := web.ReadBody(c.w, c.r, maxFeed)
	if err != nil {
		return err
	}
	s := &feedStream{c: c, on: strings.Contains(c.r.Header.Get("Accept"), ndjson)}
	o.Progress = s.tell
	rep, err := a.o.Federation.Feed(c.ctx, c.who, bytes.NewReader(body), o)
	web.Prolong(c.w, streamQuiet)
	switch {
	case err != nil && s.begun:
		_, _ = c.w.Write(appendProblem(nil, err, web.RequestID(c.w))) // the caller may have gone
		return nil
	case err != nil:
		return err
	case s.begun:
		return json.NewEncoder(c.w).Encode(outFeed(rep, in.Dry))
	}
	return c.write(http.StatusOK, outFeed(rep, in.Dry))
}

// feedFormat is how a feed is written: as the call says, else as its Content-Type.
func feedFormat(r *http.Request, said federation.Format) (federation.Format, error) {
	t, err := web.MediaType(r)
	if err != nil || said != "" {
		return said, err
	}
	switch t {
	case "", "application/octet-stream", "text/plain":
		return "", nil
	case "text/csv":
		return federation.CSV, nil
	case "application/json", ndjson:
		return federation.JSON, nil
	}
	return "", strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "a feed is text/csv or application/json").Advise("set Content-Type")
}

// feedStream tells the caller how far a feed is, where the caller wants to know.
type feedStream struct {
	c     *call
	on    bool
	begun bool
	last  time.Time
}

func (s *feedStream) tell(done, total int) {
	now := time.Now() // real time: how long the caller was told nothing
	if now.Sub(s.last) < progressEvery {
		return
	}
	s.last = now
	web.Prolong(s.c.w, streamQuiet)
	if !s.on {
		return
	}
	if !s.begun {
		s.c.w.Header().Set("Content-Type", ndjson)
		s.begun = true
	}
	line, _ := json.Marshal(map[string]feedStands{"progress": {done, total}}) // two numbers: cannot fail
	_, _ = s.c.w.Write(append(line, '\n'))                                    // the caller may have gone
	_ = http.NewResponseController(s.c.w).Flush()
}

func outFeed(r federation.Report, dry bool) feedOut {
	out := feedOut{
		Dry: dry, Lines: r.Lines, Ended: r.Ended, Suspended: r.Suspended, Scheduled: r.Scheduled, Already: r.Already,
		Unknown: append([]int{}, r.Unknown...), Failed: make([]feedBad, len(r.Failed)), Late: make([]feedLate, len(r.Late)),
	}
	for i, x := range r.Failed {
		out.Failed[i] = feedBad(x)
	}
	for i, x := range r.Late {
		out.Late[i] = feedLate{x.Line, x.Person, x.Took.Seconds()}
	}
	return out
}
