package apptest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// Part is one thing an instance left behind.
type Part struct {
	Name  string
	Bytes []byte
}

// Bytes returns every byte the instance left: the files of both folders with
// write-ahead logs and temporary files, the operational log, the metrics, each
// refusal with its headers, and on PostgreSQL a dump and the raw files of the
// database, with the server's own log and write-ahead log where the cluster is
// this instance's.
func (i *Instance) Bytes() []Part {
	i.t.Helper()
	var parts []Part
	if i.app != nil {
		a := i.Want(http.StatusOK, Request{Path: "/metrics"}, nil)
		parts = append(parts, Part{"metrics", a.Body})
	}
	if i.Engine == db.Postgres {
		parts = append(parts, i.postgres()...)
	}
	parts = append(parts, Files(i.t, i.Root)...)
	i.client.mu.Lock()
	defer i.client.mu.Unlock()
	return append(parts, Part{"operational log", i.Lines.Bytes()}, Part{"refusals", bytes.Clone(i.client.refusals.Bytes())})
}

// Files returns every regular file under dir.
func Files(t testing.TB, dir string) (parts []Part) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // a temporary file that is gone again
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		parts = append(parts, Part{strings.TrimPrefix(path, dir), b})
		return err
	})
	must(t, err)
	return parts
}

// postgres returns a dump and the raw files of the database.
func (i *Instance) postgres() []Part {
	i.t.Helper()
	parts := []Part{{"dump", dump(i.t, i.Database)}}
	rows := Query(i.t, i.Database, "checkpoint; select current_setting('data_directory'), oid::text from pg_database where datname = current_database()")
	parts = append(parts, Files(i.t, filepath.Join(rows[0][0], "base", rows[0][1]))...)
	if i.cluster != nil {
		parts = append(parts, Files(i.t, filepath.Join(rows[0][0], "pg_wal"))...)
		log, err := os.ReadFile(filepath.Join(i.cluster.Dir, "log"))
		must(i.t, err)
		parts = append(parts, Part{"log of the server", log})
	}
	return parts
}

// dump returns what pg_dump writes, with bytes as they are: hexadecimal digits
// would hide a value and look like another.
func dump(t testing.TB, url string) []byte {
	t.Helper()
	cmd := exec.Command("pg_dump", "--dbname", url)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c bytea_output=escape")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pg_dump (Debian: apt-get install postgresql-client): %v", err)
	}
	return unescape(out)
}

// unescape undoes the escapes of COPY and of bytea.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for n := 0; n < len(b); n++ {
		if b[n] != '\\' {
			out = append(out, b[n])
			continue
		}
		rest := b[n:]
		for len(rest) > 1 && rest[0] == '\\' {
			rest = rest[1:]
		}
		if len(rest) >= 3 && digit8(rest[0]) && digit8(rest[1]) && digit8(rest[2]) {
			out = append(out, (rest[0]-'0')<<6|(rest[1]-'0')<<3|(rest[2]-'0'))
			rest = rest[3:]
		}
		n = len(b) - len(rest) - 1
	}
	return out
}

func digit8(c byte) bool { return c >= '0' && c <= '7' }

// Query runs SQL of the test's own, beside the product, and returns the rows of
// the last statement.
func Query(t testing.TB, url, sql string) [][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgconn.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out [][]string
	for _, row := range results[len(results)-1].Rows {
		var cells []string
		for _, c := range row {
			cells = append(cells, string(c))
		}
		out = append(out, cells)
	}
	return out
}

// NewCluster starts a PostgreSQL server of the test's own, or returns nil where
// this run is not on PostgreSQL.
func NewCluster(t testing.TB, durable bool) *dbtest.Cluster {
	t.Helper()
	if dbtest.Engine(t) != db.Postgres {
		return nil
	}
	c, err := dbtest.StartCluster(durable)
	must(t, err)
	t.Cleanup(c.Stop)
	return c
}

// newDatabase makes an empty database in a cluster of the test's own.
func newDatabase(t testing.TB, c *dbtest.Cluster) string {
	t.Helper()
	name := fmt.Sprintf("d%d", time.Now().UnixNano())
	Query(t, c.URL("postgres"), "create database "+name)
	return c.URL(name)
}

// dumpPlain returns a dump that restore takes.
func dumpPlain(t testing.TB, url string) []byte {
	t.Helper()
	out, err := exec.Command("pg_dump", "--no-owner", "--dbname", url).Output()
	must(t, err)
	return out
}

// restore loads a dump into an empty database.
func restore(t testing.TB, url string, text []byte) {
	t.Helper()
	cmd := exec.Command("psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url)
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}
