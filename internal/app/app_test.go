package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
)

// testCase makes a test instance in a temporary folder of its own.
func instance(t *testing.T) (dir string, made app.Made) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	made, err := app.Init(t.Context(), dir, app.Config{Environment: strongroom.Test, TLS: "off", Listen: "127.0.0.1:0"}, app.FirstOwner{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dir, made
}

func get(t *testing.T, dir, path string) (int, string) {
	t.Helper()
	c, err := app.Dial(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.HTTP.Get("http://strongroom" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestInitMakesAPrivateInstance(t *testing.T) {
	dir, made := instance(t)
	for path, mode := range map[string]os.FileMode{dir: 0o700, made.Keys: 0o700, made.RootKeyFile: 0o600, filepath.Join(dir, app.ConfigName): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", path, info.Mode(), err, mode)
		}
	}
	if !strings.HasPrefix(made.APIKey, "sr_test_") || !strings.HasPrefix(made.LogKey, "strongroom/") {
		t.Errorf("made %q, %q", made.APIKey, made.LogKey)
	}
	if status, body := get(t, dir, "/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
	// The clock of a test instance is moved by years, and the key outlives that.
	var list struct {
		Keys []struct {
			Expires time.Time `json:"expires_at"`
		}
	}
	_, text := get(t, dir, "/v1/keys")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Keys) != 1 || time.Until(list.Keys[0].Expires) < 2*365*24*time.Hour {
		t.Errorf("the key of a test instance: %v %s", err, text)
	}
	if _, err := app.Init(t.Context(), dir, app.Config{Environment: strongroom.Test}, app.FirstOwner{}, nil); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("a second init in the same folder: %v", err)
	}
}

func TestInitLeavesNothingBehindWhenItFails(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "data")
	_, err := app.Init(t.Context(), dir, app.Config{Environment: strongroom.Test, Database: "postgres:///none?host=" + base}, app.FirstOwner{}, nil)
	if err == nil {
		t.Fatal("an instance without a database")
	}
	if left, _ := os.ReadDir(base); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
}

func TestOneOwnerOfTheFolder(t *testing.T) {
	dir, _ := instance(t)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Open(t.Context(), app.Options{Dir: dir}); !errors.Is(err, app.ErrLocked) {
		t.Errorf("a second owner: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestOpenRefusesLoosePermissions(t *testing.T) {
	dir, made := instance(t)
	for _, path := range []string{dir, made.Keys, made.RootKeyFile} {
		info, _ := os.Stat(path)
		os.Chmod(path, info.Mode().Perm()|0o040)
		if a, err := app.Open(t.Context(), app.Options{Dir: dir}); err == nil {
			a.Close()
			t.Errorf("%s was open to others and the instance started", path)
		}
		os.Chmod(path, info.Mode().Perm())
	}
}

// A database belongs to one keyring: another instance refuses it before it
// writes anything.
func TestADatabaseBelongsToOneKeyring(t *testing.T) {
	one, _ := instance(t)
	two, _ := instance(t)
	text, err := os.ReadFile(filepath.Join(one, "strongroom.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(two, "strongroom.db"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = app.Open(t.Context(), app.Options{Dir: two})
	if !strongroom.IsKind(err, strongroom.Conflict) || !strings.Contains(err.Error(), "another keyring") {
		t.Fatalf("opened with another keyring: %v", err)
	}
}

func TestRootRotateLeavesOneRoot(t *testing.T) {
	dir, made := instance(t)
	next := filepath.Join(t.TempDir(), "elsewhere", "root.key")
	for range 2 { // a second call has nothing left to do
		if err := app.RotateRoot(t.Context(), app.Options{Dir: dir}, next); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := get(t, dir, "/readyz"); status != http.StatusOK {
		t.Fatalf("not ready after the rotation: %d", status)
	}
	c, err := app.LoadConfig(dir, "")
	if err != nil || c.Root.File != next {
		t.Fatalf("configuration names %q, %v", c.Root.File, err)
	}
	c.Root.File = made.RootKeyFile
	if err := c.Write(dir); err != nil {
		t.Fatal(err)
	}
	if a, err := app.Open(t.Context(), app.Options{Dir: dir}); err == nil {
		a.Close()
		t.Fatal("the old root still opens the keyring")
	}
}

// A database that was rolled back is not an extension of the checkpoint beside
// the keys; the one way past is to say so, and it shows for ever.
func TestARolledBackDatabaseIsRefused(t *testing.T) {
	dir, _ := instance(t)
	db := filepath.Join(dir, "strongroom.db")
	old, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	get(t, dir, "/v1/audit/checkpoint") // events of a start, a reading and a stop
	if err := os.WriteFile(db, old, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = app.Open(t.Context(), app.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "strongroom log continue") {
		t.Fatalf("a rolled-back database: %v", err)
	}
	if err := app.ContinueLog(t.Context(), app.Options{Dir: dir}, "damage", "uid:0"); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, dir, "/readyz"); status != http.StatusOK {
		t.Fatalf("not ready after the log was continued: %d", status)
	}
	if _, export := get(t, dir, "/v1/audit/export"); !strings.Contains(export, "log.continue") {
		t.Error("the export does not show the break")
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	dir, made := instance(t)
	states := func() map[string]app.State {
		t.Helper()
		found, err := app.Doctor(t.Context(), app.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]app.State{}
		for _, f := range found {
			m[f.Check] = f.State
			if f.State != app.OK && f.Advice == "" {
				t.Errorf("%s is %s without advice", f.Check, f.State)
			}
		}
		return m
	}
	for check, state := range states() {
		if state == app.Fail {
			t.Errorf("a new instance fails %s", check)
		}
	}
	if s := states(); s["rows"] != app.OK || s["jobs"] != app.OK {
		t.Errorf("a new instance: %v", s)
	}
	damage(t, dir)
	if s := states(); s["rows"] != app.Fail {
		t.Errorf("a damaged row: %v", s)
	}
	os.Chmod(made.Keys, 0o755)
	if s := states(); s["key folder"] != app.Fail || s["start"] != app.Fail {
		t.Errorf("an open key folder: %v", s)
	}
	os.Chmod(made.Keys, 0o700)
}

func TestServeStopsGracefully(t *testing.T) {
	dir, _ := instance(t)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	url, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Serve(ctx, func(u string) { url <- u }) }()
	resp, err := http.Get(<-url + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("healthz: %v, %v", resp, err)
	}
	if status, _ := get(t, dir, "/v1/stores"); status != http.StatusOK {
		t.Errorf("over the socket: %d", status)
	}
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not stop")
	}
	if _, err := os.Stat(filepath.Join(dir, app.SocketName)); err == nil {
		t.Error("the socket stays")
	}
}

// A copy of the data folder that was brought back knows nothing of an erasure
// since; the ledger beside the keys does, and what it names is gone before
// anything is served.
func TestAnOlderCopyIsMadeToForgetAgain(t *testing.T) {
	dir, _ := instance(t)
	store, record := oneOrder(t, dir)
	db := filepath.Join(dir, "strongroom.db")
	old, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := post(t, dir, "/v1/stores/"+store+"/records/"+record+"/reveal", `{"purpose":"fulfilment","reference":"5001"}`); status != http.StatusOK {
		t.Fatalf("before the erasure: %d %s", status, body)
	}
	if status, body := post(t, dir, "/v1/stores/"+store+"/records/"+record+"/erase", `{}`); status != http.StatusOK {
		t.Fatalf("erase: %d %s", status, body)
	}
	if err := os.WriteFile(db, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := app.ContinueLog(t.Context(), app.Options{Dir: dir}, "restore", "uid:0"); err != nil {
		t.Fatal(err)
	}
	if status, body := post(t, dir, "/v1/stores/"+store+"/records/"+record+"/reveal", `{"purpose":"fulfilment","reference":"5001"}`); status != http.StatusGone {
		t.Fatalf("the erased record opens in the older copy: %d %s", status, body)
	}
}

func post(t *testing.T, dir, path, body string) (int, string) {
	t.Helper()
	c, err := app.Dial(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.HTTP.Post("http://strongroom"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// oneOrder takes one order in and returns the ids of its store and record.
func oneOrder(t *testing.T, dir string) (store, record string) {
	t.Helper()
	id := func(status, want int, body, member string) string {
		var v map[string]any
		if status != want || json.Unmarshal([]byte(body), &v) != nil {
			t.Fatalf("%d %s", status, body)
		}
		if list, ok := v["records"].([]any); ok {
			v = list[0].(map[string]any)
		}
		return v[member].(string)
	}
	status, body := post(t, dir, "/v1/stores", `{"name":"Tea & Co","platform":"shopify"}`)
	store = id(status, http.StatusCreated, body, "id")
	order := `{"success":true,"order":{"id":"5001","email":"jana@example.com","dates":{"createdAt":"` + time.Now().UTC().Format(time.RFC3339) + `"}}}`
	if status, body = post(t, dir, "/v1/stores/"+store+"/ingest?resource=orders&version=v2", order); status != http.StatusOK {
		t.Fatalf("ingest: %d %s", status, body)
	}
	status, body = get(t, dir, "/v1/stores/"+store+"/records")
	return store, id(status, http.StatusOK, body, "id")
}
