package authz

import (
	"slices"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"strongroom"
)

// Lack is what a person has to do first, where nothing else stands in the way of
// what their own roles allow. The zero Lack names nothing.
type Lack struct {
	Code string // "step-up", "untrained", "unpledged", "device" or "password-due"
	What string // ends the sentence "… is not allowed …"
	Hint string // what to do
}

// lack returns what the guard id asks of a person, in the order in which to do it:
// nothing else can be done before the trainings, and factors shown first would be old
// again by then.
func lack(id string) (place int, l Lack) {
	switch id {
	case "guards/training":
		return 1, Lack{"untrained", "before both trainings are current", "have both trainings recorded: strongroom training record"}
	case "guards/pledge":
		return 2, Lack{"unpledged", "before both pledges are made", "make them: strongroom training pledge"}
	case "guards/device":
		return 3, Lack{"device", "on a device that is not managed", "use a managed device: strongroom device enrol"}
	case "guards/step-up":
		return 4, Lack{"step-up", "until two factors are shown again", "strongroom session step-up"}
	}
	return 0, Lack{}
}

// Lacks returns what the actor of a denied request has to do first. It depends on the
// person's own standing and roles: it names nothing where no permit of theirs applies
// or another policy forbids, and says the same of what is in the person's stores, in
// others and nowhere, so that nobody learns from it what there is.
func (e *Engine) Lacks(r Request, d Decision) Lack {
	if d.Allow || d.Err != nil || r.Actor.Kind != strongroom.PersonActor {
		return Lack{}
	}
	if r.Actor.Standing.PasswordDue { // its rights are withheld, so no policy tells
		return Lack{"password-due", "before the password is changed", "set a new one: /account/password of the console, or POST /v1/account/password"}
	}
	first, out := 0, Lack{}
	for _, id := range d.Policies {
		place, l := lack(id)
		switch {
		case place == 0 && id != "guards/scope":
			return Lack{}
		case place > 0 && (first == 0 || place < first):
			first, out = place, l
		}
	}
	if first == 0 || !e.permits(&r) {
		return Lack{}
	}
	return out
}

// permits reports whether a permit applies, whatever forbids.
func (e *Engine) permits(r *Request) bool {
	s, ok := e.byAction[r.Action.Name]
	if !ok {
		return false
	}
	q, err := e.question(s, r)
	if err != nil {
		return false
	}
	env := eval.Env{Entities: &q, Principal: q.principal, Action: s.uid, Resource: q.resource, Context: q.context}
	return slices.ContainsFunc(q.cut.collect(nil, &q), func(i int32) bool {
		p := &q.cut.all[i]
		tree := (*ast.Policy)(p.policy.AST())
		if tree.Effect != ast.EffectPermit || p.thing != "" && p.thing != q.resource.Type {
			return false
		}
		return !slices.ContainsFunc(tree.Conditions, func(c ast.ConditionType) bool {
			v, err := eval.Eval(c.Body, env)
			return err != nil || v != types.Boolean(c.Condition == ast.ConditionWhen)
		})
	})
}
