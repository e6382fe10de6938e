package authz

import "strings"

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

// Explanation is a decision with its reasons in words.
type Explanation struct {
	Decision Decision
	Text     string   // one sentence
	Reasons  []string // one clause for each policy that decided
}

// Explain decides r and says why.
func (e *Engine) Explain(r Request) Explanation {
	d := e.Decide(r)
	x := Explanation{Decision: d}
	for _, id := range d.Policies {
		reason := id
		for _, p := range e.all {
			if p.id == id && p.says != "" {
				reason += ": " + p.says
			}
		}
		x.Reasons = append(x.Reasons, reason)
	}
	switch {
	case d.Err != nil:
		x.Text = "denied, because the decision could not be made: " + strings.ReplaceAll(d.Err.Error(), "\n", "; ")
	case d.Allow:
		x.Text = "allowed, because " + count(len(d.Policies), "policy permits", "policies permit") + " it and none forbids it"
	case len(d.Policies) > 0:
		x.Text = "denied, because " + count(len(d.Policies), "policy forbids", "policies forbid") + " it"
	default:
		x.Text = "denied, because no policy permits it"
	}
	return x
}

func count(n int, one, many string) string {
	if n == 1 {
		return "one " + one
	}
	return "several " + many
}
