package authz_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/authz"
)

// rule is a random policy, as a value that the tests can read without Cedar.
type rule struct {
	id       string
	permit   bool
	kind     string // Person, Service; empty: any
	account  string // an account's id; the kind says whose
	role     string
	actions  []string // none: any
	thing    string   // a type of resource; empty: any
	resource string   // an id, with thing
	store    string
	conds    []cond
}

// cond is one condition of a rule.
type cond struct {
	unless bool
	test   string
	n      int64
	word   string
}

// Small worlds, so that policies and requests meet.
var (
	someActions = []string{"record.reveal", "record.read", "record.list", "log.export", "request.approve", "person.list", "key.add", "root.rotate"}
	someRoles   = []string{"owner", "operator", "privacy", "application", "maintenance", "system", "test-everything"}
	someStores  = []string{"str_a", "str_b", "str_c"}
	someThings  = []string{"Record", "Store", "Account", "Request"}
	someClasses = []string{"phone", "email", "address"}
	someTests   = []string{
		"elevated", "purpose", "class", "time", "mfa", "fields", "trained", "store", "all", "source", "role", "full", "own", "overflow", "door",
	}
)

func drawRule(t *rapid.T, i int) rule {
	pick := func(of []string, label string) string { return rapid.SampledFrom(of).Draw(t, label) }
	r := rule{id: fmt.Sprintf("r/%d", i), permit: rapid.IntRange(0, 3).Draw(t, "effect") > 0}
	switch rapid.IntRange(0, 5).Draw(t, "principal") {
	case 0:
		r.kind, r.account = "Person", pick([]string{"usr_1", "usr_2"}, "person")
	case 1:
		r.kind, r.account = "Service", pick([]string{"svc_1", "svc_2"}, "service")
	case 2:
		r.role = pick(someRoles, "role")
	case 3:
		r.kind, r.role = "Person", pick(someRoles, "role")
	case 4:
		r.kind = pick([]string{"Person", "Service", "System"}, "kind")
	}
	if rapid.Bool().Draw(t, "some actions") {
		r.actions = rapid.SliceOfNDistinct(rapid.SampledFrom(someActions), 1, 4, rapid.ID[string]).Draw(t, "actions")
	}
	switch rapid.IntRange(0, 4).Draw(t, "resource") {
	case 0:
		r.thing, r.resource = "Record", pick([]string{"rec_1", "rec_2"}, "record")
	case 1:
		r.store = pick(someStores, "store")
	case 2:
		r.thing = pick(someThings, "thing")
	case 3:
		r.thing, r.store = "Record", pick(someStores, "store")
	}
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		c := cond{unless: rapid.Bool().Draw(t, "unless"), test: pick(someTests, "test"), n: rapid.Int64Range(0, 5).Draw(t, "n")}
		switch c.test {
		case "purpose":
			c.word = string(rapid.SampledFrom(strongroom.Purposes()).Draw(t, "purpose"))
		case "class":
			c.word = pick(someClasses, "class")
		case "store":
			c.word = pick(someStores, "store")
		case "role":
			c.word = pick(someRoles, "role")
		}
		r.conds = append(r.conds, c)
	}
	return r
}

// cedar writes the rule in Cedar's syntax.
func (r rule) cedar() string {
	who, what, act := "principal", "resource", "action"
	switch {
	case r.account != "":
		who += fmt.Sprintf(" == %s::%q", r.kind, r.account)
	case r.kind != "" && r.role != "":
		who += fmt.Sprintf(" is %s in Role::%q", r.kind, r.role)
	case r.kind != "":
		who += " is " + r.kind
	case r.role != "":
		who += fmt.Sprintf(" in Role::%q", r.role)
	}
	switch {
	case r.resource != "":
		what += fmt.Sprintf(" == %s::%q", r.thing, r.resource)
	case r.thing != "" && r.store != "":
		what += fmt.Sprintf(" is %s in Store::%q", r.thing, r.store)
	case r.thing != "":
		what += " is " + r.thing
	case r.store != "":
		what += fmt.Sprintf(" in Store::%q", r.store)
	}
	if len(r.actions) > 0 {
		act += ` in [Action::"` + strings.Join(r.actions, `", Action::"`) + `"]`
	}
	effect := map[bool]string{true: "permit", false: "forbid"}[r.permit]
	text := fmt.Sprintf("@id(%q)\n%s (%s, %s, %s)", r.id, effect, who, act, what)
	for _, c := range r.conds {
		text += "\n" + map[bool]string{true: "unless", false: "when"}[c.unless] + " { " + c.cedar() + " }"
	}
	return text + ";\n"
}

