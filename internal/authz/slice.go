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

func newSlice(r Rule, all []named) *slice {
	s := &slice{uid: types.NewEntityUID("Action", types.String(r.Name)), rule: r}
	for k := range s.kinds {
		c := &s.kinds[k]
		c.all = all
		for i, p := range all {
			tree := (*ast.Policy)(p.policy.AST())
			kind, who, fits := principalScope(tree.Principal)
			if !fits || kind != "" && kind != kindTypes[k] || !mayName(tree.Action, s.uid) {
				continue
			}
			c.add(int32(i), who, tree)
		}
	}
	return s
}

// kindTypes are the entity types of the kinds of principals.
var kindTypes = [kinds]types.EntityType{"Person", "Service", "System"}

// add files policy number i under the account or role who, if it names one, and
// under the resource its scope names.
func (c *cut) add(i int32, who types.EntityUID, tree *ast.Policy) {
	g := &c.any
	if who != (types.EntityUID{}) {
		if g = c.by[who]; g == nil {
			if c.by == nil {
				c.by = make(map[types.EntityUID]*group)
			}
			g = new(group)
			c.by[who] = g
		}
	}
	if what := resourceScope(tree.Resource); what == (types.EntityUID{}) {
		g.any = append(g.any, i)
	} else {
		if g.by == nil {
			g.by = make(map[types.EntityUID][]int32)
		}
		g.by[what] = append(g.by[what], i)
	}
	c.reads |= readsOf(tree)
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
	if namesKnown(tree.Action) {
		tree.Action = ast.ScopeTypeAll{}
	}
	return cedar.NewPolicyFromAST((*publicast.Policy)(&tree))
}

// namesKnown reports whether an action scope names actions of the table only, so
// that mayName is exact.
func namesKnown(scope ast.IsActionScopeNode) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeIn:
		return Known(string(s.Entity.ID))
	case ast.ScopeTypeInSet:
		return !slices.ContainsFunc(s.Entities, func(u types.EntityUID) bool { return !Known(string(u.ID)) })
	}
	return true
}

// mayName reports whether a policy with this action scope can match action. An
// `in` over a group is kept for every action: wrong only in cost.
func mayName(scope ast.IsActionScopeNode, action types.EntityUID) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return s.Entity == action
	case ast.ScopeTypeInSet:
		return slices.ContainsFunc(s.Entities, func(u types.EntityUID) bool { return u == action || !Known(string(u.ID)) })
	case ast.ScopeTypeIn:
		return s.Entity == action || !Known(string(s.Entity.ID))
	}
	return true
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
