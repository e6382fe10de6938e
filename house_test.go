package strongroom_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// floors is the house: a package may import only packages on a strictly lower
// floor. Not its own floor, never up; so there are no cycles, and when two
// neighbours need each other the noun is in the wrong place.
var floors = map[string]int{
	"": 0, "seal": 0, "tlog": 0, "classify": 0,
	"db": 1, "authz": 1, "web": 1, "fieldmap": 1, "password": 1, "factor": 1, "signal": 1, "handshake": 1, "acme": 2,
	"egress": 1, "jwe": 1,
	"audit": 2,
	"guard": 3,
	"keys":  4, "jobs": 4, "logbook": 4,
	"vault": 5, "identity": 5, "people": 5, "device": 5, "policy": 5,
	"intake": 6, "lifecycle": 6, "session": 6, "access": 6, "detect": 6, "document": 6, "message": 6,
	"federation": 7, "review": 7, "erasure": 7, "gateway": 7, "webhook": 7, "route": 7,
	"connect": 7,
	"api":     8, "scim": 8, "console": 8, "sftp": 8,
	"app": 9,
	// cmd is the street in front of the house; demo, bench and drills look at it
	// from outside like any client.
	"cmd/strongroom": 10,
}

// aside are packages that stand beside the house. Production code of the house
// never imports them, with the exceptions given and their reason.
var aside = map[string]string{
	"sim":       "the EcartAPI simulator imports nothing of the house",
	"dbtest":    "throw-away databases for tests",
	"guardtest": "a guard over a throw-away database, for tests",
	"keystest":  "the conformance suite of the KMS port",
	"acmetest":  "an authority that speaks ACME in the process of a test",
	"optest":    "an OpenID provider in the process of a test",
	"apptest":   "the whole system in a test",
	"bench":     "the floor and the product, measured side by side",
	"demo":      "the main job as a guided tour",
}

// outside lists, for packages that must stay narrow, what they may import from
// outside the standard library.
var outside = map[string][]string{
	"":         {},
	"seal":     {"golang.org/x/crypto"},
	"tlog":     {"golang.org/x/mod"},
	"classify": {"github.com/nyaruka/phonenumbers", "golang.org/x/text", "golang.org/x/net"},
	"password": {"golang.org/x/text"},
	"signal":   {},
	"factor":   {"github.com/pquerna/otp", "github.com/go-webauthn/webauthn"},
	"fieldmap": {"github.com/goccy/go-yaml"},
	"egress":   {},
	"db":       {"modernc.org/sqlite", "github.com/jackc/pgx"},
	"authz":    {"github.com/cedar-policy/cedar-go"},
	"audit":    {},
	"guard":    {},
	"vault":    {},
	"api":      {"github.com/prometheus/client_golang"},
	"sim":      {},

	"handshake": {"golang.org/x/crypto"},
	"acme":      {"golang.org/x/crypto"},
}

// doorsMayNot keeps doors thin: they cannot open a transaction or a seal even by
// mistake.
var doorsMayNot = []string{"db", "seal", "authz", "guard"}

type source struct {
	pkg  string // "vault", "cmd/strongroom", "" for the root
	path string
	test bool
	fset *token.FileSet
	file *ast.File
	text string
}

// pkgOf names the package a file belongs to: "" for the root, the folder below
// internal, or the folder's path.
func pkgOf(path string) string {
	dir := filepath.ToSlash(filepath.Dir(path))
	if dir == "." {
		return ""
	}
	return strings.TrimPrefix(dir, "internal/")
}

// last is the last element of a package path.
func last(pkg string) string { return pkg[strings.LastIndex(pkg, "/")+1:] }

func isAside(pkg string) bool {
	for _, part := range strings.Split(pkg, "/") {
		if _, ok := aside[part]; ok {
			return true
		}
	}
	return false
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{pkgOf(path), path, strings.HasSuffix(path, "_test.go"), fset, file, string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("only %d source files were found: the house test looks in the wrong place", len(all))
	}
	return all
}

func imports(f *ast.File) []string {
	var paths []string
	for _, im := range f.Imports {
		paths = append(paths, strings.Trim(im.Path.Value, `"`))
	}
	return paths
}

// ours returns the package of this module that path names.
func ours(path string) (string, bool) {
	if path == "strongroom" {
		return "", true
	}
	rest, ok := strings.CutPrefix(path, "strongroom/")
	return strings.TrimPrefix(rest, "internal/"), ok
}

func floorOf(pkg string) (int, bool) {
	for p := pkg; ; p = p[:strings.LastIndex(p, "/")] {
		if n, ok := floors[p]; ok && p != "" || pkg == "" {
			return n, true
		}
		if !strings.Contains(p, "/") {
			return 0, false
		}
	}
}

// climbs says what is wrong with package from importing package to, or "".
func climbs(from, to string) string {
	ff, ok := floorOf(from)
	if !ok {
		return "package " + from + " has no floor: give it one in floors, or a place in aside, with its reason"
	}
	ft, ok := floorOf(to)
	if isAside(to) {
		return "package " + from + " imports " + to + ", which stands beside the house and is not for production"
	}
	if !ok {
		return "package " + to + " has no floor"
	}
	if strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/") {
		return "" // a package and its leaf folders are one noun
	}
	if ft >= ff {
		return "package " + from + " must not import " + to + ": imports go strictly downward; move the noun down or declare a small port above"
	}
	return ""
}

