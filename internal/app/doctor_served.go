package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"

	"strongroom"
	"strongroom/internal/api"
)

// maxFindings is how many bytes of findings are read from a server.
const maxFindings = 1 << 20

// served asks the instance that another process serves: whether it is ready, and for
// all that only an open instance shows.
func served(ctx context.Context, dir string, conf Config) []Finding {
	c, err := dialSocket(dir)
	if err != nil {
		return []Finding{{"server", Fail, err.Error(), "look who holds the folder: fuser " + filepath.Join(dir, lockName)}}
	}
	defer c.Close()
	server, forwarded := askReady(ctx, c)
	return append([]Finding{server, conf.examineProxies(forwarded)}, askFindings(ctx, c)...)
}

func askReady(ctx context.Context, c *Client) (f Finding, forwarded int64) {
	req, err := httpGet(ctx, "http://strongroom/readyz")
	if err != nil {
		return Finding{"server", Unknown, "readyz could not be asked", ""}, 0
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Finding{"server", Fail, "does not answer", "look at its log"}, 0
	}
	defer resp.Body.Close()
	var said struct {
		Detail, Hint string
		Damaged      int64
		Forwarded    int64
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&said); err != nil {
		return Finding{"server", Unknown, "what readyz says cannot be read", "look at the server's log"}, 0
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return Finding{"server", Fail, "serves and is not ready: " + said.Detail, said.Hint}, said.Forwarded
	case said.Damaged > 0:
		return Finding{"server", Fail, fmt.Sprintf("met %d damaged rows since it started", said.Damaged), damagedAdvice}, said.Forwarded
	}
	return Finding{"server", OK, "serves and is ready", ""}, said.Forwarded
}

// askFindings returns what the server found, or one finding that says that nobody
// looked: its silence is no good news.
func askFindings(ctx context.Context, c *Client) []Finding {
	unseen := func(why, advice string) []Finding {
		return []Finding{{"inside", Fail, "not looked at: clock, engine, log, people, networks, reviews, records and jobs; " + why, advice}}
	}
	req, err := httpGet(ctx, "http://strongroom/v1/doctor")
	if err != nil {
		return unseen("the server could not be asked", "")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return unseen("the server does not answer", "look at its log")
	}
	defer resp.Body.Close()
	var said struct {
		Findings     []Finding
		Detail, Hint string
	}
	switch err := json.NewDecoder(io.LimitReader(resp.Body, maxFindings)).Decode(&said); {
	case err != nil:
		return unseen("what the server says cannot be read", "run doctor of the same version as the server")
	case resp.StatusCode != http.StatusOK:
		if said.Hint == "" {
			said.Hint = "run it as the OS user of the server, or stop the server first"
		}
		return unseen(said.Detail, said.Hint)
	case len(said.Findings) == 0:
		return unseen("the server says nothing", "look at its log")
	}
	return said.Findings
}

// findings returns what looks at the open instance for the API, for one caller at a
// time: it reads the whole log.
func (a *App) findings() func(ctx context.Context) ([]api.Finding, error) {
	var busy sync.Mutex
	return func(ctx context.Context) ([]api.Finding, error) {
		if !busy.TryLock() {
			return nil, strongroom.Faultf(strongroom.Unavailable, "doctor", "somebody else has the instance checked").
				Advise("try again when that is done")
		}
		defer busy.Unlock()
		var out []api.Finding
		for _, f := range a.examine(ctx) {
			out = append(out, api.Finding{Check: f.Check, State: string(f.State), Found: f.Found, Advice: f.Advice})
		}
		return out, nil
	}
}
