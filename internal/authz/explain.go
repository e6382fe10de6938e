package authz

import (
	"bytes"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"
)

// Policy describes one policy of the engine to people.
type Policy struct {
	ID     string
	Says   string // its @says annotation: one clause without a full stop
	Forbid bool
	File   string
	Line   int
}

// Policies lists the engine's policies, the guards first.
func (e *Engine) Policies() []Policy {
	out := make([]Policy, len(e.all))
	for i, p := range e.all {
		pos := p.policy.Position()
		out[i] = Policy{ID: p.id, Says: p.says, Forbid: !bool(p.policy.Effect()), File: pos.Filename, Line: pos.Line}
	}
	return out
}

// Explanation is a decision with its reasons in words. It holds names and
// conditions of policies and never a value of the request.
type Explanation struct {
	Decision Decision
	Text     string   // one sentence
	Reasons  []string // one clause for each policy that decided
	// Otherwise are the permits, one clause each, that would allow what is forbidden.
	Otherwise []string
	// Nearly are, where nothing permits, the permits whose scope fits and whose
	// conditions do not hold.
	Nearly []Near
	// Holders are, where nothing permits, the roles with a permit for the action.
	Holders []string
}

// Near is a permit that almost applied.
type Near struct {
	Policy string
	Says   string
	Unmet  []string // the conditions that do not hold, in Cedar's words
}

// String writes the explanation as lines of text, the sentence first.
func (x Explanation) String() string {
	var b strings.Builder
	b.WriteString(x.Text + "\n")
	for _, r := range x.Reasons {
		b.WriteString("  " + r + "\n")
	}
	for _, p := range x.Otherwise {
		b.WriteString("else permitted by " + p + "\n")
	}
	for _, n := range x.Nearly {
		b.WriteString("nearly permitted by " + join(n.Policy, n.Says) + "\n")
		for _, c := range n.Unmet {
			b.WriteString("  does not hold: " + c + "\n")
		}
	}
	if len(x.Holders) > 0 {
		b.WriteString("roles with a permit for this action: " + strings.Join(x.Holders, ", ") + "\n")
	}
	return b.String()
}

// Explain decides r and says why.
func (e *Engine) Explain(r Request) Explanation {
	d := e.Decide(r)
	x := Explanation{Decision: d}
	for _, id := range d.Policies {
		i := slices.IndexFunc(e.all, func(p named) bool { return p.id == id })
		x.Reasons = append(x.Reasons, join(id, e.all[i].says))
	}
	switch {
	case d.Err != nil:
		x.Text = "denied, because the decision could not be made: " + strings.ReplaceAll(d.Err.Error(), "\n", "; ")
		return x
	case d.Allow:
		x.Text = "allowed, because " + count(len(d.Policies), "policy permits", "policies permit") + " it and none forbids it"
		return x
	case len(d.Policies) > 0:
		x.Text = "denied, because " + count(len(d.Policies), "policy forbids", "policies forbid") + " it"
	default:
		x.Text = "denied, because no policy permits it"
	}
	e.near(r, &x)
	return x
}

func join(id, says string) string {
	if says == "" {
		return id
	}
	return id + ": " + says
}

func count(n int, one, many string) string {
	if n == 1 {
		return "one " + one
	}
	return "several " + many
}

// near adds the permits that apply but for a forbid, or those that almost do and
// the roles that have one.
func (e *Engine) near(r Request, x *Explanation) {
	s := e.byAction[r.Action.Name]
	q, err := e.question(s, &r)
	if err != nil {
		return
	}
	if q.context, err = e.context(&r, s.rule, readsAll); err != nil {
		return
	}
	env := eval.Env{Entities: &q, Principal: q.principal, Action: s.uid, Resource: q.resource, Context: q.context}
	for _, i := range q.cut.collect(nil, &q) {
		p := &q.cut.all[i]
		tree := (*ast.Policy)(p.policy.AST())
		if tree.Effect != ast.EffectPermit || p.thing != "" && p.thing != q.resource.Type {
			continue
		}
		if unmet := unmet(tree, env); len(unmet) > 0 {
			x.Nearly = append(x.Nearly, Near{Policy: p.id, Says: p.says, Unmet: unmet})
		} else {
			x.Otherwise = append(x.Otherwise, join(p.id, p.says))
		}
	}
	if len(x.Otherwise) > 0 {
		x.Nearly = nil
	} else {
		x.Holders = q.holders()
	}
}

// unmet returns the conditions of a policy that do not hold.
func unmet(p *ast.Policy, env eval.Env) (out []string) {
	for _, c := range p.Conditions {
		for _, part := range flatten(c.Body, c.Condition == ast.ConditionWhen) {
			v, err := eval.Eval(part, env)
			if err == nil && v == types.Boolean(c.Condition == ast.ConditionWhen) {
				continue
			}
			out = append(out, words(part, c.Condition == ast.ConditionWhen))
			if c.Condition == ast.ConditionWhen {
				break // what follows is only meant where this holds
			}
		}
	}
	return out
}

// words writes a condition on one line of Cedar.
func words(n ast.IsNode, when bool) string {
	tree := ast.Permit().When(ast.NewNode(n))
	text := cedar.NewPolicyFromAST((*publicast.Policy)(tree)).MarshalCedar()
	_, text, _ = bytes.Cut(text, []byte("when {"))
	text, _ = bytes.CutSuffix(bytes.TrimSpace(text), []byte("};"))
	out := strings.Join(strings.Fields(string(text)), " ")
	if !when {
		out = "not " + out
	}
	return out
}

// holders returns the roles named by permits of the action that the actor does
// not have, in the usual order.
func (q *question) holders() (out []string) {
	for _, role := range Roles() {
		g := q.cut.by[types.NewEntityUID("Role", types.String(role))]
		if g == nil || slices.Contains(q.r.Actor.Roles, role) || role == TestEverything || role == SystemRole {
			continue
		}
		if slices.ContainsFunc(g.collect(nil, q), func(i int32) bool { return bool(q.cut.all[i].policy.Effect()) }) {
			out = append(out, role)
		}
	}
	return out
}
