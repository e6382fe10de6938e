package main

import (
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// words splits a line as a shell would, as far as examples need it.
func words(line string) (out []string) {
	quote := rune(0)
	word, open := "", false
	for _, c := range line {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case c == quote:
			quote = 0
		case quote == 0 && c == ' ':
			if open {
				out = append(out, word)
			}
			word, open = "", false
		default:
			word, open = word+string(c), true
		}
	}
	if open {
		out = append(out, word)
	}
	return out
}

// typed reads a command line without running it.
func typed(t *testing.T, args []string) error {
	t.Helper()
	var c cli
	k, err := kong.New(&c, kong.Name("strongroom"), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(args)
	return err
}

// Every command shows in its help what one would type, and that can be typed.
func TestEveryHelpHasExamples(t *testing.T) {
	k, err := kong.New(&cli{}, kong.Name("strongroom"))
	if err != nil {
		t.Fatal(err)
	}
	addExamples(k)
	checked := 0
	for _, leaf := range k.Model.Leaves(false) {
		path := strings.TrimPrefix(leaf.Path(), "strongroom ")
		own := 0
		for line := range strings.Lines(leaf.Detail) {
			_, command, found := strings.Cut(strings.TrimSpace(line), "strongroom ")
			if !found || !strings.HasPrefix(line, "  ") {
				continue
			}
			if strings.HasPrefix(command, path) {
				own++
			}
			checked++
			if err := typed(t, words(command)); err != nil {
				t.Errorf("%s: the example %q cannot be typed: %v", path, strings.TrimSpace(line), err)
			}
		}
		if own == 0 {
			t.Errorf("the help of %q shows no example of it", path)
		}
	}
	if checked < 60 {
		t.Errorf("%d examples", checked)
	}
	// Planted: an example that cannot be typed is noticed.
	if typed(t, words("fields list --store str_1 --data DIR")) == nil || typed(t, words("record list --data DIR")) == nil {
		t.Error("the check finds nothing")
	}
}
