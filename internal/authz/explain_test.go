package authz_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
)

// printer is a policy of an operator's own.
const printer = `@id("own/no-phones")
@says("the label printer opens no phone numbers")
forbid (principal, action == Action::"record.reveal", resource in Store::"str_labels")
when { context has classes && context.classes.contains("phone") };`

// TestExplanations answers ten questions in production. Each question is a file,
// each answer a golden one beside it.
func TestExplanations(t *testing.T) {
	e := engine(t, strongroom.Production, own(printer)...)
	questions, err := filepath.Glob("testdata/explain/*.case")
	if err != nil || len(questions) != 10 {
		t.Fatalf("%d questions, %v", len(questions), err)
	}
	for _, path := range questions {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		results, err := e.Test(text)
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: %v", path, err)
		}
		if !results[0].OK {
			t.Errorf("%s is answered otherwise: %s", path, results[0].Got)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".case") + ".golden"
		golden(t, filepath.Join("explain", name), results[0].Case.Name+"\n"+results[0].Got.String())
	}
}

// An explanation holds names and conditions of policies, never a value that the
// request carries.
func TestExplanationRepeatsNothing(t *testing.T) {
	e := engine(t, strongroom.Production)
	for _, role := range authz.Roles() {
		for _, a := range authz.Actions() {
			r := request(role, a.Name)
			r.Resource.ID, r.Reference = "Jane-Doe-Value", "Jane-Doe-Value"
			r.Resource.Attrs = map[string]any{"kind": "Jane-Doe-Value"}
			x := e.Explain(r)
			if strings.Contains(x.String(), "Jane-Doe") || strings.Contains(x.String(), r.Actor.ID) || x.Text == "" {
				t.Fatalf("%s %s: %s", role, a.Name, x)
			}
		}
	}
}
