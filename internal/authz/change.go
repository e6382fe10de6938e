package authz

import (
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// Change says how one set of policies differs from another.
type Change struct {
	// Widens says that something may be allowed that was denied. It is cautious: a
	// step that is not provably narrower counts as wider (DPP 2.3.2).
	Widens bool
	// Stops says that somebody, or the product itself, may be kept from erasing,
	// ending, revoking or reading the log: what protects others.
	Stops bool
	Steps []Step // in the order of the new files, then what is gone
}

// Alone reports whether the change may be made by one person: it neither widens
// nor stops what protects.
func (c Change) Alone() bool { return !c.Widens && !c.Stops }

// Step is one policy that was added, removed or changed.
type Step struct {
	Policy  string
	Forbid  bool
	What    string // "added", "removed" or "changed"
	Widens  bool
	Stops   bool
	Why     string   // one clause without a full stop
	Actions []string // the actions it can or could match, by name
	Reads   []string // what it looks at or did: "context.mfa_age", "principal.device", "resource.own"
}

// Compare says how the policies of after differ from those of before, the shipped
// ones included. The error is that a file cannot be parsed.
func Compare(before, after []File) (Change, error) {
	was, _, err := trees(before)
	if err != nil {
		return Change{}, err
	}
	is, order, err := trees(after)
	if err != nil {
		return Change{}, err
	}
	var c Change
	for _, id := range order {
		old, there := was[id]
		switch now := is[id]; {
		case !there:
			c.add(id, "added", now)
		case !sameTree(old, now):
			c.changed(id, old, now)
		}
	}
	_, order, err = trees(before)
	for _, id := range order {
		if _, stays := is[id]; !stays {
			c.add(id, "removed", was[id])
		}
	}
	return c, err
}

// trees returns the policies of files and of the shipped ones by name, and the
// names in order.
func trees(files []File) (map[string]*ast.Policy, []string, error) {
	out, order := map[string]*ast.Policy{}, []string(nil)
	for _, f := range withShipped(files) {
		ps, err := parse(f)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range ps {
			out[p.id] = (*ast.Policy)(p.policy.AST())
			order = append(order, p.id)
		}
	}
	return out, order, nil
}

// add notes a policy that came or went.
func (c *Change) add(id, what string, p *ast.Policy) {
	s := step(id, what, p)
	permit := p.Effect == ast.EffectPermit
	switch {
	case what == "added" && permit:
		s.Widens, s.Why = true, "a new permit"
	case what == "added":
		s.Why = "a new forbid"
	case !permit:
		s.Widens, s.Why = true, "a forbid is gone"
	case fallible(p):
		s.Widens, s.Why = true, "a permit is gone that denied where it failed"
	default:
		s.Why = "a permit is gone"
	}
	c.note(s)
}

// note adds a step. One that allows more stops nobody; any other may.
func (c *Change) note(s Step) {
	s.Stops = !s.Widens && slices.ContainsFunc(s.Actions, protects)
	c.Steps = append(c.Steps, s)
	c.Widens, c.Stops = c.Widens || s.Widens, c.Stops || s.Stops
}

// changed notes a policy that says something else under the same name.
func (c *Change) changed(id string, old, now *ast.Policy) {
	s := step(id, "changed", now)
	before := step(id, "", old)
	s.Actions, s.Reads = union(before.Actions, s.Actions), union(before.Reads, s.Reads)
	switch {
	case old.Effect != now.Effect && now.Effect == ast.EffectPermit:
		s.Widens, s.Why = true, "a forbid became a permit"
	case old.Effect != now.Effect:
		s.Widens, s.Why = fallible(old), "a permit became a forbid"
	case now.Effect == ast.EffectPermit:
		s.Widens, s.Why = !permitsLess(old, now), "the permit is the same but for further conditions"
		if s.Widens {
			s.Why = "the permit is not provably narrower than it was"
		}
	default:
		s.Widens, s.Why = !forbidsMore(old, now), "the forbid holds wherever it held"
		if s.Widens {
			s.Why = "the forbid may not hold everywhere it held"
		}
	}
	c.note(s)
}

func step(id, what string, p *ast.Policy) Step {
	names, _ := actionsOf(p.Action)
	return Step{Policy: id, What: what, Forbid: p.Effect != ast.EffectPermit, Actions: names, Reads: looksAt(p)}
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func sameTree(a, b *ast.Policy) bool {
	return a.Effect == b.Effect && sameScope(a, b) && slices.EqualFunc(a.Conditions, b.Conditions, func(x, y ast.ConditionType) bool {
		return x.Condition == y.Condition && ast.Equal(ast.NewNode(x.Body), ast.NewNode(y.Body))
	})
}

func sameScope(a, b *ast.Policy) bool { return scopeWithin(a, b) && scopeWithin(b, a) }

// permitsLess reports whether now permits nothing that old did not. Where old can
// fail, its failure denies whatever the others say, so the conditions of old must
// still come first and as they were.
func permitsLess(old, now *ast.Policy) bool {
	was, is := literals(old), literals(now)
	if fallible(old) {
		return sameScope(old, now) && len(is) >= len(was) && slices.EqualFunc(was, is[:len(was)], sameLiteral)
	}
	return scopeWithin(now, old) && eachFollows(was, is)
}

// forbidsMore reports whether now forbids all that old did. Where old can fail,
// now must fail or forbid there too: its conditions are the first of old, in
// their order.
func forbidsMore(old, now *ast.Policy) bool {
	was, is := literals(old), literals(now)
	if !scopeWithin(old, now) {
		return false
	}
	if !fallible(old) {
		return eachFollows(is, was)
	}
	if len(is) > len(was) {
		return false
	}
	for i := range is {
		if !implies(was[i], is[i], true) {
			return false
		}
	}
	return true
}

// literal is one condition that must hold: that one of its parts is true, or,
// denied, that not all of its parts are.
type literal struct {
	denied bool
	parts  []ast.IsNode
}

// literals takes a policy's conditions apart into those that must all hold, in
// the order of their evaluation.
func literals(p *ast.Policy) (out []literal) {
	for _, c := range p.Conditions {
		if c.Condition == ast.ConditionWhen {
			for _, part := range flatten(c.Body, true) {
				out = append(out, literal{false, flatten(part, false)})
			}
			continue
		}
		for _, part := range flatten(c.Body, false) {
			out = append(out, literal{true, flatten(part, true)})
		}
	}
	return out
}

// flatten returns the operands of a chain of && (and) or ||, left to right.
func flatten(n ast.IsNode, and bool) []ast.IsNode {
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		if and {
			return append(flatten(n.Left, and), flatten(n.Right, and)...)
		}
	case ast.NodeTypeOr:
		if !and {
			return append(flatten(n.Left, and), flatten(n.Right, and)...)
		}
	}
	return []ast.IsNode{n}
}

func sameNode(a, b ast.IsNode) bool { return ast.Equal(ast.NewNode(a), ast.NewNode(b)) }

func sameLiteral(a, b literal) bool {
	return a.denied == b.denied && slices.EqualFunc(a.parts, b.parts, sameNode)
}

// implies reports whether b holds wherever a does: b has the parts of a and maybe
// more. inOrder also asks that they come first, so that b fails where a does.
func implies(a, b literal, inOrder bool) bool {
	if a.denied != b.denied || len(a.parts) > len(b.parts) {
		return false
	}
	if inOrder {
		return slices.EqualFunc(a.parts, b.parts[:len(a.parts)], sameNode)
	}
	for _, x := range a.parts {
		if !slices.ContainsFunc(b.parts, func(y ast.IsNode) bool { return sameNode(x, y) }) {
			return false
		}
	}
	return true
}

// eachFollows reports whether each of these follows from one of those.
func eachFollows(these, those []literal) bool {
	for _, b := range these {
		if !slices.ContainsFunc(those, func(a literal) bool { return implies(a, b, false) }) {
			return false
		}
	}
	return true
}

// scopeWithin reports whether whatever a's scope matches, b's matches too.
func scopeWithin(a, b *ast.Policy) bool {
	kindA, whoA, fits := principalScope(a.Principal)
	kindB, whoB, fitsB := principalScope(b.Principal)
	if fits && (!fitsB || kindB != "" && kindA != kindB || whoB != (types.EntityUID{}) && whoA != whoB) {
		return false
	}
	namesA, exactA := actionsOf(a.Action)
	namesB, exactB := actionsOf(b.Action)
	if !exactA || !exactB {
		return false
	}
	for _, n := range namesA {
		if !slices.Contains(namesB, n) {
			return false
		}
	}
	return thingWithin(a.Resource, b.Resource)
}

func thingWithin(a, b ast.IsResourceScopeNode) bool {
	whatA, whatB := resourceScope(a), resourceScope(b)
	same, onlyA := a.(ast.ScopeTypeEq)
	if eq, only := b.(ast.ScopeTypeEq); only {
		return onlyA && same == eq
	}
	kindA := thingOf(a)
	if onlyA {
		kindA = same.Entity.Type
	}
	return (whatB == (types.EntityUID{}) || whatA == whatB) && (thingOf(b) == "" || kindA == thingOf(b))
}

// fallible reports whether a policy that passed the check can still fail when it
// is evaluated: it calculates, reads a value that is not the request's own, or
// calls a function that may refuse its argument.
func fallible(p *ast.Policy) bool {
	found := false
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			switch n := n.(type) {
			case ast.NodeTypeAdd, ast.NodeTypeSub, ast.NodeTypeMult, ast.NodeTypeNegate, ast.NodeTypeGetTag, ast.NodeTypeHasTag:
				found = true
			case ast.NodeTypeAccess:
				_, own := n.Arg.(ast.NodeTypeVariable)
				found = found || !own
			case ast.NodeTypeExtensionCall:
				found = found || !safeCall(n)
			}
			return !found
		})
	}
	return found
}

// safeCall reports whether a function cannot fail with these arguments.
func safeCall(n ast.NodeTypeExtensionCall) bool {
	switch n.Name {
	case "isIpv4", "isIpv6", "isLoopback", "isMulticast", "isInRange":
		return true
	case "ip":
		if len(n.Args) == 1 {
			if v, ok := n.Args[0].(ast.NodeValue); ok {
				text, _ := v.Value.(types.String)
				_, err := types.ParseIPAddr(string(text))
				return err == nil
			}
		}
	}
	return false
}

// looksAt lists the attributes a policy's conditions read, as "context.time",
// sorted. A variable taken as a whole is "context".
func looksAt(p *ast.Policy) []string {
	var out []string
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
					out = append(out, "context")
				}
				return true
			default:
				return true
			}
			v, ok := part.Arg.(ast.NodeTypeVariable)
			if ok {
				out = append(out, strings.Join([]string{string(v.Name), string(part.Value)}, "."))
			}
			return !ok
		})
	}
	return union(out, nil)
}
