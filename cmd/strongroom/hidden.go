package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"strongroom"
)

// readHidden asks for a passphrase on the terminal without showing it. Where no
// terminal is, it refuses: a passphrase never comes from an environment
// variable or an argument.
func readHidden(g *globals) ([]byte, error) {
	f, ok := g.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, strongroom.Faultf(strongroom.Invalid, "passphrase", "there is no terminal to ask for the passphrase").
			Advise("hand it in with --root-fd N")
	}
	fmt.Fprint(g.errs, "Passphrase: ")
	defer fmt.Fprintln(g.errs)
	return term.ReadPassword(int(f.Fd()))
}
