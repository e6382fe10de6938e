package authz_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/authz"
)

func own(text string) []authz.File { return []authz.File{{Name: "own.cedar", Text: []byte(text)}} }

const (
	base   = `@id("x/1") permit (principal in Role::"auditor", action in [Action::"record.read", Action::"record.list"], resource) when { context.has_reference };`
	barred = `@id("x/2") forbid (principal in Role::"auditor", action == Action::"record.read", resource) unless { context.has_reference };`
	sums   = `@id("x/3") permit (principal in Role::"auditor", action == Action::"record.read", resource) when { context has fields && context.fields + 1 > 2 };`
)

// TestCompare: each change with what it is. Whatever is not provably narrower is
// wider.
func TestCompare(t *testing.T) {
	swap := func(text, old, now string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in %q", old, text)
		}
		return strings.Replace(text, old, now, 1)
	}
	for name, c := range map[string]struct {
		before, after string
		widens        bool
		what          string
	}{
		"nothing":                      {base, base, false, ""},
		"words alone":                  {base, "@says(\"hello\") " + base, false, ""},
		"a permit more":                {"", base, true, "added"},
		"a permit less":                {base, "", false, "removed"},
		"a forbid more":                {"", barred, false, "added"},
		"a forbid less":                {barred, "", true, "removed"},
		"a condition more":             {base, swap(base, "};", "&& context.elevated };"), false, "changed"},
		"a condition more in front":    {base, swap(base, "{ ", "{ context.elevated && "), false, "changed"},
		"a condition more, apart":      {base, swap(base, "};", "} unless { context.elevated };"), false, "changed"},
		"a condition less":             {base, swap(base, "when { context.has_reference }", ""), true, "changed"},
		"another condition":            {base, swap(base, "context.has_reference", "context.elevated"), true, "changed"},
		"a way out more":               {base, swap(base, "};", "|| context.elevated };"), true, "changed"},
		"an action less":               {base, swap(base, `, Action::"record.list"`, ""), false, "changed"},
		"an action more":               {base, swap(base, `, Action::"record.list"`, `, Action::"record.list", Action::"record.find"`), true, "changed"},
		"all actions":                  {base, swap(base, `action in [Action::"record.read", Action::"record.list"]`, "action"), true, "changed"},
		"one store only":               {base, swap(base, "resource)", `resource in Store::"str_a")`), false, "changed"},
		"another role":                 {base, swap(base, "auditor", "security"), true, "changed"},
		"persons of the role":          {base, swap(base, "principal in", "principal is Person in"), false, "changed"},
		"everybody":                    {base, swap(base, `principal in Role::"auditor"`, "principal"), true, "changed"},
		"forbidden to all":             {barred, swap(barred, `principal in Role::"auditor"`, "principal"), false, "changed"},
		"forbidden without exception":  {barred, swap(barred, " unless { context.has_reference }", ""), false, "changed"},
		"a stricter exception":         {barred, swap(barred, "};", "&& context.elevated };"), false, "changed"},
		"a further exception":          {barred, swap(barred, "};", "|| context.elevated };"), true, "changed"},
		"forbidden only here":          {barred, swap(barred, "resource)", `resource in Store::"str_a")`), true, "changed"},
		"permit becomes forbid":        {base, swap(base, "permit", "forbid"), false, "changed"},
		"forbid becomes permit":        {barred, swap(barred, "forbid", "permit"), true, "changed"},
		"what failed is gone":          {sums, "", true, "removed"},
		"what failed fails less often": {sums, swap(sums, "{ ", "{ context.elevated && "), true, "changed"},
		"what failed fails as before":  {sums, swap(sums, "};", "&& context.elevated };"), false, "changed"},
	} {
		got, err := authz.Compare(own(c.before), own(c.after))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Widens != c.widens || len(got.Steps) > 1 || (c.what == "") != (len(got.Steps) == 0) {
			t.Errorf("%s: %+v, want widens %v by %q", name, got, c.widens, c.what)
		}
		if len(got.Steps) == 1 && (got.Steps[0].What != c.what || got.Steps[0].Why == "" || got.Steps[0].Widens != c.widens) {
			t.Errorf("%s: %+v", name, got.Steps[0])
		}
	}
	if _, err := authz.Compare(own("permit (principal"), nil); err == nil {
		t.Error("a file that cannot be parsed is compared")
	}
}

