package authz_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/authz"
)

// The naive evaluator: what the same policies and guards mean, read a second time
// and without Cedar, without an index, without anything of the engine.
type naive struct {
	rules []rule
	env   strongroom.Environment
}

// allows reports whether somebody may: one permit, no forbid, nothing that fails.
func (n naive) allows(r authz.Request) bool {
	permitted := false
	for _, x := range n.rules {
		holds, failed := x.holds(r)
		if failed || holds && !x.permit {
			return false
		}
		permitted = permitted || holds
	}
	return permitted && !n.guarded(r)
}

// holds reports whether a rule applies, and whether its evaluation fails.
func (x rule) holds(r authz.Request) (holds, failed bool) {
	a, res := r.Actor, r.Resource
	kind := strings.ToUpper(string(a.Kind)[:1]) + string(a.Kind)[1:]
	if x.kind != "" && x.kind != kind || x.account != "" && x.account != a.ID || x.role != "" && !has(a.Roles, x.role) ||
		len(x.actions) > 0 && !has(x.actions, r.Action.Name) ||
		x.thing != "" && x.thing != res.Type || x.resource != "" && x.resource != res.ID || x.store != "" && x.store != storeName(r) {
		return false, false
	}
	for _, c := range x.conds {
		is, failed := c.is(r)
		if failed {
			return false, true
		}
		if is == c.unless {
			return false, false
		}
	}
	return true, false
}

func (c cond) is(r authz.Request) (is, failed bool) {
	fields, counted := r.Context["fields"].(int64)
	switch c.test {
	case "elevated":
		return elevatedFor(r), false
	case "purpose":
		return string(r.Purpose) == c.word, false
	case "class":
		classes, _ := r.Context["classes"].([]string)
		return has(classes, c.word), false
	case "time":
		return r.Now.Unix() > now.Unix()+c.n-2, false
	case "mfa":
		v := r.Actor.Standing.Verified
		return !v.IsZero() && r.Real.Unix()-v.Unix() <= c.n*300, false
	case "fields":
		return counted && fields < c.n, false
	case "trained":
		return r.Actor.Kind == strongroom.PersonActor && r.Actor.Standing.Trained, false
	case "store":
		return storeName(r) == c.word, false
	case "all":
		return r.Actor.AllStores, false
	case "source":
		s := r.Actor.Standing.Source
		return s.IsValid() && strings.HasPrefix(s.String(), "192.0.2."), false
	case "role":
		return has(r.Actor.Roles, c.word), false
	case "full":
		full, _ := r.Context["full"].(bool)
		return full, false
	case "own":
		return owned(r), false
	case "door":
		return r.Actor.Door == "http", false
	}
	return false, counted && fields >= 2
}

func owned(r authz.Request) bool { own, _ := r.Resource.Attrs["own"].(bool); return own }

// elevatedFor: an elevation that has not ended is for this store, this purpose,
// this reference and each class that is asked for.
func elevatedFor(r authz.Request) bool {
	for _, e := range r.Actor.Elevations {
		if r.Actor.Kind != strongroom.PersonActor || e.Store != storeName(r) || r.Purpose == "" || e.Purpose != r.Purpose ||
			e.Until.Unix() <= r.Now.Unix() || e.Reference != "" && e.Reference != r.Reference {
			continue
		}
		classes, _ := r.Context["classes"].([]string)
		full, _ := r.Context["full"].(bool)
		outside := 0
		for _, c := range classes {
			if !has(e.Classes, c) {
				outside++
			}
		}
		if len(e.Classes) == 0 || len(classes) > 0 && outside == 0 && !full {
			return true
		}
	}
	return false
}

// guarded reports whether a guard stands against it.
func (n naive) guarded(r authz.Request) bool {
	a, act, st := r.Actor, r.Action.Name, r.Actor.Standing
	person, service, product := a.Kind == strongroom.PersonActor, a.Kind == strongroom.ServiceActor, a.Kind == strongroom.SystemActor
	test := n.env == strongroom.Test
	spot := a.Door == "socket" || a.Door == "command"
	maintenance := has(a.Roles, "maintenance")
	reveal := act == "record.reveal"
	store := storeName(r)
	inside := a.AllStores || elevatedFor(r) || store != "" && has(a.Stores, store) ||
		store == "" && has([]string{"record.list", "log.export", "request.approve", "person.list", "key.add", "root.rotate"}, act)
	shown := !st.Verified.IsZero() && r.Real.Unix()-st.Verified.Unix() <= 900
	switch {
	case !inside,
		reveal && (r.Purpose == "" || !r.HasReference),
		product && (reveal || act == "record.read"),
		has(a.Roles, "test-everything") && !test,
		has(a.Roles, "system") && !product,
		person && !st.Trained && !maintenance && !(test && spot),
		person && !st.Pledged && strings.HasPrefix(act, "record.") && !(test && spot),
		person && (reveal || has([]string{"log.export", "root.rotate", "request.approve", "key.add"}, act)) && !shown && !maintenance && !(test && spot),
		person && reveal && st.Device != "managed" && !test,
		act == "request.approve" && owned(r),
		(service && act == "request.approve" || act == "key.add") && !test,
		maintenance && !(person && spot && act == "root.rotate"):
		return true
	}
	return false
}

// TestObligation_2_3_1_NobodyBeyondThePolicies: for random policies, people and
// requests the engine allows what the naive evaluator allows, and nothing else.
func TestObligation_2_3_1_NobodyBeyondThePolicies(t *testing.T) {
	allowed, asked := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		n := naive{rules, rapid.SampledFrom([]strongroom.Environment{strongroom.Production, strongroom.Test}).Draw(t, "environment")}
		e, err := authz.New(files(rules), authz.Options{Environment: n.env})
		if err != nil {
			t.Fatalf("the random policies do not pass: %v\n%s", err, files(rules)[0].Text)
		}
		for range 20 {
			r := drawRequest(t)
			got, want := e.Decide(r), n.allows(r)
			if got.Allow != want {
				t.Fatalf("engine %+v, naive evaluator %v\n%+v\n%s", got, want, r, files(rules)[0].Text)
			}
			asked++
			if want {
				allowed++
			}
		}
	})
	if asked > 500 && (allowed*100 < asked || allowed*2 > asked) {
		t.Errorf("%d of %d requests were allowed: the test asks too little", allowed, asked)
	}
}

// The planted negative: an evaluator that overlooks one forbid is found out.
func TestNaiveEvaluatorIsNotTheEngine(t *testing.T) {
	rules := []rule{{id: "r/0", permit: true}, {id: "r/1", role: "owner", conds: []cond{{test: "store", word: "str_mine"}}}}
	e, err := authz.New(files(rules), authz.Options{Environment: strongroom.Production})
	if err != nil {
		t.Fatal(err)
	}
	r := request(authz.Owner, "record.list")
	if e.Decide(r).Allow || (naive{rules, strongroom.Production}).allows(r) {
		t.Error("the forbid does not hold")
	}
	if !(naive{rules[:1], strongroom.Production}).allows(r) {
		t.Error("without the forbid the naive evaluator still denies: it cannot disagree")
	}
}
