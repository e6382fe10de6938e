package app_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/db"
)

// takeOver makes another folder the holder of the database in dir, as a server
// with a copy of the keyring does once the lease has run out.
func takeOver(t *testing.T, dir string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{Path: filepath.Join(dir, "strongroom.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("update app_instance set holder = $1, until = $2 where id = 1", "ins_other", time.Now().Add(time.Minute).UnixMicro())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A server that was away for longer than its lease does not take the database
// back from the one that has it now: it ends.
func TestALostLeaseEndsTheInstance(t *testing.T) {
	dir, _ := instance(t)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	url, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Serve(context.Background(), func(u string) { url <- u }) }()
	base := <-url
	if status, _ := get(t, dir, "/readyz"); status != http.StatusOK {
		t.Fatalf("not ready before: %d", status)
	}
	takeOver(t, dir)
	time.Sleep(1100 * time.Millisecond) // readyz remembers for a second
	resp, err := http.Get(base + "/readyz")
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("readyz: %v, %v", resp, err)
	}
	select {
	case err := <-done:
		if !strongroom.IsKind(err, strongroom.Conflict) {
			t.Fatalf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it goes on serving")
	}
	if _, err := app.Open(t.Context(), app.Options{Dir: dir}); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Fatalf("opened although another holds the database: %v", err)
	}
	if err := app.ContinueLog(t.Context(), app.Options{Dir: dir}, "failover", "usr_1"); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Fatalf("continued the log of another's database: %v", err)
	}
}

// Folders that were there before, as a service manager makes them, are as empty
// after a failure as they were; init can be tried again.
func TestInitEmptiesWhatItFilled(t *testing.T) {
	base := t.TempDir()
	dir, keys := filepath.Join(base, "data"), filepath.Join(base, "keys")
	for _, p := range []string{dir, keys} {
		if err := os.Mkdir(p, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := app.Config{Environment: strongroom.Test, Keys: keys, TLS: "off", Database: "postgres:///none?host=" + base}
	if _, err := app.Init(t.Context(), dir, c, app.FirstOwner{}, nil); err == nil {
		t.Fatal("an instance without a database")
	}
	for _, p := range []string{dir, keys} {
		if left, err := os.ReadDir(p); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v, %v", p, left, err)
		}
	}
	c.Database = ""
	if _, err := app.Init(t.Context(), dir, c, app.FirstOwner{}, nil); err != nil {
		t.Fatalf("the second try: %v", err)
	}
}

// The id in a copied folder is the same and its place is not: a server on a copy
// of data and keys is kept away while the first one lives.
func TestACopyOfTheFolderIsAnotherOwner(t *testing.T) {
	dir, made := instance(t)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	twin := filepath.Join(t.TempDir(), "data")
	for from, to := range map[string]string{dir: twin, made.Keys: twin + ".keys"} {
		if out, err := exec.Command("cp", "-r", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	c, err := app.LoadConfig(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = twin + ".keys"
	if err := c.Write(twin); err != nil {
		t.Fatal(err)
	}
	b, err := app.Open(t.Context(), app.Options{Dir: twin})
	if err == nil {
		b.Close()
	}
	if !strongroom.IsKind(err, strongroom.Conflict) || !strings.Contains(err.Error(), "holds the database") {
		t.Fatalf("a copy of the folder opens beside the first: %v", err)
	}
}

func TestDoctorFindsLooseFiles(t *testing.T) {
	dir, made := instance(t)
	for _, path := range []string{filepath.Join(dir, app.ConfigName), filepath.Join(dir, "strongroom.db"), filepath.Dir(made.RootKeyFile)} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, info.Mode().Perm()|0o066)
		found, err := app.Doctor(t.Context(), app.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(found, func(f app.Finding) bool { return f.State == app.Fail && (f.Check == "file" || f.Check == "root key") }) {
			t.Errorf("%s is open to others and the doctor is content", path)
		}
		os.Chmod(path, info.Mode().Perm())
	}
}

// The OS user of a production instance may list no records; doctor counts those
// that open all the same, for it tells a number alone.
func TestDoctorInProduction(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "data")
	if _, err := app.Init(t.Context(), dir, app.Config{Environment: strongroom.Production, Keys: filepath.Join(base, "keys"), TLS: "auto"}, owner(), nil); err != nil {
		t.Fatal(err)
	}
	found, err := app.Doctor(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	looked, open := false, false
	for _, f := range found {
		if f.State == app.Fail && f.Check != "networks" {
			t.Errorf("a new production instance fails %s: %s", f.Check, f.Found)
		}
		open = open || f.State == app.Fail && f.Check == "networks" // until somebody says from where
		looked = looked || f.Check == "rows" && f.State == app.OK
	}
	if !open {
		t.Error("doctor is content with calls from everywhere")
	}
	if !looked {
		t.Errorf("doctor has not looked at the records: %v", found)
	}
}

func owner() app.FirstOwner {
	return app.FirstOwner{Name: "Ottilie Vandersmissen", Email: "ottilie@example.com"}
}
