package apptest

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// Release is what an instance of a release left behind, and what must still be
// true of it. It lies with the folders in one archive an engine.
type Release struct {
	Version string `json:"version"` // as its binary says
	// At is where the instance's clock stood after its last act.
	At         time.Time       `json:"at"`
	APIKey     string          `json:"api_key"`
	RevokedKey string          `json:"revoked_key"`
	LogKey     string          `json:"log_key"`    // verifier of its log
	Checkpoint string          `json:"checkpoint"` // signed, of its last moment but the stop
	Token      string          `json:"token"`      // EcartAPI's, of the store whose sync waits
	Job        string          `json:"job"`        // that sync
	Store      string          `json:"store"`      // the store whose field was classified
	Field      string          `json:"field"`      // that field, by name; it is clear now
	Records    []ReleaseRecord `json:"records"`
}

// ReleaseRecord is one record of a [Release].
type ReleaseRecord struct {
	Store      string          `json:"store"`
	ID         string          `json:"id"`
	ExternalID string          `json:"external_id"`
	State      string          `json:"state"`     // live, erased or expired
	Original   json.RawMessage `json:"original"`  // as it was sent
	Tokenised  json.RawMessage `json:"tokenised"` // as the release answered; of those that live
	Email      string          `json:"email"`     // finds it, or found it
}

// releases is the folder with one folder a release.
const releases = "testdata/releases"

// Releases returns the folders of the releases that left data of this engine.
func Releases(t testing.TB, e db.Engine) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(releases, "*", archive(e)))
	must(t, err)
	for n := range found {
		found[n] = filepath.Dir(found[n])
	}
	return found
}

func archive(e db.Engine) string { return string(e) + ".tar.gz" }

// What an archive holds beside the folders: what must be true of them, and the
// database on PostgreSQL.
const (
	pastFile = "release.json"
	dumpFile = "dump.sql"
)

// Unpack lays an instance out in a temporary place as an operator who moves it to
// another machine does: the folders are copied, the database is restored, and
// the configuration names where they are now. The clock stands where it stood.
func Unpack(t testing.TB, dir string, e db.Engine) (*Instance, Release) {
	t.Helper()
	root, err := os.MkdirTemp("", "sr-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(root) })
	untar(t, filepath.Join(dir, archive(e)), root)
	var r Release
	must(t, json.Unmarshal(take(t, filepath.Join(root, pastFile)), &r))

	i := &Instance{t: t, Root: root, Dir: filepath.Join(root, "data"), Keys: filepath.Join(root, "keys"), Engine: e, Lines: &Lines{}}
	i.Made = app.Made{APIKey: r.APIKey, LogKey: r.LogKey, RootKeyFile: filepath.Join(root, "root", "root.key")}
	i.Configure(func(c *app.Config) { c.Keys, c.Root.File = i.Keys, i.Made.RootKeyFile })
	if e == db.Postgres {
		i.Database = dbtest.Options(t, db.Postgres).URL
		restore(t, i.Database, take(t, filepath.Join(root, dumpFile)))
		i.Configure(func(c *app.Config) { c.Database = i.Database })
	}
	i.setClockFile(r.At)
	t.Cleanup(i.Stop)
	return i, r
}

// take returns a file and removes it.
func take(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	return text
}

// Configure changes the configuration of an instance that is stopped.
func (i *Instance) Configure(change func(*app.Config)) {
	i.t.Helper()
	c, err := app.LoadConfig(i.Dir, "")
	must(i.t, err)
	change(&c)
	must(i.t, c.Write(i.Dir))
}

// setClockFile has the clock of a stopped instance stand at a time. It is an
// offset from real time, and real time has gone on since the fixture was made.
func (i *Instance) setClockFile(at time.Time) {
	i.t.Helper()
	offset := time.Until(at).Microseconds()
	must(i.t, os.WriteFile(filepath.Join(i.Dir, "clock.json"), fmt.Appendf(nil, `{"offset_us":%d}`, offset), 0o600))
}

// MakeRelease makes an instance with a released binary and serves it with that.
// stop ends it as a signal does.
func MakeRelease(t testing.TB, binary string, e db.Engine, ecartAPI string) (i *Instance, stop func()) {
	t.Helper()
	root, err := os.MkdirTemp("", "sr-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(root) })
	i = &Instance{t: t, Root: root, Dir: filepath.Join(root, "data"), Keys: filepath.Join(root, "keys"), Engine: e, Lines: &Lines{}}
	args := []string{"init", "--data", i.Dir, "--keys", i.Keys, "--root-key-file", filepath.Join(root, "root", "root.key"),
		"--environment", "test", "--listen", "127.0.0.1:0", "--tls", "off", "--ecartapi", ecartAPI, "--json"}
	if e == db.Postgres {
		i.Database = dbtest.Options(t, db.Postgres).URL
		args = append(args, "--db", i.Database)
	}
	out, err := exec.Command(binary, args...).Output()
	must(t, err)
	must(t, json.Unmarshal(out, &i.Made))

	cmd := exec.Command(binary, "serve", "--data", i.Dir, "--log", "off")
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(pipe).ReadString('\n')
	must(t, err)
	i.URL = strings.TrimSpace(strings.TrimPrefix(line, "ready "))
	i.client.open(filepath.Join(i.Dir, app.SocketName), i.Roots())
	return i, func() {
		t.Helper()
		i.client.close()
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		must(t, cmd.Wait())
	}
}

// Pack writes the stopped instance and what must be true of it under dir.
func (i *Instance) Pack(dir string, r Release) {
	i.t.Helper()
	must(i.t, os.MkdirAll(dir, 0o755))
	if i.Engine == db.Postgres {
		// The newest pg_dump guards its output with commands that an older psql
		// does not know.
		guard := regexp.MustCompile(`(?m)^\\(un)?restrict .*\n`)
		must(i.t, os.WriteFile(filepath.Join(i.Root, dumpFile), guard.ReplaceAll(dumpPlain(i.t, i.Database), nil), 0o600))
	}
	text, err := json.Marshal(r)
	must(i.t, err)
	must(i.t, os.WriteFile(filepath.Join(i.Root, pastFile), text, 0o600))
	i.tar(filepath.Join(dir, archive(i.Engine)))
}

// tar packs the folders of the instance and the files beside them. Names and bytes
// alone are kept: nobody's user, no times.
func (i *Instance) tar(to string) {
	i.t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	for _, p := range Files(i.t, i.Root) {
		name := strings.TrimPrefix(p.Name, "/")
		if top, _, _ := strings.Cut(name, "/"); !slices.Contains([]string{"data", "keys", "root", dumpFile, pastFile}, top) {
			continue
		}
		must(i.t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(p.Bytes))}))
		_, err := w.Write(p.Bytes)
		must(i.t, err)
	}
	must(i.t, errors.Join(w.Close(), z.Close()))
	must(i.t, os.WriteFile(to, packed.Bytes(), 0o644))
}

// untar unpacks private files into private folders under root.
func untar(t testing.TB, path, root string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		must(t, err)
		if !filepath.IsLocal(h.Name) {
			t.Fatalf("%s holds a file outside of itself", path)
		}
		text, err := io.ReadAll(r)
		must(t, err)
		to := filepath.Join(root, h.Name)
		must(t, os.MkdirAll(filepath.Dir(to), 0o700))
		must(t, os.WriteFile(to, text, 0o600))
	}
}
