// Command pgcluster starts a throw-away PostgreSQL cluster, runs the command
// given as arguments with STRONGROOM_TEST_PG_URL set to it, stops the cluster,
// and exits as the command did:
//
//	go run ./internal/db/dbtest/cmd/pgcluster go test ./...
//
// With -durable the cluster has fsync on.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"strongroom/internal/db/dbtest"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	durable := len(args) > 0 && args[0] == "-durable"
	if durable {
		args = args[1:]
	}
	if len(args) == 0 || args[0][0] == '-' {
		fmt.Fprintln(os.Stderr, "usage: pgcluster [-durable] command [argument …]")
		return 2
	}
	// An interrupt reaches the command too; we wait for it and then clean up.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	c, err := dbtest.StartCluster(durable)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgcluster:", err)
		return 1
	}
	defer c.Stop()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), dbtest.URLVar+"="+c.URL("postgres"))
	if err := cmd.Run(); err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			return e.ExitCode()
		}
		fmt.Fprintln(os.Stderr, "pgcluster:", err)
		return 1
	}
	return 0
}
