package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"strongroom/internal/app"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"strongroom": main})
}

// TestScripts runs the commands as a manual would show them, each in a process
// of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":  ready,
			"await":  await,
			"let":    let,
			"bearer": bearer,
			"cut":    cut,
			"mode":   mode,
			"enrol":  enrolling,
			"signin": signingIn,
			"stepup": steppingUp,
			"device": enrollingDevice,
			"kept":   kept,
			"own":    ownEntries,
			"others": otherEntries,
			"right":  rightEntry,
			"month":  monthOf,
			"address": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], strings.TrimPrefix(strings.TrimSpace(ts.ReadFile(args[1])), "ready "))
			},
		},
	})
}

// ready waits until the instance in a data folder answers on its socket.
//
//	ready DIR
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	socket := filepath.Join(ts.MkAbs(args[0]), app.SocketName)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if resp, err := c.Get("http://strongroom/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	ts.Fatalf("%s does not become ready", args[0])
}

// await waits until a file of a command in the background holds a text.
//
//	await REGEXP FILE
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await REGEXP FILE")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[1])); err == nil && want.Match(text) {
			return
		}
	}
	ts.Fatalf("%s is not said in %s", args[0], args[1])
}

// let sets a variable to a part of a JSON file: keys and indices, separated by
// dots.
//
//	let VAR FILE PATH
func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: let VAR FILE PATH")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[1])))
	dec.UseNumber()
	var v any
	ts.Check(dec.Decode(&v))
	for part := range strings.SplitSeq(args[2], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(x) {
				ts.Fatalf("%s: no element %s", args[2], part)
			}
			v = x[i]
		default:
			v = nil
		}
	}
	switch x := v.(type) {
	case string:
		ts.Setenv(args[0], x)
	case json.Number:
		ts.Setenv(args[0], x.String())
	default:
		ts.Fatalf("%s: there is no text or number", args[2])
	}
}

// bearer calls the API at the address on the ready line of a server's output,
// with a key, and prints status and body.
//
//	bearer FILE KEY METHOD PATH [BODY]
func bearer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: bearer FILE KEY METHOD PATH [BODY]")
	}
	base := ""
	for end := time.Now().Add(20 * time.Second); base == "" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f, err := os.Open(ts.MkAbs(args[0])); err == nil {
			line, _ := bufio.NewReader(f).ReadString('\n')
			f.Close()
			if strings.HasSuffix(line, "\n") {
				base = strings.TrimSpace(strings.TrimPrefix(line, "ready "))
			}
		}
	}
	req, err := http.NewRequest(args[2], base+args[3], strings.NewReader(strings.Join(args[4:], " ")))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+args[1])
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(append([]byte(resp.Status+"\n"), body...))
	ts.Check(err)
}

// cut copies a file without its n-th line.
//
//	cut N FROM TO
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cut N FROM TO")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	lines := strings.SplitAfter(ts.ReadFile(args[1]), "\n")
	if n < 1 || n > len(lines) {
		ts.Fatalf("there is no line %d", n)
	}
	text := strings.Join(append(lines[:n-1:n-1], lines[n:]...), "")
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
}

// mode checks that a file has a mode, in octal.
//
//	mode 0600 FILE
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode MODE FILE")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := info.Mode().Perm(); (got == os.FileMode(want)) == neg {
		ts.Fatalf("%s has mode %04o", args[1], got)
	}
}
