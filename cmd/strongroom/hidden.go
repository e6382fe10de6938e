package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"strongroom"
)

// onTerminal reports whether a person sits at r.
func onTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// readHidden asks for a passphrase on the terminal without showing it. Where no
// terminal is, it refuses: a passphrase never comes from an environment
// variable or an argument.
func readHidden(g *globals) ([]byte, error) {
	if !onTerminal(g.in) {
		return nil, strongroom.Faultf(strongroom.Invalid, "passphrase", "there is no terminal to ask for the passphrase").
			Advise("hand it in with --root-fd N")
	}
	return hidden(g, "Passphrase")
}

func hidden(g *globals, what string) ([]byte, error) {
	fmt.Fprint(g.errs, what+": ")
	defer fmt.Fprintln(g.errs)
	return term.ReadPassword(int(g.in.(*os.File).Fd()))
}

// readSecret asks for a secret: on the terminal without showing it, else the next
// line of standard input, so that a password manager can hand it in.
func readSecret(g *globals, what string) (string, error) {
	if !onTerminal(g.in) {
		s := readLine(g, "")
		if s == "" {
			return "", strongroom.Faultf(strongroom.Invalid, "input", "there is no terminal to ask at, and standard input has no further line").
				Advise("hand in one answer a line")
		}
		return s, nil
	}
	text, err := hidden(g, what)
	return string(text), err
}

// readLine asks for a line that may be seen. It reads no byte further, so that the
// next question finds its answer.
func readLine(g *globals, what string) string {
	if what != "" {
		fmt.Fprint(g.errs, what+": ")
	}
	var line []byte
	for b := make([]byte, 1); len(line) < 4096; {
		n, err := g.in.Read(b)
		if n == 1 && b[0] == '\n' || n == 0 && err != nil && !errors.Is(err, io.ErrNoProgress) {
			break
		}
		line = append(line, b[:n]...)
	}
	return strings.TrimSuffix(string(line), "\r")
}
