package authz

import (
	"slices"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// Verbs returns the actions that the policies in force permit to a role, sorted:
// those of every permit that names the role, in its scope or in its conditions. It is
// what the role could come to, not what it comes to in a case: conditions and forbids
// are not weighed. The slice is the caller's.
func (e *Engine) Verbs(role string) []string { return slices.Clone(e.verbs[role]) }

// verbsOf reads the permits for the roles they name.
func verbsOf(all []named) map[string][]string {
	out := map[string][]string{}
	for _, p := range all {
		tree := (*ast.Policy)(p.policy.AST())
		if tree.Effect != ast.EffectPermit {
			continue
		}
		names, _ := actionsOf(tree.Action)
		for _, role := range rolesOf(tree) {
			out[role] = append(out[role], names...)
		}
	}
	for role := range out {
		slices.Sort(out[role])
		out[role] = slices.Compact(out[role])
	}
	return out
}

// rolesOf returns the roles a policy names.
func rolesOf(p *ast.Policy) (roles []string) {
	add := func(u types.EntityUID) {
		if u.Type == "Role" && !slices.Contains(roles, string(u.ID)) {
			roles = append(roles, string(u.ID))
		}
	}
	_, who, _ := principalScope(p.Principal)
	add(who)
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			if v, ok := n.(ast.NodeValue); ok {
				if u, ok := v.Value.(types.EntityUID); ok {
					add(u)
				}
			}
			return true
		})
	}
	return roles
}
