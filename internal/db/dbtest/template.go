package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"strongroom/internal/db"
)

// shared starts the process's own cluster, once.
var shared = sync.OnceValues(func() (*Cluster, error) { return StartCluster(false) })

// clusterURL returns the address of the cluster tests share.
func clusterURL(t testing.TB) string {
	t.Helper()
	if u := os.Getenv(URLVar); u != "" {
		return u
	}
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return c.URL("postgres")
}

// newDatabase makes a database with the tables of schemas by copying a template
// and returns its address.
func newDatabase(t testing.TB, schemas []db.Schema) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	base := clusterURL(t)
	admin, err := pgconn.Connect(ctx, base)
	if err != nil {
		t.Fatalf("connect to the test cluster: %v", err)
	}
	defer admin.Close(ctx)
	do := func(sql string) {
		if _, err := admin.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("test cluster: %v", err)
		}
	}
	template := "template0"
	if len(schemas) > 0 {
		template = ensureTemplate(t, admin, do, base, schemas)
	}
	var random [8]byte
	rand.Read(random[:])
	name := "test_" + hex.EncodeToString(random[:])
	do("create database " + name + " template " + template)
	t.Cleanup(func() { dropDatabase(base, name) })
	return withDatabase(t, base, name)
}

// dropDatabase removes a database with whoever still uses it. A failure only
// leaves it to the end of the cluster.
func dropDatabase(base, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin, err := pgconn.Connect(ctx, base)
	if err != nil {
		return
	}
	defer admin.Close(ctx)
	admin.Exec(ctx, "drop database if exists "+name+" with (force)").Close()
}

// ensureTemplate makes the template database of schemas unless it is there. A
// lock in the cluster keeps other test processes from making it too.
func ensureTemplate(t testing.TB, admin *pgconn.PgConn, do func(string), base string, schemas []db.Schema) string {
	t.Helper()
	sum := fingerprint(t, schemas)
	name := "template_" + hex.EncodeToString(sum[:8])
	lock := strconv.FormatInt(int64(binary.BigEndian.Uint64(sum[:8])>>1), 10)
	do("select pg_advisory_lock(" + lock + ")")
	defer do("select pg_advisory_unlock(" + lock + ")")

	ctx := context.Background()
	res, err := admin.Exec(ctx, "select 1 from pg_database where datname = '"+name+"'").ReadAll()
	if err != nil {
		t.Fatalf("test cluster: %v", err)
	}
	if len(res) == 1 && len(res[0].Rows) == 1 {
		return name
	}
	// Under another name until it is complete.
	do("drop database if exists " + name + "_new with (force)")
	do("create database " + name + "_new template template0")
	d, err := db.Open(ctx, db.Options{URL: withDatabase(t, base, name+"_new")})
	if err != nil {
		t.Fatalf("open template: %v", err)
	}
	_, err = d.Migrate(ctx, schemas)
	d.Close()
	if err != nil {
		t.Fatalf("migrate: %v", err)
	}
	do("alter database " + name + "_new rename to " + name)
	return name
}

// fingerprint identifies a set of schemas by content.
func fingerprint(t testing.TB, schemas []db.Schema) [32]byte {
	t.Helper()
	h := sha256.New()
	for _, s := range schemas {
		h.Write([]byte(s.Package + "\x00"))
		names, err := fs.Glob(s.FS, "schema/*.postgres.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			b, err := fs.ReadFile(s.FS, n)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(b)
			h.Write([]byte(n + "\x00"))
			h.Write(sum[:])
		}
	}
	return [32]byte(h.Sum(nil))
}

// withDatabase returns the address of another database of the same cluster.
func withDatabase(t testing.TB, address, database string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		t.Fatalf("%s must look like postgres://…", URLVar)
	}
	out := "postgres://" + u.User.String()
	if u.User != nil {
		out += "@"
	}
	return out + u.Host + "/" + database + "?" + u.RawQuery
}
