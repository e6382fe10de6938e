package scim_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"strongroom/internal/people"
)

// step is one request of a sequence, with what must come back and what must have
// come of it.
type step struct {
	Note   string            `json:"note"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Body   json.RawMessage   `json:"body"`
	Status int               `json:"status"`
	Expect map[string]any    `json:"expect"`
	Save   map[string]string `json:"save"`
	Then   string            `json:"then"`
}

// TestSequences plays what Okta and Entra send, quirks included, against the door.
func TestSequences(t *testing.T) {
	files, err := filepath.Glob("testdata/sequences/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d sequences, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			must(t, err)
			var steps []step
			must(t, json.Unmarshal(text, &steps))
			f := fresh(t)
			ids, accounts := map[string]string{}, map[string]string{}
			for i, s := range steps {
				if bad := f.play(t, s, ids, accounts); bad != "" {
					t.Fatalf("step %d, %s: %s", i+1, s.Note, bad)
				}
			}
		})
	}
	// Planted: a step that expects something else is noticed.
	f := fresh(t)
	if f.play(t, step{Method: "GET", Path: "/Users", Status: 200, Expect: map[string]any{"totalResults": 1.0}}, nil, nil) == "" {
		t.Error("the player does not notice a wrong answer")
	}
}

func (f *fixture) play(t *testing.T, s step, ids, accounts map[string]string) string {
	t.Helper()
	fill := func(text string) string {
		for k, v := range ids {
			text = strings.ReplaceAll(text, "$"+k, v)
		}
		return text
	}
	if s.Method != "" {
		status, got, _ := f.ask(t, s.Method, fill(s.Path), []byte(fill(string(s.Body))))
		if status != s.Status {
			return fmt.Sprintf("status %d, %v", status, got)
		}
		for path, want := range s.Expect {
			if text, ok := want.(string); ok {
				want = fill(text)
			}
			if have := dig(got, path); have != want {
				return fmt.Sprintf("%s is %v, not %v, in %v", path, have, want, got)
			}
		}
		for k, path := range s.Save {
			ids[k], _ = dig(got, path).(string)
		}
	}
	w := strings.Fields(s.Then)
	if len(w) == 0 {
		return ""
	}
	switch person := accounts[w[1]]; w[0] {
	case "approve":
		accounts[w[1]] = f.approve(t)
	case "holds":
		if !f.rights.has(person, w[2]) {
			return "the right is missing"
		}
	case "lacks":
		if f.rights.has(person, w[2]) {
			return "the right is still there"
		}
	case "ended":
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.state(t, person) != people.Ended || !slices.Contains(f.closed, person) {
			return "the account has not ended"
		}
	default:
		return "nobody knows what " + w[0] + " means"
	}
	return ""
}

// dig finds what stands at a path of names and places.
func dig(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n >= len(x) {
				return nil
			}
			v = x[n]
		default:
			return nil
		}
	}
	return v
}
