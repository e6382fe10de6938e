package authz_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/authz"
)

// whole decides with the library alone over every policy, with everything that is
// known of the request built before.
type whole struct {
	set *cedar.PolicySet
	env strongroom.Environment
}

func newWhole(t interface{ Fatal(...any) }, env strongroom.Environment, texts ...[]byte) whole {
	set := cedar.NewPolicySet()
	for _, text := range texts {
		list, err := cedar.NewPolicyListFromBytes("x", text)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			set.Add(cedar.PolicyID(p.Annotations()["id"]), p)
		}
	}
	return whole{set, env}
}

func (w whole) decide(r authz.Request) (allow bool, reasons, failed []string) {
	kind := types.EntityType(strings.ToUpper(string(r.Actor.Kind)[:1]) + string(r.Actor.Kind)[1:])
	who := types.NewEntityUID(kind, types.String(r.Actor.ID))
	what := types.NewEntityUID(types.EntityType(r.Resource.Type), types.String(r.Resource.ID))
	var roles []types.EntityUID
	for _, role := range r.Actor.Roles {
		roles = append(roles, types.NewEntityUID("Role", types.String(role)))
	}
	about := types.RecordMap{"door": types.String(r.Actor.Door), "all_stores": types.Boolean(r.Actor.AllStores)}
	if kind == "Person" {
		st := r.Actor.Standing
		about["employment"], about["device"] = types.String(st.Employment), types.String(st.Device)
		about["trained"], about["pledged"] = types.Boolean(st.Trained), types.Boolean(st.Pledged)
	}
	thing := types.RecordMap{}
	if own, ok := r.Resource.Attrs["own"].(bool); ok {
		thing["own"] = types.Boolean(own)
	}
	entity := types.Entity{UID: what, Attributes: types.NewRecord(thing)}
	if r.Resource.Store != "" {
		entity.Parents = types.NewEntityUIDSet(types.NewEntityUID("Store", types.String(r.Resource.Store)))
	}
	d, diag := cedar.Authorize(w.set, types.EntityMap{
		who:  {UID: who, Parents: types.NewEntityUIDSet(roles...), Attributes: types.NewRecord(about)},
		what: entity,
	}, cedar.Request{Principal: who, Action: types.NewEntityUID("Action", types.String(r.Action.Name)), Resource: what, Context: w.context(r)})
	for _, x := range diag.Reasons {
		reasons = append(reasons, string(x.PolicyID))
	}
	for _, x := range diag.Errors {
		failed = append(failed, string(x.PolicyID))
	}
	slices.Sort(reasons)
	slices.Sort(failed)
	return bool(d) && len(failed) == 0, reasons, failed
}

func (w whole) context(r authz.Request) types.Record {
	store := storeName(r)
	inside := r.Actor.AllStores || elevatedFor(r) || has(r.Actor.Stores, store) ||
		store == "" && !has([]string{"record.reveal", "record.read"}, r.Action.Name)
	m := types.RecordMap{
		"environment": types.String(w.env), "in_scope": types.Boolean(inside), "elevated": types.Boolean(elevatedFor(r)),
		"has_reference": types.Boolean(r.HasReference), "time": types.Long(r.Now.Unix()),
	}
	if v := r.Actor.Standing.Verified; !v.IsZero() {
		m["mfa_age"] = types.Long(r.Real.Sub(v).Seconds())
	}
	if s := r.Actor.Standing.Source; s.IsValid() {
		m["source"], _ = types.ParseIPAddr(s.String())
	}
	if r.Purpose != "" {
		m["purpose"] = types.String(r.Purpose)
	}
	if r.Context != nil {
		m["fields"], m["full"] = types.Long(r.Context["fields"].(int64)), types.Boolean(r.Context["full"].(bool))
		var classes []types.Value
		for _, c := range r.Context["classes"].([]string) {
			classes = append(classes, types.String(c))
		}
		m["classes"] = types.NewSet(classes...)
	}
	return types.NewRecord(m)
}

// TestSlicesChangeNoAnswer: the engine, which looks at few policies and builds
// little of the context, answers as the library does over all of both, names the
// same policies and fails where it fails.
func TestSlicesChangeNoAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		env := rapid.SampledFrom([]strongroom.Environment{strongroom.Production, strongroom.Test}).Draw(t, "environment")
		e, err := authz.New(files(rules), authz.Options{Environment: env})
		if err != nil {
			t.Fatal(err)
		}
		w := newWhole(t, env, authz.Shipped()[1].Text, files(rules)[0].Text)
		for range 20 {
			r := drawRequest(t)
			allow, reasons, failed := w.decide(r)
			got := e.Decide(r)
			names := slices.Sorted(slices.Values(got.Policies))
			want := reasons
			if len(failed) > 0 {
				want = failed
			}
			if got.Allow != allow || (got.Err != nil) != (len(failed) > 0) || !slices.Equal(names, want) {
				t.Fatalf("engine %+v, library %v by %v, failing %v\n%+v\n%s", got, allow, reasons, failed, r, files(rules)[0].Text)
			}
		}
	})
}

// BenchmarkNew is what a change of policies costs.
func BenchmarkNew(b *testing.B) {
	files := []authz.File{{Name: "local.cedar", Text: []byte(`permit (principal in Role::"auditor", action == Action::"record.read", resource);`)}}
	for b.Loop() {
		if _, err := authz.New(files, authz.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// A scope that names no action matches none: the index drops no such scope.
func TestScopeWithoutActions(t *testing.T) {
	for _, text := range []string{
		`@id("x/1") permit (principal, action in [], resource);`,
		`@id("x/1") permit (principal, action == Action::"record.list", resource);`,
	} {
		e, err := authz.New([]authz.File{{Name: "roles.cedar", Text: []byte(text)}}, authz.Options{})
		if err != nil {
			continue // the schema refuses it: nothing to drop
		}
		if d := e.Decide(request(authz.Owner, "store.list")); d.Allow {
			t.Errorf("%s allows %v", text, d.Policies)
		}
	}
}
