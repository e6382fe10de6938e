package app_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/federation/optest"
)

// signOnFile writes a configuration with one provider, some of whose settings are
// others, and returns its data folder and its path.
func signOnFile(t *testing.T, head string, settings map[string]string) (dir, file string) {
	t.Helper()
	base := t.TempDir()
	dir, file = filepath.Join(base, "data"), filepath.Join(base, "c.yaml")
	all := map[string]string{
		"name": "company", "issuer": "https://login.kitchen.example", "client_id": "strongroom", "domains": "[kitchen.example]", "amr": "[[mfa]]",
	}
	maps.Copy(all, settings)
	text := head + "root: {file: " + dir + ".root/root.key}\nsign_on:\n  providers:\n    -"
	mappings := all["mappings"]
	delete(all, "mappings")
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if all[k] != "" {
			text += " " + k + ": " + all[k] + "\n     "
		}
	}
	if err := os.WriteFile(file, []byte(strings.TrimRight(text, " ")+mappings), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

const publicly = "environment: production\npublic_url: https://vault.kitchen.example\n"

// TestSignOnConfigRefusesTheUnsafe: what could let somebody else in does not start,
// and says what to write.
func TestSignOnConfigRefusesTheUnsafe(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("Sesam-4711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("Sesam-4711\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, head string
		settings   map[string]string
		want       string
	}{
		{"safe", publicly, nil, ""},
		{"with a secret", publicly, map[string]string{"client_secret_file": secret, "label": "Kitchen account", "max_age": "1h"}, ""},
		{"no address to come back to", "environment: production\n", nil, "public_url: "},
		{"plain http", publicly, map[string]string{"issuer": "http://login.kitchen.example"}, "issuer: "},
		{"a name with a path", publicly, map[string]string{"name": "a/b"}, "name: company"},
		{"no client", publicly, map[string]string{"client_id": ""}, "client_id: "},
		{"no domains", publicly, map[string]string{"domains": ""}, "domains: "},
		{"no proof", publicly, map[string]string{"amr": ""}, "amr: [[mfa]]"},
		{"one factor", publicly, map[string]string{"amr": "[[pwd]]"}, "amr: [[mfa]]"},
		{"a day", publicly, map[string]string{"max_age": "24h"}, "max_age: 12h"},
		{"a secret in the file", publicly, map[string]string{"client_secret": "Sesam-4711"}, "cannot be read"},
		{"a secret others read", publicly, map[string]string{"client_secret_file": open}, "chmod 600 " + open},
		{"a secret that is not there", publicly, map[string]string{"client_secret_file": secret + "2"}, "client_secret_file"},
		{"no certificate", publicly, map[string]string{"ca_file": secret}, "PEM"},
		{"a label that ends a line", publicly, map[string]string{"label": `"a\nb"`}, "label"},
		{"a mapping to nowhere", publicly, map[string]string{"groups_claim": "groups", "mappings": "  mappings: [{source: other, group: g, role: owner, all_stores: true}]"}, "write source: "},
		{"a mapping without a claim", publicly, map[string]string{"mappings": "  mappings: [{source: company, group: g, role: owner, all_stores: true}]"}, "groups_claim: "},
		{"a mapping", publicly, map[string]string{"groups_claim": "groups", "mappings": "  mappings: [{source: company, group: g, role: owner, all_stores: true}]"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, file := signOnFile(t, c.head, c.settings)
			conf, err := app.LoadConfig(dir, file)
			if c.want == "" {
				text, shown := conf.Redacted()
				if err != nil || shown != nil || strings.Contains(text, "Sesam") {
					t.Errorf("%v, %v: %s", err, shown, text)
				}
				return
			}
			if !strongroom.IsKind(err, strongroom.Invalid) || !strings.Contains(err.Error(), c.want) || c.name != "a secret in the file" && strings.Contains(err.Error(), "Sesam") {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

// TestDoctorAsksProviders: a provider that is away or another issuer is found before
// somebody stands at the door.
func TestDoctorAsksProviders(t *testing.T) {
	op := optest.New(t, "jane@kitchen.example", "jane")
	secret, ca := op.Files(t)
	look := func(issuer string) app.Finding {
		t.Helper()
		dir, file := signOnFile(t, publicly, map[string]string{"issuer": issuer, "client_secret_file": secret, "ca_file": ca})
		list, err := app.Doctor(t.Context(), app.Options{Dir: dir, ConfigFile: file})
		n := slices.IndexFunc(list, func(f app.Finding) bool { return f.Check == "sign-on: company" })
		if err != nil || n < 0 {
			t.Fatalf("%+v, %v", list, err)
		}
		return list[n]
	}
	if f := look(op.URL); f.State != app.OK {
		t.Errorf("planted: a good one: %+v", f)
	}
	op.Says["claims_supported"] = []string{"sub", "email"}
	if f := look(op.URL); f.State != app.Warn || !strings.Contains(f.Found, "auth_time") {
		t.Errorf("claims that are missing: %+v", f)
	}
	if f := look(op.URL + "/other"); f.State != app.Fail {
		t.Errorf("not there: %+v", f)
	}
	op.Says["issuer"] = "https://login.elsewhere.example"
	if f := look(op.URL); f.State != app.Fail || f.Advice == "" {
		t.Errorf("another issuer: %+v", f)
	}
}
