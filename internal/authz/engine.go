package authz

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"strongroom"
)

//go:embed policies
var shipped embed.FS

// The shipped files. A file of the operator with the name of rolesFile replaces
// it; guardsFile is always there.
const (
	guardsFile = "guards.cedar"
	rolesFile  = "roles.cedar"
	schemaFile = "schema.cedarschema"
)

// File is one policy file in Cedar's own syntax.
type File struct {
	Name string // ends in .cedar; its stem begins the names of unnamed policies
	Text []byte
}

// Options says for which instance the engine decides.
type Options struct {
	// Environment is the instance's; empty means production, the stricter one.
	Environment strongroom.Environment
}

// Engine decides over one immutable snapshot of policies. Safe for concurrent
// use.
type Engine struct {
	env      strongroom.Environment
	digest   string
	all      []named           // in order of files, then of position
	byAction map[string]*slice // only the policies that can match an action
	contexts [contextSlots]types.Record
	ages     [contextSlots]atomic.Pointer[agedContexts]
	actors   map[actorKey]types.Record // attributes of principals by the usual doors
	things   map[string]types.Record   // attributes of records, by their kind
	verbs    map[string][]string       // by role; see Verbs
}

// named is a policy with its name and what it says in words.
type named struct {
	id     string
	says   string
	policy *cedar.Policy
	bare   *cedar.Policy    // its conditions; see bare
	thing  types.EntityType // the type of resource its scope asks for; empty: any
}

// New returns an engine over the shipped policies and files. Files are checked
// against the schema first (see [Check]); the error says what is wrong where.
func New(files []File, o Options) (*Engine, error) {
	if problems := Check(files); len(problems) > 0 {
		return nil, strongroom.Faultf(strongroom.Invalid, "policy", "%d problems in the policies, the first: %s", len(problems), problems[0]).
			Advise("run strongroom policy check")
	}
	return assemble(files, o)
}

// assemble builds an engine from files that parse.
func assemble(files []File, o Options) (*Engine, error) {
	if o.Environment == "" {
		o.Environment = strongroom.Production
	}
	e := &Engine{env: o.Environment}
	sum := sha256.New()
	for _, f := range append([]File{shippedFile(schemaFile)}, withShipped(files)...) {
		fmt.Fprintf(sum, "%d %s %d ", len(f.Name), f.Name, len(f.Text))
		sum.Write(f.Text)
		if f.Name == schemaFile {
			continue
		}
		ps, err := parse(f)
		if err != nil {
			return nil, err
		}
		e.all = append(e.all, ps...)
	}
	e.digest = hex.EncodeToString(sum.Sum(nil))
	e.verbs = verbsOf(e.all)
	e.index()
	e.prepare()
	return e, nil
}

// Digest names everything the engine decides by: the SHA-256 of the schema, the
// shipped files and the others, in hexadecimal. It is evidence of what was in
// force (DPP 2.3.1).
func (e *Engine) Digest() string { return e.digest }

// withShipped puts the guards first and the shipped roles second, unless files
// brings its own roles.
func withShipped(files []File) []File {
	out := []File{shippedFile(guardsFile)}
	own := slices.ContainsFunc(files, func(f File) bool { return f.Name == rolesFile })
	if !own {
		out = append(out, shippedFile(rolesFile))
	}
	return append(out, files...)
}

func shippedFile(name string) File {
	text, err := shipped.ReadFile("policies/" + name)
	if err != nil {
		panic("authz: shipped file missing: " + name) // the build embeds it; a test reads it
	}
	return File{Name: name, Text: text}
}

// parse returns the policies of f, named by their @id or by file and number.
func parse(f File) ([]named, error) {
	list, err := cedar.NewPolicyListFromBytes(f.Name, f.Text)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "policy", "policy file cannot be parsed").Because(err)
	}
	out := make([]named, len(list))
	stem := strings.TrimSuffix(f.Name, ".cedar")
	for i, p := range list {
		notes := p.Annotations()
		id := string(notes["id"])
		if id == "" {
			id = stem + "/" + strconv.Itoa(i+1)
		}
		// The name stands in every event the policy decides.
		if err := strongroom.CheckName("policy id", id); err != nil {
			return nil, err
		}
		out[i] = named{
			id: id, says: string(notes["says"]), policy: p, bare: bare(p),
			thing: thingOf((*ast.Policy)(p.AST()).Resource),
		}
	}
	return out, nil
}

// Request asks whether Actor may do Action to Resource.
type Request struct {
	Actor        strongroom.Actor
	Action       strongroom.Action
	Resource     strongroom.Resource
	Purpose      strongroom.Purpose // empty: none was given
	HasReference bool               // an order or case was named
	// Reference is the order or case in clear, to compare with those that the
	// actor's elevations were given for. No policy reads it and no decision holds it.
	Reference string
	// Now is the instant of the transaction, by the clock of the data: the context's
	// time, and when elevations end. Zero is 1970 and ends them all.
	Now time.Time
	// Real is real time, for the age of what a person has shown. Zero: nothing
	// counts as shown.
	Real time.Time
	// Context holds what else is known: "classes" []string, "fields" int64,
	// "records" int64, "full" bool. Other keys are refused.
	Context map[string]any
}

// Decision is the answer to a request.
type Decision struct {
	Allow bool
	// Policies names those that decided: the permits of an allowance, the forbids
	// of a denial, the failing ones of an error. None: nothing permitted it.
	Policies []string
	// Err is set when the decision could not be made properly; Allow is then
	// false. Its text is for the operational log: names of policies and causes.
	Err error
}

// Decide answers r. It never fails open: any error while deciding is a denial.
func (e *Engine) Decide(r Request) Decision {
	if e == nil {
		return Decision{Err: errors.New("authz: no policies are loaded")}
	}
	s, ok := e.byAction[r.Action.Name]
	if !ok {
		return Decision{Err: errors.New("authz: action is not in the table")}
	}
	q, err := e.question(s, &r)
	if err != nil {
		return Decision{Err: err}
	}
	allow, diag := cedar.Authorize(&q, &q, cedar.Request{
		Principal: q.principal, Action: s.uid, Resource: q.resource, Context: q.context,
	})
	return conclude(bool(allow), diag)
}

// conclude turns Cedar's answer into ours. Cedar skips a policy that fails,
// which would let a broken forbid through; here it denies.
func conclude(allow bool, diag types.Diagnostic) Decision {
	if len(diag.Errors) > 0 {
		d := Decision{}
		var all []error
		for _, e := range diag.Errors {
			d.Policies = append(d.Policies, string(e.PolicyID))
			all = append(all, errors.New("policy "+string(e.PolicyID)+" cannot be evaluated"))
		}
		d.Err = errors.Join(all...)
		return d
	}
	d := Decision{Allow: allow}
	if n := len(diag.Reasons); n > 0 {
		d.Policies = make([]string, n)
		for i, r := range diag.Reasons {
			d.Policies[i] = string(r.PolicyID)
		}
	}
	return d
}
