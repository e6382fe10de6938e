package authz

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"strongroom"
)

// Load reads the policy files (*.cedar) of a folder, in order of their names.
// Other files and folders inside are left alone.
func Load(fsys fs.FS) ([]File, error) {
	names, err := fs.Glob(fsys, "*.cedar")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	files := make([]File, 0, len(names))
	for _, n := range names {
		text, err := fs.ReadFile(fsys, n)
		if err != nil {
			return nil, strongroom.Faultf(strongroom.Unavailable, "policy", "a policy file cannot be read").Because(err)
		}
		files = append(files, File{Name: path.Base(n), Text: text})
	}
	return files, nil
}

// Shipped returns the policy files inside the binary and the schema, to be read
// by people and as a start for their own.
func Shipped() []File {
	return []File{shippedFile(schemaFile), shippedFile(guardsFile), shippedFile(rolesFile)}
}

// Problem is one thing wrong with a policy file.
type Problem struct {
	File   string
	Line   int    // 1 is the first; 0 if unknown
	Policy string // the policy's name, if it has got that far
	What   string
}

// String returns the problem on one line: file, line, policy, what is wrong.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
	}
	if p.Policy != "" {
		b.WriteString(": policy " + p.Policy)
	}
	return b.String() + ": " + p.What
}

// Check parses files and validates each policy against the schema, together
// with the shipped ones. None means that an Engine takes them.
func Check(files []File) []Problem {
	if len(files) == 0 {
		return nil // the shipped files are checked by a test, not at every start
	}
	v, err := validator()
	if err != nil {
		return []Problem{{File: schemaFile, What: err.Error()}}
	}
	var out []Problem
	seen := map[string]string{}
	all := withShipped(files)
	for i, f := range all {
		own := i >= len(all)-len(files)
		out = append(out, checkFile(v, f, own, seen)...)
	}
	return out
}

// checkFile checks one file. seen maps the names of policies to their files;
// a shipped file only adds its names to it.
func checkFile(v *validate.Validator, f File, own bool, seen map[string]string) []Problem {
	if own {
		if f.Name == guardsFile {
			return []Problem{{File: f.Name, What: "the shipped guards cannot be replaced; choose another name"}}
		}
		if !strings.HasSuffix(f.Name, ".cedar") {
			return []Problem{{File: f.Name, What: "the name of a policy file ends in .cedar"}}
		}
	}
	ps, err := parse(f)
	if err != nil {
		what := err.Error()
		if cause := errors.Unwrap(err); cause != nil {
			what = cause.Error()
		}
		return []Problem{{File: f.Name, What: what}}
	}
	var out []Problem
	for _, p := range ps {
		line := p.policy.Position().Line
		if other, twice := seen[p.id]; twice {
			out = append(out, Problem{f.Name, line, p.id, "the same name is used in " + other})
		}
		seen[p.id] = f.Name
		if !own {
			continue
		}
		tree := (*ast.Policy)(p.policy.AST())
		if err := v.Policy(p.id, tree); err != nil {
			out = append(out, Problem{f.Name, line, p.id, err.Error()})
		}
		if !rolesKnown(tree) {
			out = append(out, Problem{f.Name, line, p.id, "a role is not one of " + strings.Join(Roles(), ", ")})
		}
	}
	return out
}

// rolesKnown reports whether every role a policy names exists. The validator
// leaves the values of enumerations alone, and a role misspelt in a forbid would
// silently forbid nobody.
func rolesKnown(p *ast.Policy) bool {
	ok := true
	look := func(u types.EntityUID) {
		ok = ok && (u.Type != "Role" || slices.Contains(Roles(), string(u.ID)))
	}
	switch s := p.Principal.(type) {
	case ast.ScopeTypeEq:
		look(s.Entity)
	case ast.ScopeTypeIn:
		look(s.Entity)
	case ast.ScopeTypeIsIn:
		look(s.Entity)
	}
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			if v, is := n.(ast.NodeValue); is {
				if u, is := v.Value.(types.EntityUID); is {
					look(u)
				}
			}
			return true
		})
	}
	return ok
}

func validator() (*validate.Validator, error) {
	var s schema.Schema
	s.SetFilename(schemaFile)
	if err := s.UnmarshalCedar(shippedFile(schemaFile).Text); err != nil {
		return nil, err
	}
	r, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	return validate.New(r), nil
}
