package db_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyConstantSQLCompiles builds small packages that exist only in an
// overlay, so that the real compiler answers.
func TestOnlyConstantSQLCompiles(t *testing.T) {
	const frame = `package snippet

import "strongroom/internal/db"

const part = "select "

func f(r *db.Reader, s string) error {
	return r.QueryRow(EXPR).Scan(new(int64))
}
`
	for _, c := range []struct {
		expr string
		ok   bool
	}{
		{`"select 1"`, true},
		{`part + "1"`, true},
		{`s`, false},
		{`"select " + s`, false},
		{`db.text(s)`, false},
	} {
		dir := t.TempDir()
		source := filepath.Join(dir, "snippet.go")
		if err := os.WriteFile(source, []byte(strings.Replace(frame, "EXPR", c.expr, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		here, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
			filepath.Join(here, "zzsnippet", "snippet.go"): source,
		}})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "overlay.json")
		if err := os.WriteFile(file, overlay, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("go", "build", "-overlay", file, "./zzsnippet").CombinedOutput()
		if (err == nil) != c.ok {
			t.Errorf("QueryRow(%s): compiles is %v, want %v\n%s", c.expr, err == nil, c.ok, out)
		}
		if !c.ok && !strings.Contains(string(out), "text") {
			t.Errorf("QueryRow(%s) fails for another reason:\n%s", c.expr, out)
		}
	}
}
