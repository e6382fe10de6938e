package main

import (
	"fmt"
	"net/http"
	"net/url"
)

type jobCmd struct {
	List  jobListCmd  `cmd:"" help:"List jobs; those that were given up wait for a person."`
	Show  jobShowCmd  `cmd:"" help:"Show where a job stands."`
	Retry jobRetryCmd `cmd:"" help:"Give a job that was given up all its tries again."`
}

type jobListCmd struct {
	instance
	scripted
	State string `enum:"waiting,running,done,dead," default:"" help:"Only these: waiting, running, done or dead."`
}

func (j *jobListCmd) Run(g *globals) error {
	return j.with(g, func(c *client) error {
		q := url.Values{}
		if j.State != "" {
			q.Set("state", j.State)
		}
		all := []jobView{}
		err := c.pages(g, "/v1/jobs", q, func(page *listing) error {
			all = append(all, page.Jobs...)
			return nil
		})
		if err != nil {
			return err
		}
		if j.JSON {
			return printJSON(g.out, all)
		}
		return jobTable(g, all)
	})
}

func jobTable(g *globals, all []jobView) error {
	rows := make([][]string, len(all))
	for i, v := range all {
		rows[i] = []string{v.ID, v.Name, v.State, fmt.Sprint(v.Tries), v.Due, v.Code}
	}
	return table(g.out, "ID\tJOB\tSTATE\tTRIES\tDUE\tLAST FAILURE", rows)
}

type jobShowCmd struct {
	instance
	scripted
	Job string `arg:"" help:"Id of the job."`
}

func (j *jobShowCmd) Run(g *globals) error {
	return j.with(g, func(c *client) error {
		var v jobView
		if err := c.call(g.ctx, http.MethodGet, "/v1/jobs/"+url.PathEscape(j.Job), nil, nil, &v); err != nil {
			return err
		}
		if j.JSON {
			return printJSON(g.out, v)
		}
		return jobTable(g, []jobView{v})
	})
}

type jobRetryCmd struct {
	instance
	scripted
	Job string `arg:"" help:"Id of the job."`
}

func (j *jobRetryCmd) Run(g *globals) error {
	return j.with(g, func(c *client) error {
		var v struct {
			Job string `json:"job"`
		}
		if err := c.call(g.ctx, http.MethodPost, "/v1/jobs/"+url.PathEscape(j.Job)+"/retry", nil, nil, &v); err != nil {
			return err
		}
		if j.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintf(g.out, "%s runs again\n", v.Job)
		return nil
	})
}
