package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/term"

	"strongroom"
)

// listing is one page of any list the API answers with.
type listing struct {
	Stores   []storeView   `json:"stores"`
	Records  []recordView  `json:"records"`
	Keys     []keyView     `json:"keys"`
	Jobs     []jobView     `json:"jobs"`
	Fields   []fieldView   `json:"fields"`
	Cases    []caseView    `json:"cases"`
	Erasures []erasureView `json:"erasures"`
	Next     string        `json:"next_cursor"`
}

// pages walks a list page by page.
func (c *client) pages(g *globals, path string, query url.Values, each func(*listing) error) error {
	if query == nil {
		query = url.Values{}
	}
	for {
		var page listing
		if err := c.call(g.ctx, http.MethodGet, path, query, nil, &page); err != nil {
			return err
		}
		if err := each(&page); err != nil || page.Next == "" {
			return err
		}
		query.Set("cursor", page.Next)
	}
}

// open returns the file named, or standard input for "-".
func open(g *globals, file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(g.in), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.NotFound, "file", "the input file cannot be read").Because(err)
	}
	return f, nil
}

// readInput reads a short text such as a token, without its final newline.
func readInput(g *globals, file string, limit int64) (string, error) {
	f, err := open(g, file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit))
	return strings.TrimRight(string(text), "\r\n"), err
}

// confirm asks a person; anything but yes is no.
func confirm(g *globals, question string) bool {
	fmt.Fprint(g.errs, question)
	line, _ := bufio.NewReader(g.in).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

// terminal reports whether w is a terminal, where progress may redraw a line.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
