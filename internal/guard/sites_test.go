package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/guard"
)

// quietCalls returns package and reason of each call of a method Quiet or Look in
// a file; the reason is "?" where it is not a constant of package guard.
func quietCalls(file *ast.File) []string {
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Quiet" && sel.Sel.Name != "Look" {
			return true
		}
		reason := "?"
		if sel, ok := call.Args[1].(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "guard" {
				reason = sel.Sel.Name
			}
		}
		out = append(out, file.Name.Name+" "+reason)
		return true
	})
	return out
}

// TestStillSites: nobody asks the policies without a record but who is listed with its
// reason.
func TestStillSites(t *testing.T) {
	asks := func(file *ast.File) (n int) {
		ast.Inspect(file, func(node ast.Node) bool {
			if sel, ok := node.(*ast.SelectorExpr); ok && sel.Sel.Name == "Still" {
				n++
			}
			return true
		})
		return n
	}
	listed := map[string]int{
		"logbook": 1, // repeats what was recorded, and counts it
		"connect": 1, // has nothing looked up for who may not; that is recorded either way
		"route":   1, // says less in a refusal, which is recorded either way
	}
	found := map[string]int{}
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		found[f.Name.Name] += asks(f)
		if n := found[f.Name.Name]; n > listed[f.Name.Name] {
			t.Errorf("%s asks the policies without a record", path)
		}
		return nil
	})
	for pkg, n := range listed {
		if found[pkg] != n {
			t.Errorf("%s asks %d times", pkg, found[pkg])
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// TestQuietSites: no package works quietly that is not listed with its reason.
func TestQuietSites(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range guard.Sites() {
		if s.Why == "" || s.Reason.String() == "none" {
			t.Errorf("site %+v has no reason", s)
		}
		listed[s.Package+" "+s.Reason.String()] = true
	}
	files := 0
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		files++
		for _, site := range quietCalls(f) {
			if !listed[site] {
				t.Errorf("%s: package and reason %q are not in the list of quiet work", path, site)
			}
		}
		return nil
	})
	if err != nil || files < 10 {
		t.Fatalf("%d files, %v", files, err)
	}
	// Planted: a package that is not listed, and a reason that is made up.
	f, err := parser.ParseFile(fset, "x.go", `package shop
		func f(g *guard.Guard) { g.Quiet(ctx, guard.Lease, nil); g.Look(ctx, why, nil) }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := quietCalls(f)
	if len(got) != 2 || got[0] != "shop Lease" || got[1] != "shop ?" || listed[got[0]] || listed[got[1]] {
		t.Errorf("the check does not notice planted sites: %v", got)
	}
}
