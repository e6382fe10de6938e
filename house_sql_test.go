package strongroom_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sqlTable finds table names in SQL: package_noun after a keyword that names one.
var sqlTable = regexp.MustCompile(`(?i)\b(?:from|into|update|join|table(?: if not exists)?)\s+([a-z]+)_([a-z_]+)\b`)

// foreignTables returns the tables in text that package owner does not own.
func foreignTables(owner, text string) []string {
	var bad []string
	for _, m := range sqlTable.FindAllStringSubmatch(text, -1) {
		prefix := strings.ToLower(m[1])
		if prefix != owner && prefix != "sqlite" && prefix != "pg" && prefix != "information" && prefix != "pragma" {
			bad = append(bad, m[1]+"_"+m[2])
		}
	}
	return bad
}

func looksLikeSQL(s string) bool {
	f := strings.Fields(strings.ToLower(s))
	if len(f) < 3 {
		return false
	}
	switch f[0] {
	case "select", "insert", "update", "delete", "with", "create", "alter", "drop":
		return strings.ContainsAny(s, "$*=,(") && sqlTable.MatchString(s)
	}
	return false
}

func TestHouseTablesHaveOneOwner(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if s.test || isAside(s.pkg) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || !looksLikeSQL(text) {
				return true
			}
			seen++
			for _, table := range foreignTables(last(s.pkg), text) {
				t.Errorf("%s: names table %s: a table is named only in the package that owns it", s.path, table)
			}
			return true
		})
	}
	if seen < 10 {
		t.Errorf("only %d statements were found: the check looks in the wrong place", seen)
	}
	if len(foreignTables("vault", "select x from keys_data where a = $1")) == 0 {
		t.Error("the check does not notice vault reading a table of keys")
	}
}

var foreignKey = regexp.MustCompile(`(?i)\breferences\s+[a-z_]+\s*\(`)

func TestHouseSchemasNameOwnTables(t *testing.T) {
	schemas, err := filepath.Glob("internal/*/schema/*.sql")
	if err != nil || len(schemas) < 4 {
		t.Fatalf("%d schema files, %v", len(schemas), err)
	}
	for _, path := range schemas {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		owner := pkgOf(filepath.Dir(path))
		for _, table := range foreignTables(owner, string(text)) {
			t.Errorf("%s names table %s, which package %s does not own", path, table, owner)
		}
		if foreignKey.Match(text) {
			t.Errorf("%s has a foreign key: none crosses packages, and none is needed inside one", path)
		}
		if strings.HasSuffix(path, ".sqlite.sql") && strings.Count(strings.ToLower(string(text)), "create table") != strings.Count(strings.ToLower(string(text)), "strict") {
			t.Errorf("%s has a table that is not STRICT", path)
		}
	}
}

// sprintfNearSQL finds SQL made at run time. The engine's methods take constants
// only, so this guards what slips past them: drivers used directly.
var sprintfNearSQL = regexp.MustCompile(`(?i)Sprintf\([^)]*"(?:select|insert|update|delete|create|drop|alter)\s`)

func TestHouseNoRunTimeSQL(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && !isAside(s.pkg) && sprintfNearSQL.MatchString(s.text) {
			t.Errorf("%s builds SQL with Sprintf: SQL is a constant", s.path)
		}
	}
	if !sprintfNearSQL.MatchString(`fmt.Sprintf("select %s", x)`) {
		t.Error("the check does not notice a planted Sprintf")
	}
}

// machinePath finds paths of a developer's machine and working papers.
var machinePath = regexp.MustCompile(`/(?:work|root)/[a-z]|\.\./shared`)

func TestHouseStandsAlone(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && (d.Name() == ".git" || d.Name() == "bin") {
				return filepath.SkipDir
			}
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() > 1<<20 || path == "house_sql_test.go" || path == ".git" { // a file in a second work tree
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if m := machinePath.Find(text); m != nil {
			t.Errorf("%s names %q: the project stands alone and names no path of a machine", path, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !machinePath.MatchString("see ../shared/design") {
		t.Error("the check does not notice a planted path")
	}
}
