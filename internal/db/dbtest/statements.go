package dbtest

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"strongroom/internal/db"
)

// Statement is one SQL constant and where it is used.
type Statement struct {
	Package string // folder relative to the root
	File    string
	Line    int
	SQL     string
}

// String names the place.
func (s Statement) String() string { return s.File + ":" + strconv.Itoa(s.Line) }

// Statements collects the SQL constants that the Go files under root pass to
// Query, QueryRow, Exec, Batch and Queue. Tests, testdata and package db itself,
// whose statements belong to one engine each, are left out.
func Statements(t testing.TB, root string) []Statement {
	t.Helper()
	var all []Statement
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		switch name := e.Name(); {
		case path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case strings.HasSuffix(filepath.ToSlash(path), "internal/db"):
			return fs.SkipDir
		}
		found, err := scanFolder(root, path)
		all = append(all, found...)
		return err
	})
	if err != nil {
		t.Fatalf("scan %s: %v", root, err)
	}
	return all
}

// scanFolder collects the statements of one package.
func scanFolder(root, dir string) ([]Statement, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	constants := make(map[string]ast.Expr)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
				noteConstants(d, constants)
			}
			return true
		})
	}
	var found []Statement
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || !takesSQL(call.Fun) {
				return true
			}
			sql, ok := textOf(call.Args[0], constants, 0)
			if !ok || !looksLikeSQL(sql) {
				return true
			}
			pos := fset.Position(call.Args[0].Pos())
			found = append(found, Statement{Package: rel(root, dir), File: rel(root, pos.Filename), Line: pos.Line, SQL: sql})
			return true
		})
	}
	return found, nil
}

func rel(root, path string) string {
	if r, err := filepath.Rel(root, path); err == nil {
		return filepath.ToSlash(r)
	}
	return path
}

func noteConstants(d *ast.GenDecl, constants map[string]ast.Expr) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range v.Names {
			if i < len(v.Values) {
				constants[name.Name] = v.Values[i]
			}
		}
	}
}

func takesSQL(fun ast.Expr) bool {
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch sel.Sel.Name {
	case "Query", "QueryRow", "Exec", "Batch", "Queue":
		return true
	}
	return false
}

// textOf evaluates a constant text: literals, names of constants, and sums.
func textOf(e ast.Expr, constants map[string]ast.Expr, depth int) (string, bool) {
	if depth > 20 {
		return "", false
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.ParenExpr:
		return textOf(e.X, constants, depth+1)
	case *ast.Ident:
		if v, ok := constants[e.Name]; ok {
			return textOf(v, constants, depth+1)
		}
	case *ast.BinaryExpr:
		a, ok1 := textOf(e.X, constants, depth+1)
		b, ok2 := textOf(e.Y, constants, depth+1)
		return a + b, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}

func looksLikeSQL(s string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	word, _, _ = strings.Cut(word, "\n")
	switch strings.ToLower(word) {
	case "select", "insert", "update", "delete", "with", "values", "replace", "create", "drop", "alter", "merge":
		return true
	}
	return false
}

// PrepareAll fails the test for each statement the engine of d does not
// understand.
func PrepareAll(t testing.TB, d *db.DB, statements []Statement) {
	t.Helper()
	for _, s := range statements {
		if err := d.Prepare(context.Background(), s.SQL); err != nil {
			t.Errorf("%s: %s does not understand this statement: %v", s, d.Engine(), err)
		}
	}
}

// Parity fails the test for each table and column of schemas that the engines
// do not have in common, or not with the same kind of type and the same rule
// about null.
func Parity(t testing.TB, schemas ...db.Schema) {
	t.Helper()
	for _, line := range Differences(Columns(t, db.SQLite, schemas...), Columns(t, db.Postgres, schemas...)) {
		t.Error(line)
	}
}

// Columns returns the columns that schemas make on the engine.
func Columns(t testing.TB, engine db.Engine, schemas ...db.Schema) []db.Column {
	t.Helper()
	columns, err := NewOn(t, engine, schemas...).Columns(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// Differences says in sentences what two sets of columns do not share.
func Differences(sqlite, postgres []db.Column) []string {
	type name struct{ table, column string }
	index := make(map[name]db.Column)
	for _, c := range postgres {
		index[name{c.Table, c.Name}] = c
	}
	var lines []string
	for _, a := range sqlite {
		n := name{a.Table, a.Name}
		b, ok := index[n]
		delete(index, n)
		switch {
		case !ok:
			lines = append(lines, fmt.Sprintf("%s.%s is missing on postgres", a.Table, a.Name))
		case a.Type != b.Type:
			lines = append(lines, fmt.Sprintf("%s.%s is %s on sqlite and %s on postgres", a.Table, a.Name, a.Type, b.Type))
		case a.NotNull != b.NotNull:
			lines = append(lines, fmt.Sprintf("%s.%s may be null on one engine only", a.Table, a.Name))
		}
	}
	for n := range index {
		lines = append(lines, fmt.Sprintf("%s.%s is missing on sqlite", n.table, n.column))
	}
	return lines
}
