package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/app"
)

func TestConfigRefusesTheUnsafe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	safe := "environment: test\nroot: {file: " + dir + ".root/root.key}\n"
	for _, c := range []struct{ name, text, want string }{
		{"safe", safe, ""},
		{"unknown key", safe + "tsl: off\n", "cannot be read"},
		{"no environment", "root: {file: /r}\n", "environment must be"},
		{"another environment", "environment: staging\n", "environment must be"},
		{"no root", "environment: test\n", "exactly one source"},
		{"two roots", safe + "root: {file: /r, credential: /c}\n", "cannot be read"},
		{"two sources", "environment: test\nroot: {file: /r, credential: /c}\n", "exactly one source"},
		{"keys inside", safe + "keys: " + dir + "/keys\n", "inside the data folder"},
		{"root inside", "environment: test\nroot: {file: " + dir + "/root.key}\n", "inside the data folder"},
		{"root beside keys", "environment: test\nroot: {file: " + dir + ".keys/root.key}\n", "lies beside the keys"},
		{"accepted", "environment: test\naccept_keys_inside: true\nroot: {file: " + dir + "/root.key}\n", ""},
		{"plain HTTP in production", "environment: production\ntls: off\nroot: {file: /r}\n", "tls may be off only"},
		{"plain HTTP reachable", safe + "tls: off\nlisten: 0.0.0.0:80\n", "tls may be off only"},
		{"plain HTTP on loopback in test", safe + "tls: off\nlisten: 127.0.0.1:80\n", ""},
		{"certificate missing", safe + "tls: file\n", "needs certificate"},
		{"metrics reachable", safe + "metrics: 10.0.0.1:9100\n", "loopback"},
		{"root credential inside", "environment: test\nroot: {credential: " + dir + "/cred}\n", "inside the data folder"},
		{"root credential beside keys", "environment: test\nroot: {credential: " + dir + ".keys/cred}\n", "lies beside the keys"},
		{"a negative epoch", safe + "epoch_length: -1h\n", "epoch_length"},
		{"an epoch of no time", safe + "epoch_length: 1ns\n", "epoch_length"},
		{"a negative budget", safe + "budgets: {records_per_day: -1}\n", "records_per_day"},
		{"a negative body", safe + "max_body: -1\n", "max_body"},
		{"password behind", "environment: production\nroot: {file: /r}\ndatabase: postgres://u@h/d?password=p\n", "holds a password"},
		{"another engine", safe + "database: mysql://x\n", "postgres:// URL"},
		{"retention above the policy", safe + "retention: {delivered: 31}\n", "at most 30 days"},
		{"shorter retention", safe + "retention: {delivered: 14, cancelled: 3}\n", ""},
		{"password in production", "environment: production\nroot: {file: /r}\ndatabase: postgres://u:p@h/d\n", "holds a password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := app.LoadConfig(dir, file)
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.want != "" && err == nil:
				t.Fatal("accepted")
			case c.want != "" && !strings.Contains(err.Error(), c.want):
				t.Fatalf("error %q, want %q in it", err, c.want)
			}
		})
	}
}

func TestConfigPrintsNoPassword(t *testing.T) {
	for _, url := range []string{"postgres://u:Sesam-4711@h/d", "postgres://u@h/d?sslmode=disable&password=Sesam-4711", "postgres://u@h/d?sslpassword=Sesam-4711"} {
		text, err := app.Config{Database: url}.Redacted()
		if err != nil || strings.Contains(text, "Sesam") || !strings.Contains(text, "xxxxx") {
			t.Errorf("%s is shown as %q, %v", url, text, err)
		}
	}
}

func TestConfigOfNoInstanceSaysWhatToType(t *testing.T) {
	_, err := app.LoadConfig(t.TempDir(), "")
	if !strongroom.IsKind(err, strongroom.NotFound) || !strings.Contains(err.Error(), "strongroom init --data") {
		t.Fatalf("error %v", err)
	}
}

func TestConfigComesBackAsWritten(t *testing.T) {
	dir := t.TempDir()
	c := app.Config{Environment: strongroom.Test, Root: app.RootConfig{File: filepath.Join(t.TempDir(), "root.key")}}
	if err := c.Check(dir); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := app.LoadConfig(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Redacted()
	if b, _ := got.Redacted(); a != b {
		t.Fatalf("wrote\n%s\nread\n%s", a, b)
	}
	if info, _ := os.Stat(filepath.Join(dir, app.ConfigName)); info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
}

func TestLockHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	l, err := app.TakeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.TakeLock(dir); err != app.ErrLocked {
		t.Fatalf("a second owner: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if l, err = app.TakeLock(dir); err != nil {
		t.Fatal(err)
	}
	l.Release()
}
