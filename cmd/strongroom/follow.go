package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"strongroom"
)

// startJob sets a job going and follows it to its end, with progress on a terminal.
// What fails and is tried again is said on a line. When it has made no progress for
// patience the command ends with a fault; the job is durable and goes on while an
// instance serves, and so it does when this command is interrupted.
func (c *client) startJob(g *globals, path string, q url.Values, what string, patience time.Duration) (job jobView, err error) {
	var started struct {
		Job string `json:"job"`
	}
	if err := c.call(g.ctx, http.MethodPost, path, q, nil, &started); err != nil {
		return job, err
	}
	p := newProgress(g, what)
	defer p.done()
	var last jobView
	moved := time.Now() // real time: how long a person has waited
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		job = jobView{}
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
		if job.State == "waiting" && job.Code != "" && (job.Code == "roll-broken" || job.Tries >= triesAwaited) {
			return job, strongroom.Faultf(strongroom.Unavailable, job.Code, "the job failed %d times and will be tried again: %s", job.Tries, jobFailure(job.Code)).
				Advise("follow it with: strongroom job show %s", job.ID)
		}
		if job.Code != "" && job.Tries > last.Tries {
			fmt.Fprintf(g.errs, "failed (%s), next try at %s\n", jobFailure(job.Code), job.Due)
		}
		if job.Progress.Records != last.Progress.Records || job.Progress.Pages != last.Progress.Pages {
			moved = time.Now()
		}
		last = job
		if time.Since(moved) > patience {
			return job, stuck(started.Job, job, patience)
		}
		select {
		case <-g.ctx.Done():
			return job, g.ctx.Err()
		case <-time.After(wait):
		}
	}
}

// stuck is what a command ends with whose job has stood still for too long.
func stuck(id string, job jobView, patience time.Duration) error {
	why := "it has not failed"
	if job.Code != "" {
		why = "last failure: " + jobFailure(job.Code)
	}
	return strongroom.Faultf(strongroom.Unavailable, "no-progress", "no progress for %s (%s); the job goes on while the instance serves", patience, why).
		Advise("look at it with: strongroom job show %s", id)
}

// triesAwaited is how many tries of a job a command waits for before it says that
// they fail.
const triesAwaited = 4

// jobFailure says in words what the code of a failed job means to a person.
func jobFailure(code string) string {
	switch code {
	case "not-connected":
		return "the store has no credential; seal one with: strongroom store credential"
	case "store-token":
		return "EcartAPI refuses the store's token; seal a new one with: strongroom store credential"
	case "unreachable":
		return "EcartAPI cannot be reached"
	case "roll-broken":
		return "somebody changes keys in the database while the roll goes on; the log's failures of epoch.roll name the records"
	case "roll-waits":
		return "a replica or a recovery point still needs the old epoch key"
	case "":
		return "no reason is known"
	}
	return code
}
