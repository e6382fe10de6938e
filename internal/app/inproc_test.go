package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestInProcessStreamsBothWays(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", "yes")
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "got %s\n", lines.Text())
		}
	})
	type mark struct{}
	tr := &inProcess{handler: h, mark: func(ctx context.Context) context.Context { return context.WithValue(ctx, mark{}, 1) }}
	pr, pw := io.Pipe()
	req, _ := http.NewRequest("POST", "http://strongroom/x", pr)
	go io.WriteString(pw, "one\n")
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(resp.Body)
	if line, _ := answer.ReadString('\n'); line != "got one\n" || resp.Header.Get("X-Seen") != "yes" {
		t.Fatalf("answer %q before the request ended, header %q", line, resp.Header.Get("X-Seen"))
	}
	io.WriteString(pw, "two\n")
	pw.Close()
	if rest, _ := io.ReadAll(answer); strings.TrimSpace(string(rest)) != "got two" {
		t.Fatalf("rest %q", rest)
	}
	tr.running.Wait()
}

func TestInProcessPanicIsAnError(t *testing.T) {
	tr := &inProcess{handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), mark: func(c context.Context) context.Context { return c }}
	resp, err := (&http.Client{Transport: tr}).Get("http://strongroom/")
	if err != nil || resp.StatusCode != http.StatusInternalServerError {
		t.Fatalf("status %v, err %v", resp, err)
	}
}
