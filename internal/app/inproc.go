package app

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// inProcess is a transport that answers requests with a handler in this process.
// A command that finds the data folder free uses it, so that every command is a
// client of the same HTTP API, served or not. Bodies stream in both directions.
type inProcess struct {
	handler http.Handler
	mark    func(context.Context) context.Context // says who calls, as the socket would
	running sync.WaitGroup
}

// RoundTrip starts the handler and returns as soon as it has written a header.
func (t *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	w := &pipeWriter{header: http.Header{}, pipe: pw, ready: make(chan struct{})}
	served := req.Clone(t.mark(req.Context()))
	served.RequestURI = req.URL.RequestURI()
	served.RemoteAddr = "@"
	switch {
	case served.Body == nil:
		served.Body = http.NoBody
	case served.Body != http.NoBody && served.ContentLength == 0:
		served.ContentLength = -1 // to a client 0 is unknown, to a handler it is empty
	}
	t.running.Go(func() {
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusInternalServerError)
				pw.CloseWithError(io.ErrUnexpectedEOF)
			}
			w.WriteHeader(http.StatusOK)
			pw.Close()
		}()
		t.handler.ServeHTTP(w, served)
	})
	select {
	case <-w.ready:
	case <-req.Context().Done():
		pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Header: w.sent, Body: pr, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
	}, nil
}

// pipeWriter is the response writer of one in-process call. The handler alone
// writes to it; the caller reads status and sent once ready is closed.
type pipeWriter struct {
	header, sent http.Header
	status       int
	pipe         *io.PipeWriter
	ready        chan struct{}
	once         sync.Once
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.ready)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(p)
}

// Flush does nothing: every write reaches the reader at once.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

// EnableFullDuplex lets a handler answer while it still reads.
func (w *pipeWriter) EnableFullDuplex() error { return nil }
