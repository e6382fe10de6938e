package dbtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Cluster is a throw-away PostgreSQL server that listens on a Unix socket in its
// own folder.
type Cluster struct {
	Dir string // data, socket and log; removed by Stop
	// Durable says that fsync is on.
	Durable bool

	bin    string
	owner  *syscall.Credential // nil: ourselves
	server *exec.Cmd
	exited chan struct{}
	keeper io.WriteCloser // closing it has the watchdog clean up
}

// missing is what a test says where PostgreSQL is not installed.
const missing = "PostgreSQL 15 or later is needed: install it (Debian: apt-get install postgresql) or set " + URLVar

// StartCluster makes and starts a cluster. With durable off, fsync is off too,
// which is right for everything but crash tests. The cluster is stopped and
// removed by Stop or, if the process dies first, by a watchdog.
func StartCluster(durable bool) (*Cluster, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(baseFolder(durable), "strongroom-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: dir, Durable: durable, bin: bin}
	if err := c.chown(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := c.init(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := c.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return c, nil
}

// baseFolder returns where a cluster lives: in memory if nothing must be durable
// and there is room, because copying a template makes hundreds of files; never
// under a long path, because that of a socket has at most 107 bytes.
func baseFolder(durable bool) string {
	const room = 4 << 30
	var fs syscall.Statfs_t
	if !durable && syscall.Statfs("/dev/shm", &fs) == nil && int64(fs.Bavail)*int64(fs.Bsize) > room {
		return "/dev/shm"
	}
	if base := os.TempDir(); len(base) <= 60 {
		return base
	}
	return "/tmp"
}

// findBinaries returns the folder of initdb and postgres.
func findBinaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		// A link in PATH may stand alone; the server is beside its target.
		if real, err := filepath.EvalSymlinks(p); err == nil {
			p = real
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(p), "postgres")); err == nil {
			return filepath.Dir(p), nil
		}
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb"} {
		m, _ := filepath.Glob(pattern) // the patterns are well formed
		found = append(found, m...)
	}
	if len(found) == 0 {
		return "", errors.New(missing)
	}
	return filepath.Dir(slices.Max(found)), nil
}

// chown gives the folder to an unprivileged user when we are root, as which
// PostgreSQL refuses to run.
func (c *Cluster) chown() error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		c.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(c.Dir, int(uid), int(gid))
	}
	return errors.New("PostgreSQL does not run as root and there is no user postgres or nobody to run it as")
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGTZ=UTC")
	// A group of its own, so that an interrupt at the terminal reaches us first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setpgid: true}
	return cmd
}

func (c *Cluster) data() string { return filepath.Join(c.Dir, "data") }

func (c *Cluster) init() error {
	cmd := c.command("initdb", "--pgdata", c.data(), "--username", "strongroom", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out.Bytes())
	}
	return nil
}

// Start starts the server and waits until it answers. It is also the way back
// after Kill, when shared memory of the old server may need a moment to go.
func (c *Cluster) Start() error {
	var err error
	for range 20 {
		if err = c.start(); err == nil || !strings.Contains(err.Error(), "still in use") {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (c *Cluster) start() error {
	// What is durable is measured too, at any size: with little room for the log a
	// large index is written whole, page by page, after each of many checkpoints.
	fsync, buffers, wal := "off", "64MB", "512MB"
	if c.Durable {
		fsync, buffers, wal = "on", "256MB", "4GB"
	}
	log, err := os.OpenFile(filepath.Join(c.Dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := c.command("postgres", "-D", c.data(), "-k", c.Dir, "-h", "",
		"-c", "fsync="+fsync, "-c", "full_page_writes="+fsync, "-c", "max_connections=300",
		"-c", "shared_buffers="+buffers, "-c", "max_wal_size="+wal, "-c", "autovacuum_naptime=30s",
		"-c", "logging_collector=off", "-c", "log_checkpoints=off")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	keeper, err := watchdog(cmd.Process.Pid, c.Dir)
	if err != nil {
		cmd.Process.Kill()
		return err
	}
	c.server, c.keeper, c.exited = cmd, keeper, make(chan struct{})
	go func(exited chan struct{}) {
		cmd.Wait()
		close(exited)
	}(c.exited)
	if err := c.await(); err != nil {
		cmd.Process.Signal(syscall.SIGQUIT)
		<-c.exited
		io.WriteString(keeper, "keep\n")
		keeper.Close()
		return err
	}
	return nil
}

// watchdog starts a shell that outlives us: when its standard input ends,
// because we closed it or died, it stops the server and removes the folder.
func watchdog(pid int, dir string) (io.WriteCloser, error) {
	script := `read -r word; [ "$word" = keep ] && exit 0; kill -QUIT "$1" 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
kill -KILL "$1" 2>/dev/null; rm -rf -- "$2"`
	cmd := exec.Command("/bin/sh", "-c", script, "watchdog", strconv.Itoa(pid), dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go cmd.Wait()
	return in, nil
}

// await waits until the server answers.
func (c *Cluster) await() error {
	deadline := time.Now().Add(60 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgconn.Connect(ctx, c.URL("postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("postgres did not start:\n%s", c.lastLog())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres did not answer within a minute: %w", err)
		}
	}
}

// lastLog returns the end of the server's log.
func (c *Cluster) lastLog() []byte {
	b, err := os.ReadFile(filepath.Join(c.Dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return b[max(0, len(b)-1000):]
}

// URL returns the address of a database of the cluster.
func (c *Cluster) URL(database string) string {
	q := url.Values{"host": {c.Dir}, "user": {"strongroom"}}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

// Kill ends the server as a power failure would: kill -9 to all its processes,
// so that none can finish its work. Start brings it back.
func (c *Cluster) Kill() error {
	io.WriteString(c.keeper, "keep\n")
	c.keeper.Close()
	pid := c.server.Process.Pid
	workers := children(pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	// Each worker leads a group of its own, so each is killed by itself. One that
	// was born meanwhile ends by itself when it misses its parent.
	for _, w := range workers {
		syscall.Kill(w, syscall.SIGKILL)
	}
	<-c.exited
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if workers = slices.DeleteFunc(workers, func(w int) bool { return syscall.Kill(w, 0) != nil }); len(workers) == 0 {
			break
		}
	}
	return os.Remove(filepath.Join(c.data(), "postmaster.pid"))
}

// children returns the process ids of the children of pid.
func children(pid int) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		// "pid (name) state parent …", where the name may hold anything.
		_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, child)
		}
	}
	return pids
}

// Stop ends the server and removes its folder.
func (c *Cluster) Stop() {
	c.server.Process.Signal(syscall.SIGQUIT)
	select {
	case <-c.exited:
	case <-time.After(10 * time.Second):
		syscall.Kill(-c.server.Process.Pid, syscall.SIGKILL)
		<-c.exited
	}
	c.keeper.Close()
	os.RemoveAll(c.Dir)
}
