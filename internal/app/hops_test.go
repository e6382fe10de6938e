package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/app"
)

// TestObligation_2_5_3 writes configurations with a way that is not encrypted, or that
// proves nobody: each is refused at the start with the line to write instead.
func TestObligation_2_5_3(t *testing.T) {
	for _, v := range []string{"PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE"} {
		t.Setenv(v, "")
	}
	const production, test = "environment: production\n", "environment: test\n"
	const root = "root: {file: /r}\n"
	for _, c := range []struct{ name, text, want string }{
		{"database without a mode", production + root + "database: postgres://u@db.example.com/d\n", "sslmode=verify-full"},
		{"database in plain text", production + root + "database: postgres://u@db.example.com/d?sslmode=disable\n", "sslmode=verify-full"},
		{"database that proves nobody", production + root + "database: postgres://u@db.example.com/d?sslmode=require\n", "sslmode=verify-full"},
		{"database of a test instance", test + root + "database: postgres://u@db.example.com/d?sslmode=disable\n", "sslmode=verify-full"},
		{"database over loopback in production", production + root + "database: postgres://u@127.0.0.1/d?sslmode=disable\n", "host=/var/run/postgresql"},
		{"EcartAPI", production + root + "ecartapi: http://api.example.com\n", "ecartapi: https://"},
		{"EcartAPI of a test instance", test + root + "ecartapi: http://api.example.com\n", "ecartapi: https://"},
		{"EcartAPI over loopback in production", production + root + "ecartapi: http://127.0.0.1:1\n", "ecartapi: https://"},
		{"EcartAPI with a password", production + root + "ecartapi: https://u:Sesam@api.example.com\n", "ecartapi: https://"},
		{"the page of EcartAPI", production + root + "ecartapi_oauth: http://oauth.example.com\n", "ecartapi_oauth: https://"},
		{"Transit", production + "root: {transit: {address: 'http://bao.example.com:8200', key: k, token_file: /t}}\n", "ca_file"},
		{"Transit over loopback in production", production + "root: {transit: {address: 'http://127.0.0.1:8200', key: k, token_file: /t}}\n", "ca_file"},
		{"our own listener", production + root + "tls: off\n", "tls may be off only"},
		{"metrics", production + root + "metrics: 0.0.0.0:9443\n", "loopback"},

		// The same keys, written well, are taken.
		{"all of it", production + "root: {transit: {address: 'https://bao.example.com:8200', key: k, token_file: /t}}\n" +
			"database: postgres://u@db.example.com/d?sslmode=verify-full\necartapi: https://api.example.com\necartapi_oauth: https://oauth.example.com\n", ""},
		{"a socket", production + root + "database: postgres:///d?host=/var/run/postgresql\n", ""},
		{"loopback in test", "environment: test\n" + root + "database: postgres://u@127.0.0.1/d?sslmode=disable\necartapi: http://127.0.0.1:1\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := app.LoadConfig(filepath.Join(t.TempDir(), "data"), file)
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("error %v, want %q in it", err, c.want)
			case err != nil && (strings.Contains(err.Error(), "Sesam") || strings.Contains(err.Error(), "example.com/d")):
				t.Fatalf("the error repeats the address: %v", err)
			}
		})
	}
}
