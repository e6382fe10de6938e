package authz_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

// A large customer: a thousand policies of its own beside the shipped ones, ten
// thousand people, a thousand stores. A quarter of the policies name a person, a
// quarter a role, a quarter a store, a quarter a set of actions.
const (
	manyPolicies = 1000
	manyPeople   = 10_000
	manyStores   = 1000
)

func manyFiles(rnd *rand.Rand) []authz.File {
	var b strings.Builder
	roles := []string{"owner", "operator", "privacy", "security", "auditor"}
	names := func(n int) string {
		all := authz.Actions()
		var out []string
		for range n {
			out = append(out, all[rnd.IntN(len(all))].Name)
		}
		return `action in [Action::"` + strings.Join(out, `", Action::"`) + `"]`
	}
	for i := range manyPolicies {
		effect := "permit"
		if i%5 == 0 {
			effect = "forbid"
		}
		who, act, what := "principal", "action", "resource"
		when := fmt.Sprintf(`context has purpose && context.purpose == "tax" && context.time > %d`, rnd.IntN(1e9))
		switch i % 4 {
		case 0:
			who = fmt.Sprintf("principal == Person::\"usr_%d\"", rnd.IntN(manyPeople))
		case 1:
			who, act = fmt.Sprintf("principal in Role::%q", roles[rnd.IntN(len(roles))]), names(4)
		case 2:
			what = fmt.Sprintf("resource in Store::\"str_%d\"", rnd.IntN(manyStores))
			when = `context has classes && context.classes.contains("phone") && principal is Person && principal.employment == "agency"`
		case 3:
			act = names(6)
			when = `context has source && context.source.isInRange(ip("198.51.100.0/24"))`
		}
		fmt.Fprintf(&b, "@id(\"own/%d\") %s (%s, %s, %s) when { %s };\n", i, effect, who, act, what, when)
	}
	return []authz.File{{Name: "own.cedar", Text: []byte(b.String())}}
}

func manyRequests(rnd *rand.Rand, n int) []authz.Request {
	out := make([]authz.Request, n)
	actions := authz.Actions()
	for i := range out {
		r := request([]string{authz.Owner, authz.Operator, authz.Privacy}[rnd.IntN(3)], actions[rnd.IntN(len(actions))].Name)
		r.Actor.ID = fmt.Sprintf("usr_%d", rnd.IntN(manyPeople))
		r.Actor.AllStores = true
		r.Resource.Store = fmt.Sprintf("str_%d", rnd.IntN(manyStores))
		if i%2 == 0 {
			r.Action.Name = "record.reveal"
		}
		r.Purpose, r.HasReference = strongroom.Tax, true
		r.Context = map[string]any{"classes": []string{"phone"}, "fields": int64(2), "full": false}
		out[i] = r
	}
	return out
}

// BenchmarkDecide1000 reports the percentiles of single decisions, ours and the
// library's over all the policies.
func BenchmarkDecide1000(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	files := manyFiles(rnd)
	e := engine(b, strongroom.Production, files...)
	requests := manyRequests(rnd, 4096)
	w := newWhole(b, strongroom.Production, authz.Shipped()[1].Text, authz.Shipped()[2].Text, files[0].Text)
	for name, decide := range map[string]func(authz.Request) bool{
		"engine":  func(r authz.Request) bool { return e.Decide(r).Allow },
		"library": func(r authz.Request) bool { allow, _, _ := w.decide(r); return allow },
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			allowed := 0
			for i := 0; b.Loop(); i++ {
				r := requests[i%len(requests)]
				begin := time.Now()
				if decide(r) {
					allowed++
				}
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			at := func(p int) float64 { return float64(took[(len(took)-1)*p/100].Nanoseconds()) / 1e3 }
			b.ReportMetric(at(50), "p50-µs")
			b.ReportMetric(at(99), "p99-µs")
			if len(took) > 1000 && allowed == 0 {
				b.Error("nothing is allowed: the requests miss the policies")
			}
		})
	}
}

// TestManyPolicies holds the engine to the library's answers where there are many
// policies, and to its promise: it looks at few of them. Time is for the benchmark.
func TestManyPolicies(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	files := manyFiles(rnd)
	e := engine(t, strongroom.Production, files...)
	w := newWhole(t, strongroom.Production, authz.Shipped()[1].Text, authz.Shipped()[2].Text, files[0].Text)
	most := 0
	for _, r := range manyRequests(rnd, 300) {
		want, reasons, _ := w.decide(r)
		got := e.Decide(r)
		if got.Allow != want || len(got.Policies) != len(reasons) {
			t.Fatalf("%+v: %+v, the library says %v by %v", r, got, want, reasons)
		}
		most = max(most, authz.Looked(e, r))
	}
	if most == 0 || most > 150 {
		t.Errorf("a decision looks at %d of %d policies", most, len(e.Policies()))
	}
}
