package authz_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"strongroom/internal/authz"
)

// unasked are actions that are recorded and never asked of a policy, with the
// reason.
var unasked = map[string]string{
	"guard.undecided": "what the guard records of work that asked nothing",
	"guard.refused":   "what the guard records of work that failed before it asked",
	"door.refuse":     "callers nobody knows have no principal to ask about",

	"certificate.take": "nobody asks for it: the server looks at its own certificate",
}

// namedActions returns the names in literals of the type Action.
func namedActions(file *ast.File) []string {
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if sel, ok := lit.Type.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Action" {
			return true
		}
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if key, ok := kv.Key.(*ast.Ident); !ok || key.Name != "Name" {
				continue
			}
			if v, ok := kv.Value.(*ast.BasicLit); ok {
				name, _ := strconv.Unquote(v.Value) // a literal the parser took
				out = append(out, name)
			}
		}
		return true
	})
	return out
}

// TestActionsOfTheHouse: every action a package declares is one the policies
// know, so that none is denied by a misspelling.
func TestActionsOfTheHouse(t *testing.T) {
	fset := token.NewFileSet()
	seen := 0
	check := func(path string, f *ast.File) (bad []string) {
		for _, name := range namedActions(f) {
			seen++
			if !authz.Known(name) && unasked[name] == "" {
				bad = append(bad, name)
			}
		}
		return bad
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		for _, name := range check(path, f) {
			t.Errorf("%s: action %q is not in the table of the policies", path, name)
		}
		return nil
	})
	if err != nil || seen < 3 {
		t.Fatalf("%d actions, %v", seen, err)
	}
	f, err := parser.ParseFile(fset, "x.go", `package x; var a = strongroom.Action{Name: "record.raed"}`, 0)
	if err != nil || len(check("x.go", f)) != 1 {
		t.Errorf("the check does not notice a misspelt action: %v", err)
	}
}
