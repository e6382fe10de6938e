package authz

import (
	"iter"
	"slices"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"strongroom"
)

// slice is the part of the policies that can match one action, cut again by kind
// of principal, by the role or account a policy's scope names and by the resource
// or store it names. What is passed by could not have matched: a policy whose
// scope does not hold is false and never an error, so leaving it out changes no
// answer. Of what is left the scope is known to hold, so only its conditions are
// evaluated.
type slice struct {
	uid   types.EntityUID
	rule  Rule
	kinds [kinds]cut
}

// kinds of principals, as indices.
const (
	personKind = iota
	serviceKind
	systemKind
	kinds
)

// cut holds the policies of an action for one kind of principal.
type cut struct {
	all   []named // the engine's; the numbers below are its indices
	any   group   // the scope names no role and no account
	by    map[types.EntityUID]*group
	reads reads // what of the context any of them looks at
}

// group holds policies with the same constraint on the principal. Numbers are in
// the order of files.
type group struct {
	any []int32 // the scope names no resource and no store
	by  map[types.EntityUID][]int32
}

// index cuts the engine's policies into slices, one for each action.
func (e *Engine) index() {
	e.byAction = make(map[string]*slice, len(actions))
	for _, r := range actions {
		s := &slice{uid: types.NewEntityUID("Action", types.String(r.Name)), rule: r}
		for k := range s.kinds {
			s.kinds[k].all = e.all
		}
		e.byAction[r.Name] = s
	}
	for i, p := range e.all {
		tree := (*ast.Policy)(p.policy.AST())
		f := filing{number: int32(i), what: resourceScope(tree.Resource), reads: readsOf(tree)}
		var kind types.EntityType
		var fits bool
		if kind, f.who, fits = principalScope(tree.Principal); !fits {
			continue
		}
		names, _ := actionsOf(tree.Action)
		for _, name := range names {
			s := e.byAction[name]
			for k := range s.kinds {
				if kind == "" || kind == kindTypes[k] {
					s.kinds[k].add(f)
				}
			}
		}
	}
}

// kindTypes are the entity types of the kinds of principals.
var kindTypes = [kinds]types.EntityType{"Person", "Service", "System"}

// filing says where a policy belongs: under the account or role its scope names
// and the resource or store, if any.
type filing struct {
	number    int32
	who, what types.EntityUID
	reads     reads
}

func (c *cut) add(f filing) {
	g := &c.any
	if f.who != (types.EntityUID{}) {
		if g = c.by[f.who]; g == nil {
			if c.by == nil {
				c.by = make(map[types.EntityUID]*group)
			}
			g = new(group)
			c.by[f.who] = g
		}
	}
	if f.what == (types.EntityUID{}) {
		g.any = append(g.any, f.number)
	} else {
		if g.by == nil {
			g.by = make(map[types.EntityUID][]int32)
		}
		g.by[f.what] = append(g.by[f.what], f.number)
	}
	c.reads |= f.reads
}

// principalScope returns the kind of principal a scope asks for, and the one
// entity that must be the principal or one of its groups. fits is false for a
// scope that nobody can match.
func principalScope(scope ast.IsPrincipalScopeNode) (kind types.EntityType, who types.EntityUID, fits bool) {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return s.Entity.Type, s.Entity, s.Entity.Type != "Role"
	case ast.ScopeTypeIn:
		return "", s.Entity, true
	case ast.ScopeTypeIs:
		return s.Type, types.EntityUID{}, true
	case ast.ScopeTypeIsIn:
		return s.Type, s.Entity, true
	}
	return "", types.EntityUID{}, true
}

// resourceScope returns the entity that must be the resource or its store.
func resourceScope(scope ast.IsResourceScopeNode) types.EntityUID {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return s.Entity
	case ast.ScopeTypeIn:
		return s.Entity
	case ast.ScopeTypeIsIn:
		return s.Entity
	}
	return types.EntityUID{}
}

// thingOf returns the type of resource a scope asks for; empty: any.
func thingOf(scope ast.IsResourceScopeNode) types.EntityType {
	switch s := scope.(type) {
	case ast.ScopeTypeIs:
		return s.Type
	case ast.ScopeTypeIsIn:
		return s.Type
	}
	return ""
}

