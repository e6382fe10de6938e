package apptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// client keeps connections to a serving instance, and what it was refused with.
type client struct {
	tcp, unix *http.Client
	mu        sync.Mutex
	refusals  bytes.Buffer
}

func (c *client) open(socket string, roots *x509.CertPool) {
	c.tcp = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	c.unix = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}

func (c *client) close() {
	c.tcp.CloseIdleConnections()
	c.unix.CloseIdleConnections()
}

// Request is one call. Zero fields mean: GET, no body, the instance's first key,
// over TCP.
type Request struct {
	Method, Path string
	Query        url.Values
	// Body is sent as it is if it is []byte or string, else as JSON.
	Body   any
	Key    string // API key; "none" sends none
	Header http.Header
	Socket bool // over the Unix socket, as this OS user
	Type   string
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request. Only a broken connection is an error.
func (i *Instance) Do(r Request) (Answer, error) {
	req, err := i.request(r)
	if err != nil {
		return Answer{}, err
	}
	c := i.client.tcp
	if r.Socket {
		c = i.client.unix
	}
	resp, err := c.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Body, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if a.Status >= 400 {
		i.client.mu.Lock()
		defer i.client.mu.Unlock()
		fmt.Fprintln(&i.client.refusals, a.Status)
		if err := a.Header.Write(&i.client.refusals); err != nil {
			return a, err
		}
		i.client.refusals.Write(a.Body)
	}
	return a, nil
}

func (i *Instance) request(r Request) (*http.Request, error) {
	var body io.Reader
	switch b := r.Body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	case string:
		body = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	if r.Method == "" {
		r.Method = http.MethodGet
		if body != nil {
			r.Method = http.MethodPost
		}
	}
	target := i.URL + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	req, err := http.NewRequest(r.Method, target, body)
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	if r.Type == "" {
		r.Type = "application/json"
	}
	if body != nil {
		req.Header.Set("Content-Type", r.Type)
	}
	if r.Key == "" && !r.Socket {
		r.Key = i.Made.APIKey
	}
	if r.Key != "" && r.Key != "none" {
		req.Header.Set("Authorization", "Bearer "+r.Key)
	}
	return req, nil
}

// Call sends a request; a broken connection ends the test.
func (i *Instance) Call(r Request) Answer {
	i.t.Helper()
	a, err := i.Do(r)
	must(i.t, err)
	return a
}

// Want is Call for a request that must be answered with this status; into, where
// not nil, receives the JSON answer.
func (i *Instance) Want(status int, r Request, into any) Answer {
	i.t.Helper()
	a := i.Call(r)
	if a.Status != status {
		i.t.Fatalf("%s %s answered %d, want %d: %s", r.Method, r.Path, a.Status, status, a.Body)
	}
	if into != nil {
		must(i.t, json.Unmarshal(a.Body, into))
	}
	return a
}

// AddStore adds a store and returns its id.
func (i *Instance) AddStore(name, platform string) string {
	i.t.Helper()
	var out struct {
		ID string `json:"id"`
	}
	i.Want(http.StatusCreated, Request{Path: "/v1/stores", Body: map[string]string{"name": name, "platform": platform}}, &out)
	return out.ID
}

// In says what a body is.
type In struct{ Store, Resource, Version, Platform, Order string }

// Request returns the call that sends a body in.
func (in In) Request(body []byte) Request {
	q := url.Values{"resource": {in.Resource}, "version": {in.Version}, "platform": {in.Platform}}
	if in.Order != "" {
		q.Set("order", in.Order)
	}
	return Request{Path: "/v1/stores/" + in.Store + "/ingest", Query: q, Body: body}
}

// Ingest sends a body in and returns the answer, whatever it is.
func (i *Instance) Ingest(in In, body []byte) Answer {
	i.t.Helper()
	return i.Call(in.Request(body))
}

// Record is a record as lists show it.
type Record struct {
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
	Kind       string `json:"kind"`
	Clock      struct {
		Anchor string    `json:"anchor"`
		At     time.Time `json:"at"`
	} `json:"clock"`
	Expires time.Time       `json:"expires_at"`
	Version int             `json:"version"`
	Record  json.RawMessage `json:"record"`
}

// Records lists all live records of a store, page by page, and returns the text
// of the answers as well.
func (i *Instance) Records(store string) (list []Record, text []byte) {
	i.t.Helper()
	return i.RecordsOf(store, "")
}

// pageSize of lists is small enough that most lists have several pages.
const pageSize = 4

// RecordsOf lists the live records of one kind; "" is every kind.
func (i *Instance) RecordsOf(store, kind string) (list []Record, text []byte) {
	i.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Records []Record `json:"records"`
			Next    string   `json:"next_cursor"`
		}
		q := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if kind != "" {
			q.Set("kind", kind)
		}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		a := i.Want(http.StatusOK, Request{Path: "/v1/stores/" + store + "/records", Query: q}, &page)
		list, text = append(list, page.Records...), append(text, a.Body...)
		if cursor = page.Next; cursor == "" {
			return list, text
		}
	}
}

