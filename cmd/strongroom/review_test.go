package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// frozen are the entries of a review in a file of its JSON.
func frozen(ts *testscript.TestScript, file string) (out []entryView) {
	var x struct{ Entries []entryView }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &x))
	return x.Entries
}

// numbered sets a variable to the numbers of the entries that fit, as arguments.
func numbered(ts *testscript.TestScript, name string, entries []entryView, fit func(entryView) bool) {
	var out []string
	for _, e := range entries {
		if fit(e) {
			out = append(out, strconv.Itoa(e.Entry))
		}
	}
	if len(out) == 0 {
		ts.Fatalf("no entry fits %s", name)
	}
	ts.Setenv(name, strings.Join(out, ","))
}

// ownEntries, otherEntries and rightEntry name the entries that are a person's, those
// that are not, and the right of a role.
//
//	own VAR FILE PERSON
//	others VAR FILE PERSON
//	right VAR FILE PERSON ROLE
func ownEntries(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: own VAR FILE PERSON")
	}
	numbered(ts, args[0], frozen(ts, args[1]), func(e entryView) bool { return e.Item.Account == args[2] })
}

func otherEntries(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: others VAR FILE PERSON")
	}
	numbered(ts, args[0], frozen(ts, args[1]), func(e entryView) bool { return e.Item.Account != args[2] })
}

func rightEntry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: right VAR FILE PERSON ROLE")
	}
	numbered(ts, args[0], frozen(ts, args[1]), func(e entryView) bool {
		return e.Item.Account == args[2] && slices.Contains(e.Item.Roles, args[3])
	})
}

// monthOf sets a variable to the month of an instance's clock.
//
//	month VAR FILE
func monthOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: month VAR FILE")
	}
	var x struct{ Now time.Time }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &x))
	ts.Setenv(args[0], x.Now.UTC().Format("2006-01"))
}

func TestRanges(t *testing.T) {
	for in, want := range map[string]string{"1": "[1]", "3 1-4": "[3 1 2 4]", "2,5-6 1": "[2 5 6 1]"} {
		if got, err := ranges(strings.Fields(in)); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "x", "5-4", "1-", "-3", "1-99999999", "1 2-x"} {
		if got, err := ranges(strings.Split(in, " ")); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}