func (c cond) cedar() string {
	switch c.test {
	case "elevated":
		return "context.elevated"
	case "purpose":
		return fmt.Sprintf("context has purpose && context.purpose == %q", c.word)
	case "class":
		return fmt.Sprintf("context has classes && context.classes.contains(%q)", c.word)
	case "time":
		return fmt.Sprintf("context.time > %d", now.Unix()+c.n-2)
	case "mfa":
		return fmt.Sprintf("context has mfa_age && context.mfa_age <= %d", c.n*300)
	case "fields":
		return fmt.Sprintf("context has fields && context.fields < %d", c.n)
	case "trained":
		return "principal is Person && principal.trained"
	case "store":
		return fmt.Sprintf("resource in Store::%q", c.word)
	case "all":
		return "principal.all_stores"
	case "source":
		return `context has source && context.source.isInRange(ip("192.0.2.0/24"))`
	case "role":
		return fmt.Sprintf("principal in Role::%q", c.word)
	case "full":
		return "context has full && context.full"
	case "own":
		return "resource has own && resource.own"
	case "door":
		return `principal.door == "http"`
	}
	return "context has fields && context.fields + 9223372036854775806 < 0" // fails from two fields on
}

func files(rules []rule) []authz.File {
	var b strings.Builder
	for _, r := range rules {
		b.WriteString(r.cedar())
	}
	return []authz.File{{Name: "roles.cedar", Text: []byte(b.String())}}
}

func drawRules(t *rapid.T) (out []rule) {
	for i := range rapid.IntRange(1, 12).Draw(t, "rules") {
		out = append(out, drawRule(t, i))
	}
	return out
}

// drawRequest draws somebody who asks for something. It leans to people who have
// shown what the guards ask for, or nothing would ever be allowed.
func drawRequest(t *rapid.T) authz.Request {
	pick := func(of []string, label string) string { return rapid.SampledFrom(of).Draw(t, label) }
	often := func(label string) bool { return rapid.IntRange(0, 5).Draw(t, label) > 0 }
	seldom := func(label string) bool { return !often(label) }
	r := authz.Request{Now: now, Real: now, Action: strongroom.Action{Name: pick(someActions, "action")}}
	a := &r.Actor
	a.AllStores, a.Door = rapid.Bool().Draw(t, "all stores"), pick([]string{"http", "http", "socket", "command"}, "door")
	a.Roles = rapid.SliceOfN(rapid.SampledFrom(someRoles), 0, 2).Draw(t, "roles")
	a.Stores = rapid.SliceOfN(rapid.SampledFrom(someStores), 0, 2).Draw(t, "stores")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		a.Kind, a.ID = strongroom.SystemActor, "sys:test"
	case 1, 2:
		a.Kind, a.ID = strongroom.ServiceActor, pick([]string{"svc_1", "svc_2"}, "service")
	default:
		a.Kind, a.ID = strongroom.PersonActor, pick([]string{"usr_1", "usr_2"}, "person")
		a.Standing.Trained, a.Standing.Pledged = often("trained"), often("pledged")
		a.Standing.Device = "managed"
		if seldom("device") {
			a.Standing.Device = "unknown"
		}
		if often("verified") {
			a.Standing.Verified = now.Add(-time.Duration(rapid.Int64Range(0, 1200).Draw(t, "age")) * time.Second)
		}
		if rapid.Bool().Draw(t, "elevation") {
			x := strongroom.Elevation{
				Store: pick(someStores, "of"), Purpose: rapid.SampledFrom(strongroom.Purposes()).Draw(t, "for"), Until: now.Add(time.Minute),
				Reference: pick([]string{"", "", "order-1"}, "elevated for"),
			}
			if seldom("ended") {
				x.Until = now
			}
			if seldom("some classes") {
				x.Classes = rapid.SliceOfNDistinct(rapid.SampledFrom(someClasses), 1, 2, rapid.ID[string]).Draw(t, "elevated classes")
			}
			a.Elevations = []strongroom.Elevation{x}
		}
	}
	if rapid.Bool().Draw(t, "source") {
		a.Standing.Source = netip.MustParseAddr(pick([]string{"192.0.2.9", "198.51.100.9"}, "address"))
	}
	res := &r.Resource
	res.Type = pick(someThings, "thing")
	switch res.Type {
	case "Record":
		res.ID, res.Store = pick([]string{"rec_1", "rec_2"}, "record"), pick(someStores, "in")
	case "Store":
		res.ID = pick(someStores, "store")
	default:
		res.ID = "it_1"
		if rapid.Bool().Draw(t, "own known") {
			res.Attrs = map[string]any{"own": rapid.Bool().Draw(t, "own")}
		}
	}
	if often("purpose") {
		r.Purpose = rapid.SampledFrom(strongroom.Purposes()).Draw(t, "purpose")
		if r.HasReference = often("reference"); r.HasReference {
			r.Reference = pick([]string{"order-1", "order-2"}, "which")
		}
	}
	if rapid.Bool().Draw(t, "fields") {
		r.Context = map[string]any{
			"fields": rapid.Int64Range(0, 4).Draw(t, "number"), "full": rapid.Bool().Draw(t, "full"),
			"classes": rapid.SliceOfNDistinct(rapid.SampledFrom(someClasses), 0, 2, rapid.ID[string]).Draw(t, "classes"),
		}
	}
	return r
}

// storeName is the store a request is about.
func storeName(r authz.Request) string {
	if r.Resource.Type == "Store" {
		return r.Resource.ID
	}
	return r.Resource.Store
}

func has(list []string, s string) bool { return slices.Contains(list, s) }
