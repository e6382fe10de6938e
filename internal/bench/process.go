package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	coldBar   = 1.0 // seconds from the start of the process to ready
	memoryBar = 60  // MiB
)

// process starts the built command on an instance that holds records, and
// measures how soon it is ready and how much memory it keeps while idle.
func (b *bench) process(ctx context.Context) error {
	i, err := b.instance(ctx)
	if err != nil {
		return err
	}
	binary, err := filepath.Abs(b.o.Binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("the built command is missing; run make build: %w", err)
	}
	var starts []float64
	var memory, private float64
	for round := range b.rounds {
		last := round == b.rounds-1
		took, err := start(ctx, binary, i, func(pid int) (err error) {
			if !last {
				return nil
			}
			time.Sleep(b.settle)
			memory, private, err = resident(pid)
			return err
		})
		if err != nil {
			return err
		}
		starts = append(starts, took.Seconds())
	}
	about := thousands(b.cold) + " records and more"
	b.add(Row{Name: "cold start to ready", Unit: "s", Bar: coldBar, Product: median(starts), Note: about}, true)
	b.add(Row{Name: "idle memory", Unit: "MiB", Bar: memoryBar, Product: memory,
		Note: fmt.Sprintf("resident, of which %.0f MiB are private; %s", private, about)}, true)
	return nil
}

// start runs the command until it answers that it is ready, calls then, and
// stops it. It returns how long it took to be ready.
func start(ctx context.Context, binary string, i *instance, then func(pid int) error) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "serve", "--data", i.dir, "--log", "off")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		// A command that stops when it is asked to exits well; one that was never
		// ready has said why.
		cancel()
		if ended := cmd.Wait(); err == nil && ended != nil && !errors.Is(ended, context.Canceled) {
			err = ended
		}
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the command ended before it was ready: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // whatever it says later
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		return 0, errors.New("the command's first line is no ready line")
	}
	d, err := newDoor(base, i.key, i.store, i.certificate)
	if err != nil {
		return 0, err
	}
	defer d.client.CloseIdleConnections()
	if _, _, err := d.call(ctx, "GET", "/readyz", "", nil); err != nil {
		return 0, err
	}
	return time.Since(begun), then(cmd.Process.Pid)
}

// resident returns the resident memory of a process in MiB, and how much of it
// is private rather than pages of files. Linux only.
func resident(pid int) (all, private float64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, err
	}
	return residentOf(string(text))
}

func residentOf(status string) (all, private float64, err error) {
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		n, cause := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			all, err = n/1024, errors.Join(err, cause)
		case "RssAnon:":
			private, err = n/1024, errors.Join(err, cause)
		}
	}
	if err == nil && all == 0 {
		err = errors.New("the system does not say how much memory a process takes")
	}
	return all, private, err
}
