package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/api"
	"strongroom/internal/authz"
	"strongroom/internal/connect"
	"strongroom/internal/device"
	"strongroom/internal/document"
	"strongroom/internal/erasure"
	"strongroom/internal/federation"
	"strongroom/internal/gateway"
	"strongroom/internal/identity"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/message"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/review"
	"strongroom/internal/route"
	"strongroom/internal/session"
	"strongroom/internal/vault"
	"strongroom/internal/webhook"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the table of routes says; if it should be: go test ./internal/api -update", path)
	}
}

func TestDocuments(t *testing.T) {
	golden(t, filepath.Join("testdata", "openapi.json"), api.Document("golden"))
	golden(t, filepath.Join("..", "..", "docs", "api.md"), api.Docs())
}

// Every action of the table is one the policies know and some package declares
// with its place in OCSF. Cedar's schema holds exactly authz's table, by its own
// test.
func TestActionsExist(t *testing.T) {
	mapped := map[string]bool{}
	for _, table := range [][]strongroom.Action{vault.Actions(), lifecycle.Actions(), identity.Actions(), logbook.Actions(), jobs.Actions(), keys.Actions(),
		people.Actions(), device.Actions(), session.Actions(), access.Actions(), policy.Actions(), federation.Actions(), erasure.Actions(), connect.Actions(), review.Actions(), webhook.Actions(), gateway.Actions(), route.Actions(), document.Actions(), message.Actions(),
		{{Name: "sync.run"}, {Name: "clock.set"}}} { // of intake and audit, which have their own tests
		for _, a := range table {
			mapped[a.Name] = true
		}
	}
	unknown := func(action string) bool { return !authz.Known(action) || !mapped[action] }
	for _, rt := range api.Routes() {
		if rt.Public || rt.Anyone {
			if rt.Action != "" {
				t.Errorf("%s %s asks for %s and is for anyone", rt.Method, rt.Path, rt.Action)
			}
			continue
		}
		if unknown(rt.Action) {
			t.Errorf("%s %s: nobody knows the action %q", rt.Method, rt.Path, rt.Action)
		}
	}
	if !unknown("record.steal") {
		t.Error("the check finds nothing")
	}
}

// The document is whole: every reference leads somewhere, every name in a path
// is described, operation ids are one each.
func TestOpenAPI(t *testing.T) {
	text := api.Document("x")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name, In string }
			Responses   map[string]any
		}
		Components map[string]map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %s", doc.OpenAPI)
	}
	seen, n := map[string]bool{}, 0
	for path, ops := range doc.Paths {
		for method, op := range ops {
			n++
			if seen[op.OperationID] {
				t.Errorf("%s %s: operation id %s twice", method, path, op.OperationID)
			}
			seen[op.OperationID] = true
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				found := false
				for _, p := range op.Parameters {
					found = found || p.In == "path" && p.Name == m[1]
				}
				if !found {
					t.Errorf("%s %s does not describe %s", method, path, m[1])
				}
			}
		}
	}
	if n != len(api.Routes()) {
		t.Errorf("%d operations for %d routes", n, len(api.Routes()))
	}
	for _, ref := range regexp.MustCompile(`"#/components/(\w+)/(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		if doc.Components[ref[1]][ref[2]] == nil {
			t.Errorf("a reference leads nowhere: %s", ref[0])
		}
	}
}

// A door may not hold what opens a transaction or a seal.
func TestDoorImports(t *testing.T) {
	forbidden := func(text string) string {
		for _, p := range []string{"db", "seal", "authz", "guard", "audit"} {
			if strings.Contains(text, `"strongroom/internal/`+p+`"`) {
				return p
			}
		}
		return ""
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if p := forbidden(string(text)); p != "" {
			t.Errorf("%s imports %s", name, p)
		}
	}
	if forbidden(`import "strongroom/internal/guard"`) == "" {
		t.Error("the check finds nothing")
	}
}
