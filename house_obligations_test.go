package strongroom_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// carried are the obligations of the EcartAPI Data Protection Policy that the
// product carries today, by their stable ids.
var carried = []string{
	"2.1.2", "2.1.5", "2.1.6", "2.2.1", "2.2.2", "2.2.3", "2.2.4", "2.2.5", "2.2.6", "2.2.9", "2.2.10", "2.2.11", "2.2.12",
	"2.3.1", "2.3.2", "2.3.3", "2.4.1", "2.4.2", "2.4.3", "2.4.4", "2.4.5", "2.4.6", "2.4.7", "2.4.8", "2.4.9", "2.5.1",
	"2.8.1", "2.8.2", "3.0.1", "3.1.1", "3.1.2", "3.1.3", "3.1.5", "3.2.7", "3.2.13", "3.4.1", "3.4.2", "3.4.3", "3.5.3", "3.6.2", "3.6.5", "3.6.6", "3.6.7",
}

var obligationTest = regexp.MustCompile(`(?m)^func TestObligation_(\d+)_(\d+)_(\d+)(?:_|\()`)

func TestHouseObligationsHaveTests(t *testing.T) {
	found := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, m := range obligationTest.FindAllStringSubmatch(s.text, -1) {
			found[m[1]+"."+m[2]+"."+m[3]] = true
		}
	}
	for _, id := range carried {
		if !found[id] {
			t.Errorf("obligation %s has no test: name one TestObligation_%s", id, strings.ReplaceAll(id, ".", "_"))
		}
	}
}

// TestHouseDependencies compares the modules linked into the binary with the
// list in docs/dependencies.md: a new one is a decision somebody writes down.
func TestHouseDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/strongroom").Output()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{}
	for _, m := range strings.Fields(string(out)) {
		if m != "strongroom" {
			linked[m] = true
		}
	}
	for m := range linked {
		if !strings.Contains(string(doc), "`"+m+"`") {
			t.Errorf("module %s is linked into the binary and missing in docs/dependencies.md: add it with its reason", m)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		if !linked[row[1]] {
			t.Errorf("docs/dependencies.md lists %s, which is not linked into the binary", row[1])
		}
	}
}
