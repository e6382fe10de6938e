package authz

import (
	"bytes"
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
	if own {
		if line := oversized(f.Text); line > 0 {
			return []Problem{{File: f.Name, Line: line, What: "a policy has more than " + strconv.Itoa(maxTokens) + " words and signs, or a file more than " + strconv.Itoa(maxPolicies) + " policies"}}
		}
	}
	ps, err := parse(f)
	if err != nil {
		what := err.Error()
		if cause := errors.Unwrap(err); cause != nil {
			what = cause.Error()
		}
		return []Problem{{File: f.Name, Line: lineIn(what), What: what}}
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
		if err := v.Policy(p.id, oneAction(tree)); err != nil {
			out = append(out, Problem{f.Name, line, p.id, err.Error()})
		}
		if !rolesKnown(tree) {
			out = append(out, Problem{f.Name, line, p.id, "a role is not one of " + strings.Join(Roles(), ", ")})
		}
	}
	return out
}

// lineIn returns the line that the parser says in its words, 0 if it says none: its
// error carries no place by itself.
func lineIn(what string) int {
	_, rest, _ := strings.Cut(what, "<input>:")
	digits, _, _ := strings.Cut(rest, ":")
	line, err := strconv.Atoi(digits)
	if err != nil || line < 0 {
		return 0
	}
	return line
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

// oneAction returns the policy for one of the actions its scope names. The schema
// gives each action the same principals, resources and context, so what is right
// for one is right for all; only a condition may tell them apart. Checked for one
// action, a policy takes a hundredth of the time.
func oneAction(p *ast.Policy) *ast.Policy {
	names, exact := actionsOf(p.Action)
	if !exact || len(names) < 2 || mentionsAction(p) {
		return p
	}
	q := *p
	q.Action = ast.ScopeTypeEq{Entity: types.NewEntityUID("Action", types.String(names[0]))}
	return &q
}

func mentionsAction(p *ast.Policy) (found bool) {
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			v, is := n.(ast.NodeTypeVariable)
			found = found || is && v.Name == "action"
			return !found
		})
	}
	return found
}

// Bounds of what is parsed: parser and validator call themselves for each level
// of a policy, and a text of nothing but brackets would exhaust them.
const (
	maxTokens   = 2000 // of a policy
	maxPolicies = 5000 // of a file
)

// oversized returns the line at which a policy or a file goes beyond its bounds,
// 0 if none does. It reads comments, strings and words as the parser does.
func oversized(text []byte) int {
	line, tokens, policies := 1, 0, 0
	word := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch rest := text[i:]; {
		case c == '\n':
			line++
			word = false
			continue
		case c == ' ' || c == '\t' || c == '\r':
			word = false
			continue
		case bytes.HasPrefix(rest, []byte("//")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				return 0
			}
			i, word = i+n-1, false
			continue
		case bytes.HasPrefix(rest, []byte("/*")):
			n := bytes.Index(rest[2:], []byte("*/"))
			if n < 0 {
				return 0
			}
			line += bytes.Count(rest[:n], []byte("\n"))
			i, word = i+n+3, false
			continue
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			word = false
		case isWord(c):
			if word {
				continue
			}
			word = true
		default:
			word = false
		}
		if tokens++; c == ';' {
			tokens, policies = 0, policies+1
		}
		if tokens > maxTokens || policies > maxPolicies {
			return line
		}
	}
	return 0
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
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
