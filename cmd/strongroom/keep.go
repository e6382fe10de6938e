package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// The commands of this file are the instance's housekeeping: epoch, sweep, sync.

type epochCmd struct {
	Roll epochRollCmd `cmd:"" help:"Roll the epoch key now."`
}

// rollPatience is how long a roll may stand still before the command ends.
const rollPatience = 5 * time.Minute

type epochRollCmd struct {
	instance
	scripted
}

func (e *epochRollCmd) Run(g *globals) error {
	return e.with(g, func(c *client) error {
		job, err := c.startJob(g, "/v1/epoch/roll", nil, "keys", rollPatience)
		if err != nil {
			return err
		}
		if e.JSON {
			return printJSON(g.out, job)
		}
		fmt.Fprintf(g.out, "%d keys moved in %.1f s; what was erased before the roll began is unreadable in every copy of the database\n", job.Progress.Records, job.Progress.Seconds)
		return nil
	})
}

type sweepCmd struct {
	instance
	scripted
}

func (s *sweepCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		var v struct {
			Expired int64 `json:"expired"`
			Cleared int64 `json:"cleared"`
		}
		if err := c.call(g.ctx, http.MethodPost, "/v1/sweep", nil, nil, &v); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintf(g.out, "%d keys reached their date and died, %d records cleared\n", v.Expired, v.Cleared)
		return nil
	})
}

type syncCmd struct {
	instance
	scripted
	Store    string    `arg:"" help:"Id of the store."`
	Since    time.Time `help:"Only what was updated since; default: where the last sync ended."`
	Resource []string  `help:"orders, fulfillments, customers or store; default: orders and their fulfillments."`

	Wait time.Duration `default:"2m" help:"End after this long without progress; the job itself goes on while the instance serves."`
}

func (s *syncCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		q := url.Values{}
		if len(s.Resource) > 0 {
			q["resource"] = s.Resource
		}
		if !s.Since.IsZero() {
			q.Set("since", s.Since.UTC().Format(time.RFC3339))
		}
		job, err := c.startJob(g, "/v1/stores/"+url.PathEscape(s.Store)+"/sync", q, "records", s.Wait)
		if err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, job)
		}
		p := job.Progress
		fmt.Fprintf(g.out, "stored %d, unchanged %d, dead on arrival %d, refused %d; %d pages, %d retries, %.1f s\n",
			p.Stored, p.Unchanged, p.Dead, p.Refused, p.Pages, p.Retries, p.Seconds)
		if p.Damaged > 0 {
			fmt.Fprintf(g.errs, "%d objects did not come in: their records were changed in the database; run: strongroom doctor\n", p.Damaged)
		}
		return nil
	})
}

// jobView is a background job as the API tells of it.
type jobView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state"`
	Code     string `json:"code,omitempty"`
	Tries    int    `json:"tries"`
	Due      string `json:"due_at,omitempty"`
	Progress struct {
		Records   int64   `json:"records"`
		Total     int64   `json:"total,omitempty"`
		Stored    int64   `json:"stored"`
		Unchanged int64   `json:"unchanged"`
		Dead      int64   `json:"dead"`
		Refused   int64   `json:"refused"`
		Damaged   int64   `json:"damaged"`
		Pages     int64   `json:"pages"`
		Retries   int64   `json:"retries"`
		Seconds   float64 `json:"seconds"`
	} `json:"progress"`
}
