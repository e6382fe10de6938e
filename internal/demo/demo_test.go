package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/demo"
)

// tour runs a small demo in dir and returns its text and what it counted.
func tour(t *testing.T, dir string) (string, demo.Result, error) {
	t.Helper()
	var out bytes.Buffer
	err := demo.Run(context.Background(), demo.Options{Dir: dir, Orders: 120, Seed: 7, Out: &out})
	text := strings.TrimSpace(out.String())
	var r demo.Result
	if e := json.Unmarshal([]byte(text[strings.LastIndexByte(text, '\n')+1:]), &r); e != nil {
		t.Fatalf("the last line is no JSON object: %v\n%s", e, text)
	}
	return text, r, err
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, r, err := tour(t, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// Four shops with a quarter of 120 orders past their day, and one of 120 that
	// sends its own in.
	if r.Ingested != 5*90 || r.Revealed < 90 || r.Refused < 7 || r.Found < 1 || r.Erased != r.Found || r.Expired < 1 {
		t.Errorf("counted %+v", r)
	}
	if r.Leaks == nil || *r.Leaks != 0 || !r.LogVerified {
		t.Errorf("counted %+v", r)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("there is colour where no terminal is")
	}
	for _, gone := range []string{"planted"} {
		if _, err := os.Stat(filepath.Join(dir, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there", gone)
		}
	}
	if _, _, err := tour(t, dir); err == nil {
		t.Error("a second tour in the same folder is not refused")
	}
}

// TestRunNoticesALeak leaves a value of a shop where a careless log might: the
// tour has to fail and to count it.
func TestRunNoticesALeak(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "access.log"), []byte(`host="LARKSPUR-LANE.example.com"`), 0o600); err != nil {
		t.Fatal(err)
	}
	text, r, err := tour(t, dir)
	if err == nil || r.Leaks == nil || *r.Leaks != 1 || !strings.Contains(text, "access.log at byte 6") {
		t.Errorf("%v, counted %+v\n%s", err, r, text)
	}
}

func TestLoopbackStaysHome(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"0.0.0.0:0", ":0", "example.com:80", "[::]:0", "127.0.0.1"} {
		if _, stop, err := demo.Loopback(t.Context(), listen, nil); err == nil {
			t.Errorf("%s is listened on", listen)
			_ = stop()
		}
	}
	base, stop, err := demo.Loopback(t.Context(), "127.0.0.1:0", nil)
	if err != nil || !strings.HasPrefix(base, "http://127.0.0.1:") {
		t.Fatalf("%s, %v", base, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
