package main

import (
	"errors"
	"fmt"
	"os"

	"strongroom/internal/demo"
)

type demoCmd struct {
	Data   string `placeholder:"DIR" help:"Folder for everything it makes; default: a temporary one that is removed at the end."`
	Check  bool   `help:"Do not stay: exit when done, non-zero if a step failed; the last line is one JSON object of what was counted."`
	Orders int    `default:"1200" help:"Orders of each shop."`
	Seed   uint64 `default:"1" help:"Chooses the invented shops and people."`
	Listen string `default:"127.0.0.1:0" help:"Loopback address of the HTTP API; port 0 picks a free one."`
}

// Help shows examples below the flags.
func (d *demoCmd) Help() string {
	return `Examples:
  strongroom demo
  strongroom demo --check --data ./demo-data`
}

func (d *demoCmd) Run(g *globals) (err error) {
	dir := d.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "strongroom-demo-"); err != nil {
			return err
		}
		defer func() {
			if err = errors.Join(err, os.RemoveAll(dir)); err == nil && !d.Check {
				fmt.Fprintf(g.out, "\nEnded; %s was removed.\n", dir)
			}
		}()
	}
	_, noColour := os.LookupEnv("NO_COLOR")
	if err := demo.Run(g.ctx, demo.Options{
		Dir: dir, Stay: !d.Check, Orders: d.Orders, Seed: d.Seed, Listen: d.Listen,
		Out: g.out, Live: terminal(g.out) && !noColour,
	}); err != nil {
		return fmt.Errorf("the demo failed: %w", err)
	}
	return nil
}