// bare returns the policy without the parts of its scope that the slice has
// decided already.
func bare(p *cedar.Policy) *cedar.Policy {
	tree := *(*ast.Policy)(p.AST())
	tree.Principal, tree.Resource = ast.ScopeTypeAll{}, ast.ScopeTypeAll{}
	if _, exact := actionsOf(tree.Action); exact {
		tree.Action = ast.ScopeTypeAll{}
	}
	return cedar.NewPolicyFromAST((*publicast.Policy)(&tree))
}

// actionsOf returns the actions of the table that a scope can match. exact says
// that it matches these and no other; a scope over a group, of which the schema
// has none, is kept for every action: wrong only in cost.
func actionsOf(scope ast.IsActionScopeNode) (names []string, exact bool) {
	var uids []types.EntityUID
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		if s.Entity.Type != "Action" || !Known(string(s.Entity.ID)) {
			return nil, true // no action of ours
		}
		return []string{string(s.Entity.ID)}, true
	case ast.ScopeTypeIn:
		uids = []types.EntityUID{s.Entity}
	case ast.ScopeTypeInSet:
		uids = s.Entities
	default:
		return actionNames(), true
	}
	for _, u := range uids {
		name := string(u.ID)
		if u.Type != "Action" || !Known(name) {
			return actionNames(), false
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, true
}

func actionNames() []string {
	names := make([]string, len(actions))
	for i, r := range actions {
		names[i] = r.Name
	}
	return names
}

// collect appends the numbers of the policies that can match, in order.
func (c *cut) collect(to []int32, q *question) []int32 {
	to = c.any.collect(to, q)
	if c.by != nil {
		for i, r := range q.r.Actor.Roles {
			if slices.Contains(q.r.Actor.Roles[:i], r) {
				continue
			}
			if g := c.by[types.NewEntityUID("Role", types.String(r))]; g != nil {
				to = g.collect(to, q)
			}
		}
		if g := c.by[q.principal]; g != nil {
			to = g.collect(to, q)
		}
	}
	slices.Sort(to)
	return to
}

func (g *group) collect(to []int32, q *question) []int32 {
	to = append(to, g.any...)
	if g.by != nil {
		to = append(to, g.by[q.resource]...)
		if store, ok := q.store(); ok {
			to = append(to, g.by[store]...)
		}
	}
	return to
}

// All yields the policies that can match the request, in the order of files. A
// question is a cedar.PolicyIterator.
func (q *question) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		var few [64]int32
		for _, i := range q.cut.collect(few[:0], q) {
			p := &q.cut.all[i]
			if p.thing != "" && p.thing != q.resource.Type {
				continue
			}
			if !yield(cedar.PolicyID(p.id), p.bare) {
				return
			}
		}
	}
}

// reads says which of the optional parts of a context a policy looks at. The
// others need not be built: nobody could tell.
type reads uint16

const (
	readsTime reads = 1 << iota
	readsMFA
	readsSource
	readsClasses
	readsFields
	readsRecords
	readsFull
	readsAll reads = 1<<iota - 1
)

func readsName(name types.String) reads {
	switch name {
	case "time":
		return readsTime
	case "mfa_age":
		return readsMFA
	case "source":
		return readsSource
	case "classes":
		return readsClasses
	case "fields":
		return readsFields
	case "records":
		return readsRecords
	case "full":
		return readsFull
	}
	return 0
}

// readsOf walks a policy's conditions. One that takes the context as a whole
// reads all of it.
func readsOf(p *ast.Policy) (r reads) {
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			var part ast.StrOpNode
			switch n := n.(type) {
			case ast.NodeTypeAccess:
				part = n.StrOpNode
			case ast.NodeTypeHas:
				part = n.StrOpNode
			case ast.NodeTypeVariable:
				if n.Name == "context" {
					r = readsAll
				}
				return true
			default:
				return true
			}
			if v, ok := part.Arg.(ast.NodeTypeVariable); !ok || v.Name != "context" {
				return true
			}
			r |= readsName(part.Value)
			return false
		})
	}
	return r
}

func kindOf(k strongroom.ActorKind) (int, bool) {
	switch k {
	case strongroom.PersonActor:
		return personKind, true
	case strongroom.ServiceActor:
		return serviceKind, true
	case strongroom.SystemActor:
		return systemKind, true
	}
	return 0, false
}
