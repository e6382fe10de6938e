package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client calls the instance over HTTP with its API key, as a shop's software
// would.
type client struct {
	base string
	key  string
	http *http.Client
	// seen looks at every answer that has no business showing personal data: all
	// but what a reveal answers and the name of a store just added.
	seen func(answer []byte)
}

// refusal is an answer that is not a success.
type refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

// raw sends a body and returns the answer's.
func (c *client) raw(ctx context.Context, method, path, contentType string, body []byte) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	shows := strings.HasSuffix(path, "/reveal") && resp.StatusCode == http.StatusOK || path == "/v1/stores"
	if !shows {
		c.seen(text)
	}
	if resp.StatusCode >= 300 {
		r := &refusal{Status: resp.StatusCode, Detail: http.StatusText(resp.StatusCode)}
		_ = json.Unmarshal(text, r) // an answer that is no problem document keeps its status
		return text, resp.Header, r
	}
	return text, resp.Header, nil
}

// call sends in as JSON, if any, and decodes the answer into out, if any.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	contentType := ""
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
		contentType = "application/json"
	}
	text, _, err := c.raw(ctx, method, path, contentType, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// record is what a list or a find says of a record.
type record struct {
	ID         string    `json:"id"`
	Store      string    `json:"store"`
	ExternalID string    `json:"external_id"`
	Expires    time.Time `json:"expires_at"`
	Clock      struct {
		Anchor string    `json:"anchor"`
		At     time.Time `json:"at"`
	} `json:"clock"`
	Leaves  int             `json:"leaves"`
	Classes []string        `json:"classes"`
	Body    json.RawMessage `json:"record"`
}

type recordPage struct {
	Records []record `json:"records"`
	Next    string   `json:"next_cursor"`
}

func recordPath(store, id string) string {
	return "/v1/stores/" + url.PathEscape(store) + "/records/" + url.PathEscape(id)
}

// orders lists all orders of a store, page by page.
func (c *client) orders(ctx context.Context, store string) ([]record, error) {
	var all []record
	q := url.Values{"kind": {"order"}, "limit": {"200"}}
	for {
		var page recordPage
		if err := c.call(ctx, http.MethodGet, "/v1/stores/"+url.PathEscape(store)+"/records?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Records...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// reveal opens a record whole for fulfilment and returns the original's text.
func (c *client) reveal(ctx context.Context, r record) (json.RawMessage, error) {
	var answer struct {
		Record json.RawMessage `json:"record"`
	}
	err := c.call(ctx, http.MethodPost, recordPath(r.Store, r.ID)+"/reveal",
		map[string]string{"purpose": "fulfilment", "reference": r.ExternalID}, &answer)
	return answer.Record, err
}

// find looks for orders by the shopper's e-mail address.
func (c *client) find(ctx context.Context, store, email string) ([]record, error) {
	var page recordPage
	err := c.call(ctx, http.MethodPost, "/v1/find", map[string]any{"store": store, "email": email, "limit": 200}, &page)
	return page.Records, err
}

// progress is how far a job has come, as the API tells.
type progress struct {
	Records   int64   `json:"records"`
	Total     int64   `json:"total"`
	Stored    int64   `json:"stored"`
	Unchanged int64   `json:"unchanged"`
	Dead      int64   `json:"dead"`
	Refused   int64   `json:"refused"`
	Pages     int64   `json:"pages"`
	Retries   int64   `json:"retries"`
	Seconds   float64 `json:"seconds"`
}

// sync pulls a store's orders and follows the job to its end.
func (c *client) sync(ctx context.Context, store string, since time.Time, each func(progress)) (progress, error) {
	q := url.Values{"resource": {"orders"}}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339))
	}
	var started struct {
		Job string `json:"job"`
	}
	if err := c.call(ctx, http.MethodPost, "/v1/stores/"+url.PathEscape(store)+"/sync?"+q.Encode(), nil, &started); err != nil {
		return progress{}, err
	}
	for {
		var job struct {
			State    string   `json:"state"`
			Code     string   `json:"code"`
			Progress progress `json:"progress"`
		}
		if err := c.call(ctx, http.MethodGet, "/v1/jobs/"+url.PathEscape(started.Job), nil, &job); err != nil {
			return progress{}, err
		}
		each(job.Progress)
		switch job.State {
		case "done":
			return job.Progress, nil
		case "dead":
			return job.Progress, fmt.Errorf("the sync failed: %s", job.Code)
		}
		select {
		case <-ctx.Done():
			return job.Progress, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Loopback serves h on a loopback address until stop is called, and returns its
// base URL. Any other address is refused: what stands for shops stays here.
func Loopback(ctx context.Context, listen string, h http.Handler) (base string, stop func() error, err error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "", nil, fmt.Errorf("the address is not HOST:PORT: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("the simulator listens on a loopback address only, such as 127.0.0.1:0")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	return "http://" + l.Addr().String(), func() error {
		err := s.Close()
		<-done // always ErrServerClosed after Close
		return err
	}, nil
}
