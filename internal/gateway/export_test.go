package gateway

import (
	"context"
	"io"
	"net/http"
	"time"

	"strongroom/internal/intake"
)

// Split cuts a body and returns what each chunk would be treated as, with the links
// marked by mark, and the answer put together again.
func Split(in io.Reader, name string, mark func(string) string) (chunks [][]byte, whole []byte, err error) {
	s := newSplitter(in, name, mark)
	for {
		c, err := s.next()
		if err == io.EOF {
			return chunks, whole, nil
		}
		if err != nil {
			return chunks, whole, err
		}
		chunks = append(chunks, c.body)
		if !c.first {
			whole = append(whole, ',')
		}
		whole = append(whole, c.body[c.head:len(c.body)-c.tail]...)
	}
}

// Target parses a path and a query and returns what is sent on.
func Target(path, query string) (version, rest string, err error) {
	t, err := parseTarget(path, query)
	return t.version, t.path(), err
}

// Find returns the path of the row for a call, "" if there is none.
func Find(method, version, path, query string) string {
	t, err := parseTarget("/ecartapi/s/api/"+version+path, query)
	if err != nil {
		return ""
	}
	if e := find(Endpoints(), method, t.segments); e != nil {
		return e.Path
	}
	return ""
}

// Slots returns the tokens in a body for the row of a call.
func Slots(method, path, home string, body []byte) (tokens []string, err error) {
	t, err := parseTarget("/ecartapi/s/api/v2"+path, "")
	if err != nil {
		return nil, err
	}
	found, err := find(Endpoints(), method, t.segments).Body.slots(body, home)
	for _, s := range found {
		tokens = append(tokens, string(body[s.from:s.to]))
	}
	return tokens, err
}

// IsPlain reports whether a platform's message passes.
func IsPlain(s string) bool { return isPlain(s) }

// ChunkSize and MaxElement are the bounds of a splitter.
const (
	ChunkSize  = chunkSize
	MaxElement = maxElement
	LinkPlace  = linkPlace
)

// Ask makes a call of a store through a gateway, and reads the
// answer, resting between two parts of it.
func Ask(ctx context.Context, g *Gateway, method string, rest time.Duration) (status int, text []byte, err error) {
	c := &call{g: g, store: "s", method: method, target: target{version: "v2", segments: []string{"orders"}}}
	a, err := c.ask(ctx, intake.Connection{}, nil)
	if err != nil {
		return 0, nil, err
	}
	defer a.body.Close()
	p := make([]byte, 16)
	for {
		n, err := a.body.Read(p)
		text = append(text, p[:n]...)
		if err == io.EOF {
			return a.status, text, nil
		}
		if err != nil {
			return a.status, text, err
		}
		time.Sleep(rest)
	}
}

// Drop makes a call and closes the answer unread.
func Drop(ctx context.Context, g *Gateway) error {
	c := &call{g: g, store: "s", method: http.MethodPost, target: target{version: "v2", segments: []string{"orders"}}}
	a, err := c.ask(ctx, intake.Connection{}, nil)
	if err != nil {
		return err
	}
	return a.body.Close()
}

// Outward returns a gateway that can only [Ask], at the platform that c names.
func Outward(c Credentials) *Gateway {
	return &Gateway{o: Options{Credentials: c, Now: time.Now, Sleep: sleep}, circuits: circuits{by: make(map[string]*circuit)}}
}

// Transport returns what makes the mirror's calls.
func Transport() *http.Transport { return transport() }

// How long the platform may take, and a store is left alone.
const (
	HeadTime   = headTime
	QuietTime  = quietTime
	BreakAfter = breakAfter
	BreakFor   = breakFor
	FirstWait  = firstWait
	LongWait   = longWait
	Tries      = tries
)
