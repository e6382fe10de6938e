package strongroom_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"strongroom/internal/classify"
)

// spoken are the functions whose literals a caller reads in a problem.
var spoken = map[string]bool{"Faultf": true, "Advise": true, "refusal": true, "refuse": true}

// unspeakable lists the literals of faults that the detector takes for personal
// data: they leave as the bare kind of the fault, which tells a caller nothing.
func unspeakable(fset *token.FileSet, file *ast.File) (out []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !spoken[called(call)] {
			return true
		}
		for _, arg := range call.Args {
			lit, ok := arg.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				continue
			}
			text, err := strconv.Unquote(lit.Value)
			if what, found := classify.Has([]byte(text)); err != nil || found {
				out = append(out, fmt.Sprintf("%s: %v in the words of a fault", fset.Position(lit.Pos()), what))
			}
		}
		return true
	})
	return out
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// TestHouseFaultsSpeak holds that no fault gives an example its own door would
// take for somebody's data and leave out.
func TestHouseFaultsSpeak(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || isAside(s.pkg) {
			continue
		}
		for _, f := range unspeakable(s.fset, s.file) {
			t.Error(f)
		}
	}

	planted := `package p
var a = strongroom.Faultf(strongroom.Invalid, "x", "write it such as 192.0.2.0/24")
var b = x.Advise("write it as name@example.com")
var c = refusal("x", "an address and /32")`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", planted, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found := unspeakable(fset, file); len(found) != 2 {
		t.Errorf("of two planted literals these are found: %v", found)
	}
}
