package apptest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"strongroom/internal/app"
)

// childVar names the data folder that a copy of the test program serves.
const childVar = "STRONGROOM_APPTEST_SERVE"

// ChildMain serves an instance and never returns if this process is a child
// made by [Instance.Spawn]; TestMain calls it first.
func ChildMain() {
	dir := os.Getenv(childVar)
	if dir == "" {
		return
	}
	if err := serveChild(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serveChild serves until standard input ends, which it does when the parent
// dies, however that dies.
func serveChild(dir string) error {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.Open(ctx, app.Options{Dir: dir, Log: log})
	if err != nil {
		return err
	}
	return a.Serve(ctx, func(url string) { fmt.Println(url) })
}

// Child is a process that serves an instance.
type Child struct {
	i     *Instance
	cmd   *exec.Cmd
	stdin io.Closer
}

// Spawn serves the instance in a process of its own. What the process writes to
// standard error goes to the end of child.log in the instance's parent folder.
func (i *Instance) Spawn() *Child {
	i.t.Helper()
	log, err := os.OpenFile(filepath.Join(i.Root, "child.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(i.t, err)
	defer log.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+i.Dir)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	must(i.t, err)
	in, err := cmd.StdinPipe()
	must(i.t, err)
	must(i.t, cmd.Start())
	c := &Child{i, cmd, in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.Kill()
		i.t.Fatalf("the child does not serve: %v\n%s", err, c.Log())
	}
	i.URL = strings.TrimSpace(line)
	i.client.open(filepath.Join(i.Dir, app.SocketName), i.Roots())
	i.t.Cleanup(c.Kill)
	return c
}

// Log returns the end of what the process wrote to standard error.
func (c *Child) Log() []byte {
	text, err := os.ReadFile(filepath.Join(c.i.Root, "child.log"))
	must(c.i.t, err)
	return text[max(0, len(text)-4000):]
}

// Kill ends the process with kill -9. It may be called twice.
func (c *Child) Kill() {
	if c.cmd == nil {
		return
	}
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.i.t.Error(err)
	}
	c.end()
}

// Stop ends the process gracefully.
func (c *Child) Stop() {
	c.i.t.Helper()
	must(c.i.t, c.stdin.Close())
	if err := c.end(); err != nil {
		c.i.t.Errorf("the child did not stop cleanly: %v", err)
	}
}

func (c *Child) end() error {
	if c.i.client.tcp != nil {
		c.i.client.close()
	}
	err := c.cmd.Wait()
	c.cmd = nil
	return err
}