// A change that keeps somebody from protecting others is not for one person.
func TestCompareStops(t *testing.T) {
	for text, want := range map[string]bool{
		`@id("x/1") forbid (principal, action == Action::"retention.sweep", resource);`:                                      true,
		`@id("x/1") forbid (principal, action, resource) when { context.time > 5 };`:                                         true,
		`@id("x/1") forbid (principal in Role::"security", action in [Action::"key.list", Action::"key.revoke"], resource);`: true,
		`@id("x/1") forbid (principal, action == Action::"record.reveal", resource);`:                                        false,
	} {
		got, err := authz.Compare(nil, own(text))
		if err != nil || got.Widens || got.Stops != want || got.Alone() == want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	got, err := authz.Compare(nil, []authz.File{{Name: "roles.cedar", Text: []byte(barred)}})
	if err != nil || !got.Stops {
		t.Errorf("roles that let nobody erase: %+v, %v", got, err)
	}
}

// Replacing the shipped roles is a change like any other.
func TestCompareRoles(t *testing.T) {
	roles := authz.Shipped()[2]
	got, err := authz.Compare(nil, []authz.File{roles})
	if err != nil || got.Widens || len(got.Steps) > 0 {
		t.Errorf("a copy of the shipped roles: %+v, %v", got, err)
	}
	got, err = authz.Compare(nil, []authz.File{{Name: roles.Name, Text: []byte(base)}})
	if err != nil || !got.Widens || len(got.Steps) < 10 {
		t.Errorf("roles of one's own: %+v, %v", got, err)
	}
	reads := authz.Change{}
	if reads, err = authz.Compare(nil, own(sums)); err != nil || len(reads.Steps) != 1 ||
		strings.Join(reads.Steps[0].Reads, " ") != "context.fields" || strings.Join(reads.Steps[0].Actions, " ") != "record.read" {
		t.Errorf("%+v, %v", reads, err)
	}
}

// mutate changes rules a little: drops, adds, loosens and tightens.
func mutate(t *rapid.T, rules []rule) (out []rule) {
	for i, r := range rules {
		switch rapid.IntRange(0, 9).Draw(t, "mutation") {
		case 0:
			continue
		case 1:
			r.conds = append(r.conds[:len(r.conds):len(r.conds)], cond{test: "elevated"})
		case 2:
			r.conds = append([]cond{{test: "all"}}, r.conds...)
		case 3:
			if len(r.conds) > 0 {
				r.conds = r.conds[1:]
			}
		case 4:
			r.actions = []string{"record.list"}
		case 5:
			if r.resource == "" {
				r.store = "str_a"
			}
		case 6:
			r.permit = !r.permit
		case 7:
			if r.account == "" {
				r.kind = "Person"
			}
		}
		out = append(out, r)
		if rapid.IntRange(0, 9).Draw(t, "more") == 0 {
			out = append(out, drawRule(t, 100+i))
		}
	}
	return out
}

// TestObligation_2_3_2_NarrowerAllowsNothingNew: for random policies and changes
// that are said not to widen, nobody is allowed anything that was denied.
func TestObligation_2_3_2_NarrowerAllowsNothingNew(t *testing.T) {
	narrower := 0
	rapid.Check(t, func(t *rapid.T) {
		before := drawRules(t)[:1]
		if rapid.Bool().Draw(t, "two") {
			before = append(before, drawRule(t, 50))
		}
		after := mutate(t, before)
		change, err := authz.Compare(files(before), files(after))
		if err != nil {
			t.Fatal(err)
		}
		if change.Widens || len(change.Steps) == 0 {
			return
		}
		narrower++
		was, is := naive{before, strongroom.Production}, naive{after, strongroom.Production}
		for range 200 {
			if r := drawRequest(t); is.allows(r) && !was.allows(r) {
				t.Fatalf("%+v\nbefore:\n%safter:\n%s%+v", change, files(before)[0].Text, files(after)[0].Text, r)
			}
		}
	})
	// Planted: a change that widens is told apart by the same two evaluators.
	all, barred := rule{id: "r/0", permit: true}, rule{id: "r/1", role: "owner"}
	r := request(authz.Owner, "record.list")
	if !(naive{[]rule{all}, strongroom.Production}).allows(r) || (naive{[]rule{all, barred}, strongroom.Production}).allows(r) {
		t.Error("a forbid that is gone would not be noticed")
	}
	if narrower < 10 {
		t.Errorf("only %d changes were narrower: the test asks too little", narrower)
	}
}

// Whatever text is proposed: it is refused, or the engine takes it and can say
// how it differs. Removing it again is told from adding it.
func FuzzFiles(f *testing.F) {
	for _, text := range []string{base, barred, sums, printer, `permit (principal, action in [], resource) when { if true then false else 1 < 2 };`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		files := []authz.File{{Name: "own.cedar", Text: text}}
		_, err := authz.New(files, authz.Options{})
		ok := err == nil
		there, err := authz.Compare(nil, files)
		if ok && err != nil {
			t.Fatalf("what the engine takes cannot be compared: %v", err)
		}
		back, err := authz.Compare(files, nil)
		if ok && (err != nil || len(there.Steps) != len(back.Steps)) {
			t.Fatalf("%d steps there, %d back, %v", len(there.Steps), len(back.Steps), err)
		}
	})
}
