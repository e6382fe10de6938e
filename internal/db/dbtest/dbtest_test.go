package dbtest_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func schema(sqlite, postgres string) db.Schema {
	return db.Schema{Package: "x", FS: fstest.MapFS{
		"schema/0001_init.sqlite.sql":   {Data: []byte(sqlite)},
		"schema/0001_init.postgres.sql": {Data: []byte(postgres)},
	}}
}

func plain() db.Schema {
	return schema(
		`create table x_a (id integer primary key, b text not null, c blob) strict`,
		`create table x_a (id bigint primary key, b text not null, c bytea)`)
}

const source = `package p

const (
	all  = "select b from x_a"
	some = all + " where id = $1"
)

func f(r reader, name string) {
	const local = "update x_a set b = $1"
	r.Query(some, 1)
	r.QueryRow("select id from x_a order by id")
	r.Exec(local, name)
	r.Batch(("delete from x_a where id = $1"), 3, nil)
	r.Queue("insert into x_a (id, b) values ($2, $1)")
	r.Exec(name)
	u.Query()
	exec.Command("select")
	os.Exec("ls -l")
}
`

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStatementsAreFoundAndPrepared(t *testing.T) {
	root := t.TempDir()
	write(t, root, "p/p.go", source)
	write(t, root, "p/p_test.go", `package p; func g() { r.Query("select nothing") }`)
	write(t, root, "p/testdata/q.go", `package q; func g() { r.Query("select nothing") }`)
	write(t, root, "internal/db/db.go", `package db; func g() { r.Query("select nothing") }`)

	found := dbtest.Statements(t, root)
	var got []string
	for _, s := range found {
		got = append(got, s.SQL)
		if s.Package != "p" || s.File != "p/p.go" || s.Line < 10 {
			t.Errorf("place is %+v", s)
		}
	}
	want := []string{
		"select b from x_a where id = $1", "select id from x_a order by id", "update x_a set b = $1",
		"delete from x_a where id = $1", "insert into x_a (id, b) values ($2, $1)",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("found %q", got)
	}
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := dbtest.NewOn(t, e, plain())
		dbtest.PrepareAll(t, d, found)
		for _, planted := range []string{"select nosuch from x_a", "select id from x_nosuch", "selec id from x_a"} {
			spy := &recorder{TB: t}
			dbtest.PrepareAll(spy, d, []dbtest.Statement{{SQL: planted}})
			if spy.errors != 1 {
				t.Errorf("%q was not noticed", planted)
			}
		}
	})
}

// recorder counts the failures of a check instead of failing.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }
func (r *recorder) Error(...any)          { r.errors++ }

func TestParityNoticesDifferences(t *testing.T) {
	dbtest.Parity(t, plain())
	spy := &recorder{TB: t}
	dbtest.Parity(spy, schema(
		`create table x_a (id integer primary key, b text not null, c blob, d integer, e text not null) strict; create table x_b (id integer) strict`,
		`create table x_a (id bigint primary key, b bytea not null, c bytea, d bigint not null, f text); create table x_c (id bigint)`))
	// b type, d null, e and f alone, x_b and x_c alone
	if spy.errors != 6 {
		t.Errorf("%d differences were noticed, want 6", spy.errors)
	}
}

func TestEachDatabaseIsItsOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		a, b := dbtest.NewOn(t, e, plain()), dbtest.NewOn(t, e, plain())
		err := a.Update(context.Background(), func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into x_a (id, b) values (1, 'x')`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Read(context.Background(), func(r *db.Reader) error {
			var n int
			if err := r.QueryRow(`select count(*) from x_a`).Scan(&n); err != nil || n != 0 {
				t.Errorf("%d rows, error %v", n, err)
			}
			return nil
		})
	})
}

func TestNumberedParametersInAnyOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := dbtest.NewOn(t, e, plain())
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			if _, err := tx.Exec(`insert into x_a (b, c, id) values ($3, $1, $2)`, []byte("c"), 7, "b"); err != nil {
				return err
			}
			var id int
			var b, again string
			err := tx.QueryRow(`select id, b, $2 from x_a where b = $2 and id = $1 and $2 = b`, 7, "b").Scan(&id, &b, &again)
			if err == nil && (id != 7 || b != "b" || again != "b") {
				t.Errorf("got %d %q %q", id, b, again)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestClusterDiesWithItsProcess runs this test binary as a helper that starts a
// cluster and is then killed without a chance to clean up.
func TestClusterDiesWithItsProcess(t *testing.T) {
	if os.Getenv("DBTEST_HELPER") != "" {
		c, err := dbtest.StartCluster(false)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("dir " + c.Dir + "\n")
		time.Sleep(time.Minute)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestClusterDiesWithItsProcess$")
	cmd.Env = append(os.Environ(), "DBTEST_HELPER=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		dir, _ = strings.CutPrefix(lines.Text(), "dir ")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); dir == "" || err != nil {
		t.Fatalf("the helper started no cluster: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
	}
	t.Errorf("the cluster in %s outlived its process", dir)
}

func TestPgclusterPassesTheAddressOnAndCleansUp(t *testing.T) {
	cmd := exec.Command("go", "run", "./cmd/pgcluster", "sh", "-c", `echo "$`+dbtest.URLVar+`"; exit 7`)
	out, err := cmd.Output()
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() == 0 {
		t.Fatalf("the exit code got lost: %v", err)
	}
	_, query, _ := strings.Cut(strings.TrimSpace(string(out)), "host=")
	host, _, _ := strings.Cut(query, "&")
	dir := strings.ReplaceAll(host, "%2F", "/")
	if !strings.Contains(dir, "strongroom-pg-") {
		t.Fatalf("the address is %q", out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left behind", dir)
	}
}