// Find returns the records that an exact value finds.
func (i *Instance) Find(query map[string]string) (list []Record, text []byte) {
	i.t.Helper()
	var page struct {
		Records []Record `json:"records"`
	}
	a := i.Want(http.StatusOK, Request{Path: "/v1/find", Body: query}, &page)
	return page.Records, a.Body
}

// Revealing is the request for the whole of a record.
func Revealing(store, record string) Request {
	return Request{Path: "/v1/stores/" + store + "/records/" + record + "/reveal",
		Body: map[string]string{"purpose": "fulfilment", "reference": "LL-20933"}}
}

// Reveal opens a record for a purpose and returns the original.
func (i *Instance) Reveal(store, record string) []byte {
	i.t.Helper()
	var out struct {
		Record json.RawMessage `json:"record"`
	}
	i.Want(http.StatusOK, Revealing(store, record), &out)
	return out.Record
}

// Erase erases a record.
func (i *Instance) Erase(store, record string) Answer {
	i.t.Helper()
	return i.Call(Request{Method: http.MethodPost, Path: "/v1/stores/" + store + "/records/" + record + "/erase"})
}

// SetClock moves the clock to t.
func (i *Instance) SetClock(t time.Time) {
	i.t.Helper()
	i.Want(http.StatusOK, Request{Path: "/v1/clock", Body: map[string]any{"now": t.UTC().Format(time.RFC3339Nano)}}, nil)
}

// Advance moves the clock forward.
func (i *Instance) Advance(d time.Duration) {
	i.t.Helper()
	i.Want(http.StatusOK, Request{Path: "/v1/clock", Body: map[string]any{"advance_seconds": int64(d.Seconds())}}, nil)
}

// Sweep lets die what is due and clears what is dead.
func (i *Instance) Sweep() (expired, cleared int64) {
	i.t.Helper()
	var out struct{ Expired, Cleared int64 }
	i.Want(http.StatusOK, Request{Method: http.MethodPost, Path: "/v1/sweep"}, &out)
	return out.Expired, out.Cleared
}

// Events returns the whole audit log as OCSF objects.
func (i *Instance) Events() []json.RawMessage {
	i.t.Helper()
	list, _ := i.EventsAfter("")
	return list
}

// EventsAfter returns the events after a cursor and the cursor to go on with.
func (i *Instance) EventsAfter(cursor string) (list []json.RawMessage, next string) {
	i.t.Helper()
	const limit = 1000
	for {
		var page struct {
			Events []json.RawMessage `json:"events"`
			Next   string            `json:"next_cursor"`
		}
		q := url.Values{"limit": {strconv.Itoa(limit)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		i.Want(http.StatusOK, Request{Path: "/v1/audit/events", Query: q}, &page)
		list = append(list, page.Events...)
		if page.Next == "" {
			return list, cursor
		}
		cursor = page.Next
	}
}