func TestHouseFloors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || isAside(s.pkg) || s.pkg == "cmd/strongroom" {
			continue
		}
		for _, im := range imports(s.file) {
			to, ok := ours(im)
			if !ok {
				continue
			}
			if wrong := climbs(s.pkg, to); wrong != "" {
				t.Errorf("%s: %s", s.path, wrong)
			}
			if floors[s.pkg] == 8 && slices.Contains(doorsMayNot, to) {
				t.Errorf("%s: a door must not import %s: it could open a transaction or a seal", s.path, to)
			}
		}
	}
	// The planted negatives: the check itself can fail.
	for _, bad := range [][2]string{{"identity", "vault"}, {"db", "guard"}, {"vault", "sim"}, {"nowhere", "db"}} {
		if climbs(bad[0], bad[1]) == "" {
			t.Errorf("the floor check does not notice %s importing %s", bad[0], bad[1])
		}
	}
}

func TestHouseSimStandsAlone(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || last(s.pkg) != "sim" {
			continue
		}
		for _, im := range imports(s.file) {
			if to, ok := ours(im); ok {
				t.Errorf("%s imports %s: the simulator is the outside world and imports nothing of the house", s.path, to)
			}
		}
	}
}

func TestHouseOutsideImports(t *testing.T) {
	for _, s := range sources(t) {
		allowed, narrow := outside[s.pkg]
		if s.test || !narrow {
			continue
		}
		for _, im := range imports(s.file) {
			if _, ok := ours(im); ok || !strings.Contains(strings.Split(im, "/")[0], ".") {
				continue
			}
			if !slices.ContainsFunc(allowed, func(p string) bool { return im == p || strings.HasPrefix(im, p+"/") }) {
				t.Errorf("%s imports %s: package %s stays narrow; add it to outside with thought or go without", s.path, im, s.pkg)
			}
		}
	}
}

func TestHouseNoTestingInProduction(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || isAside(s.pkg) {
			continue
		}
		for _, im := range imports(s.file) {
			if im == "testing" || strings.HasPrefix(im, "testing/") && im != "testing/fstest" || im == "pgregory.net/rapid" {
				t.Errorf("%s imports %s: test code stays out of the binary", s.path, im)
			}
		}
	}
}

func TestHousePackageComments(t *testing.T) {
	comments, packages := map[string]int{}, map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		packages[s.pkg] = true
		if s.file.Doc != nil {
			comments[s.pkg]++
		}
	}
	for pkg := range packages {
		if comments[pkg] != 1 {
			t.Errorf("package %q has %d package comments: exactly one tells its story", pkg, comments[pkg])
		}
	}
}

func TestHouseFileSize(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > 500 && !strings.HasSuffix(s.path, ".gen.go") {
			t.Errorf("%s has %d lines: above 500 a noun is missing", s.path, n)
		}
	}
}

func TestHouseRootStaysSmall(t *testing.T) {
	n := 0
	for _, s := range sources(t) {
		if s.pkg == "" && !s.test {
			n++
		}
	}
	if n > 5 {
		t.Errorf("the root package has %d files: at most five hold the words every floor needs", n)
	}
}

// clocksAllowed are the packages where real time is right: leases, timeouts,
// TLS, batching, and the outside.
var clocksAllowed = map[string]string{
	"":               "the clock itself",
	"db":             "timeouts and reconnects",
	"guard":          "the time limit of a turn",
	"web":            "TLS and timeouts",
	"jobs":           "leases use real time",
	"keys":           "leases and back-off towards a KMS",
	"audit":          "the sealer's interval",
	"intake":         "Retry-After and back-off",
	"gateway":        "timeouts and the circuit of a platform that fails",
	"app":            "start-up and stop",
	"api":            "request durations",
	"sftp":           "the limit of a source",
	"identity":       "token buckets and cache ages",
	"cmd/strongroom": "progress and rates shown to a person",
}

var initOrNow = regexp.MustCompile(`(?m)^func init\(\)|\btime\.Now\(\)`)

func TestHouseNoInitNoNow(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || isAside(s.pkg) {
			continue
		}
		for _, m := range initOrNow.FindAllString(s.text, -1) {
			if strings.HasPrefix(m, "func init") {
				t.Errorf("%s has an init function: wire by hand in app", s.path)
			} else if _, ok := clocksAllowed[strings.TrimPrefix(s.pkg, "/")]; !ok {
				t.Errorf("%s calls time.Now: rules take the transaction's instant or the Clock", s.path)
			}
		}
	}
	if len(initOrNow.FindAllString("func init() {\n\tx := time.Now()", -1)) != 2 {
		t.Error("the check does not notice a planted init and time.Now")
	}
}

func TestHouseNoMutableGlobals(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || isAside(s.pkg) {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) == 0 && v.Names[0].Name != "_" && !embedded(g, v) {
					t.Errorf("%s: variable %s has no value: package state is wired by hand in app", s.path, v.Names[0].Name)
				}
			}
		}
	}
}

func embedded(g *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{g.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed") {
				return true
			}
		}
	}
	return false
}
