package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"strongroom"
)

// The commands of this file are the instance's housekeeping: epoch, sweep, sync,
// fields.

type epochCmd struct {
	Roll epochRollCmd `cmd:"" help:"Roll the epoch key now."`
}

type epochRollCmd struct {
	instance
	scripted
}

func (e *epochRollCmd) Run(g *globals) error {
	return e.with(g, func(c *client) error {
		job, err := c.startJob(g, "/v1/epoch/roll", nil, "keys")
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
		job, err := c.startJob(g, "/v1/stores/"+url.PathEscape(s.Store)+"/sync", q, "records")
		if err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, job)
		}
		p := job.Progress
		fmt.Fprintf(g.out, "stored %d, unchanged %d, dead on arrival %d, refused %d; %d pages, %d retries, %.1f s\n",
			p.Stored, p.Unchanged, p.Dead, p.Refused, p.Pages, p.Retries, p.Seconds)
		return nil
	})
}

// jobView is a background job as the API tells of it.
type jobView struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Code     string `json:"code,omitempty"`
	Progress struct {
		Records   int64   `json:"records"`
		Total     int64   `json:"total,omitempty"`
		Stored    int64   `json:"stored"`
		Unchanged int64   `json:"unchanged"`
		Dead      int64   `json:"dead"`
		Refused   int64   `json:"refused"`
		Pages     int64   `json:"pages"`
		Retries   int64   `json:"retries"`
		Seconds   float64 `json:"seconds"`
	} `json:"progress"`
}

// startJob sets a job going and follows it to its end, with progress on a
// terminal. The job goes on where it was when this command is interrupted.
func (c *client) startJob(g *globals, path string, q url.Values, what string) (job jobView, err error) {
	var started struct {
		Job string `json:"job"`
	}
	if err := c.call(g.ctx, http.MethodPost, path, q, nil, &started); err != nil {
		return job, err
	}
	p := newProgress(g, what)
	defer p.done()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		if err := c.call(g.ctx, http.MethodGet, "/v1/jobs/"+url.PathEscape(started.Job), nil, nil, &job); err != nil {
			return job, err
		}
		p.set(job.Progress.Records)
		switch job.State {
		case "done":
			return job, nil
		case "dead":
			return job, strongroom.Faultf(strongroom.Unavailable, job.Code, "the job failed: %s", jobFailure(job.Code)).
				Advise("the server's log says more")
		}
		select {
		case <-g.ctx.Done():
			return job, g.ctx.Err()
		case <-time.After(wait):
		}
	}
}

// jobFailure says in words what the code of a failed job means to a person.
func jobFailure(code string) string {
	switch code {
	case "not-connected":
		return "the store has no credential; seal one with: strongroom store credential"
	case "store-token":
		return "EcartAPI refuses the store's token; seal a new one with: strongroom store credential"
	case "":
		return "no reason is known"
	}
	return code
}

type fieldsCmd struct {
	List     fieldsListCmd     `cmd:"" help:"List unknown fields, by the path of known keys."`
	Classify fieldsClassifyCmd `cmd:"" help:"Say what a field is; a change to personal re-seals stored records by a job."`
}

type fieldsListCmd struct {
	instance
	scripted
	Store string `required:"" help:"Id of the store."`
	Names bool   `help:"Show the real names of the keys as well, which may be personal."`
}

func (f *fieldsListCmd) Run(g *globals) error {
	return f.with(g, func(c *client) error {
		q := url.Values{}
		if f.Store != "" {
			q.Set("store", f.Store)
		}
		if f.Names {
			q.Set("names", "true")
		}
		if f.JSON {
			return c.raw(g.ctx, g.out, http.MethodGet, "/v1/fields", q, nil)
		}
		var page struct {
			Fields []struct {
				ID       string `json:"id"`
				Resource string `json:"resource"`
				Path     string `json:"path"`
				Name     string `json:"name"`
				Type     string `json:"type"`
				Count    int64  `json:"count"`
				As       string `json:"as"`
			} `json:"fields"`
		}
		if err := c.call(g.ctx, http.MethodGet, "/v1/fields", q, nil, &page); err != nil {
			return err
		}
		rows := make([][]string, len(page.Fields))
		for i, x := range page.Fields {
			rows[i] = []string{x.ID, x.Resource, x.Path, x.Name, x.Type, fmt.Sprint(x.Count), x.As}
		}
		return table(g.out, "ID\tRESOURCE\tPATH\tNAME\tTYPE\tCOUNT\tDECIDED", rows)
	})
}

type fieldsClassifyCmd struct {
	instance
	Store string `required:"" help:"Id of the store."`
	Field string `arg:"" help:"Id of the field."`
	As    string `arg:"" help:"clear, or the class of the value: email, phone, name, text, payment, …"`
}

func (f *fieldsClassifyCmd) Run(g *globals) error {
	return f.with(g, func(c *client) error {
		in := map[string]string{"store": f.Store, "field": f.Field, "as": f.As}
		return c.raw(g.ctx, g.out, http.MethodPost, "/v1/fields/classify", nil, in)
	})
}
