// Command bench measures the product beside a floor that does the same job
// without protection, on both engines, and prints a table:
//
//	go run ./internal/bench/cmd/bench -quick -json bench.json
//
// PostgreSQL is the server that STRONGROOM_TEST_PG_URL names; it must be durable
// (fsync on). The exit code is 0 even where a bar is missed: the table says so.
// It is 1 when something could not be measured or an answer was wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"strongroom/internal/bench"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "less data: at most 90 seconds")
	file := flags.String("json", "", "write the rows to this `file` as JSON")
	engines := flags.String("engine", "sqlite,postgres", "engines to measure")
	only := flags.String("only", "", "parts to measure: "+strings.Join(bench.Parts(), ", ")+"; default all")
	records := flags.Int("records", 0, "records of the large instance of the flat rows; default 1,000,000, with -quick 15,000")
	keep := flags.String("keep", "", "keep the large instance in this `folder`, and use the one that is there; "+
		"PostgreSQL keeps its own, so its server has to outlive the run")
	binary := flags.String("binary", "bin/strongroom", "the built command, for cold start and memory")
	profile := flags.String("cpuprofile", "", "write a CPU profile to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := bench.Options{Quick: *quick, Records: *records, Keep: *keep, Binary: *binary, Postgres: os.Getenv(dbtest.URLVar)}
	if o.Engines, err = bench.ParseEngines(*engines); err != nil {
		return err
	}
	if o.Only, err = bench.ParseParts(*only); err != nil {
		return err
	}
	for _, e := range o.Engines {
		if e == db.Postgres && o.Postgres == "" {
			return errors.New(dbtest.URLVar + " names no server; run this under internal/db/dbtest/cmd/pgcluster -durable")
		}
	}
	if o.Dir, err = os.MkdirTemp("", "strongroom-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.Dir)) }()
	stop, err := profiling(*profile)
	if err != nil {
		return err
	}
	o.Progress = func(line string) { fmt.Fprintln(os.Stderr, " ", line) }
	o.Section = func(rows []bench.Row) error {
		return errors.Join(bench.WriteTable(os.Stderr, rows), writeJSON(*file, rows))
	}
	begun := time.Now()
	rows, err := bench.Run(ctx, o)
	stop()
	if err := errors.Join(err, bench.WriteTable(out, rows), writeJSON(*file, rows)); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d of %d rows miss their bar; %s on %d cores, %s/%s, client included\n", bench.Missed(rows), len(rows),
		time.Since(begun).Round(time.Second), runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
	if *quick {
		fmt.Fprintln(out, "quick: less data and shorter rounds than the whole bench; flat and cold rows say how many records they mean")
	}
	return nil
}

// writeJSON replaces the file by one with these rows, whole or not at all.
func writeJSON(file string, rows []bench.Row) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(bench.WriteJSON(f, rows), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// profiling starts a CPU profile where one is asked for, and returns what ends it.
func profiling(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile is an aid, not a result
	}, nil
}
