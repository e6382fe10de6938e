package authz_test

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"

	"strongroom"
	"strongroom/internal/authz"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// decisions calls row for every action, with the purposes where they matter, and
// the marks of each role: p allowed in production, t in a test instance.
func decisions(t *testing.T, row func(label string, marks []string)) {
	prod, test := engine(t, strongroom.Production), engine(t, strongroom.Test)
	ask := func(label, action string, p strongroom.Purpose) {
		var marks []string
		for _, role := range authz.Roles() {
			r := request(role, action)
			r.Purpose, r.HasReference = p, p != ""
			mark := ""
			if prod.Decide(r).Allow {
				mark += "p"
			}
			if test.Decide(r).Allow {
				mark += "t"
			}
			marks = append(marks, mark)
		}
		row(label, marks)
	}
	for _, a := range authz.Actions() {
		ask(a.Name, a.Name, "")
		if a.Name == "record.reveal" {
			for _, p := range strongroom.Purposes() {
				ask(a.Name+" "+string(p), a.Name, p)
			}
		}
		if slices.Contains([]string{"case.close", "case.extend", "case.open"}, a.Name) {
			for _, p := range []strongroom.Purpose{strongroom.LegalDuty, strongroom.SubjectRequest} {
				ask(a.Name+" "+string(p), a.Name, p)
			}
		}
	}
}

// TestDecisions pins every role against every action, in production and in test,
// without a purpose and with each. The persons have shown all that the guards ask
// for; see the cases for those who have not.
func TestDecisions(t *testing.T) {
	var b strings.Builder
	b.WriteString("# role × action: p allowed in production, t allowed in a test instance, . denied.\n")
	b.WriteString("# Rows of record.reveal and of cases name the purpose; a reference is given with each purpose.\n")
	b.WriteString(pad("", 32) + strings.Join(authz.Roles(), " ") + "\n")
	decisions(t, func(label string, marks []string) {
		b.WriteString(pad(label, 32))
		for i, m := range marks {
			b.WriteString(pad(cmp.Or(m, "."), len(authz.Roles()[i])+1))
		}
		b.WriteString("\n")
	})
	golden(t, "decisions.golden", b.String())
}

// TestDecisionsInTheDocumentation holds the table that people read to the same
// decisions.
func TestDecisionsInTheDocumentation(t *testing.T) {
	const path = "../../docs/policies.md"
	head := "| action | " + strings.Join(authz.Roles(), " | ") + " |\n"
	var b strings.Builder
	b.WriteString(head + strings.Repeat("|---", len(authz.Roles())+1) + "|\n")
	decisions(t, func(label string, marks []string) {
		action, purpose, _ := strings.Cut(label, " ")
		b.WriteString("| " + strings.TrimSpace("`"+action+"` "+purpose) + " |")
		for _, m := range marks {
			b.WriteString(map[string]string{"pt": " yes |", "p": " production |", "t": " test |", "": "  |"}[m])
		}
		b.WriteString("\n")
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "| action |")
	table, after, ended := strings.Cut(rest, "\n\n")
	if !ok || !ended {
		t.Fatal("there is no table of actions")
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+b.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if "| action |"+table+"\n" != b.String() {
		t.Error("the table of docs/policies.md differs: go test -run TestDecisionsInTheDocumentation ./internal/authz -update")
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(1, n-len(s))) }

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; the new text is\n%s", name, got)
	}
}

// openers lists who may open for what, beyond and short of what is wanted.
func openers(e *authz.Engine, want map[string][]strongroom.Purpose) (wrong []string) {
	for _, role := range authz.Roles() {
		for _, p := range strongroom.Purposes() {
			r := request(role, "record.reveal")
			r.Purpose, r.HasReference = p, true
			if e.Decide(r).Allow != slices.Contains(want[role], p) {
				wrong = append(wrong, role+" for "+string(p))
			}
		}
	}
	return wrong
}

// Need to know: the shipped policies leave no one able to open anything without
// being named here.
func TestObligation_2_3_3_WhoMayOpen(t *testing.T) {
	want := map[string][]strongroom.Purpose{
		authz.Owner:       {strongroom.LegalDuty},
		authz.Privacy:     {strongroom.SubjectRequest},
		authz.Application: {strongroom.Fulfilment, strongroom.Tax, strongroom.Invoice},
	}
	if wrong := openers(engine(t, strongroom.Production), want); len(wrong) > 0 {
		t.Errorf("not as promised: %v", wrong)
	}
	// Planted: one permit too many is noticed.
	wide := engine(t, strongroom.Production, authz.File{Name: "local.cedar", Text: []byte(
		`permit (principal in Role::"auditor", action == Action::"record.reveal", resource) when { context has purpose && context.purpose == "tax" };`)})
	if wrong := openers(wide, want); !slices.Equal(wrong, []string{"auditor for tax"}) {
		t.Errorf("a planted permit is not noticed: %v", wrong)
	}
}

// A case opens records, so who may open one is a short list as well: privacy for
// shoppers' requests, and the product itself for those that a platform passes on, three
// roles for a legal duty, no application, no operator.
func TestObligation_3_1_2_WhoMayOpenCases(t *testing.T) {
	who := func(e *authz.Engine) (out []string) {
		for _, role := range authz.Roles() {
			for _, p := range []strongroom.Purpose{strongroom.LegalDuty, strongroom.SubjectRequest} {
				r := request(role, "case.open")
				r.Purpose, r.Resource.Type = p, "Case"
				if e.Decide(r).Allow {
					out = append(out, role+" "+string(p))
				}
			}
		}
		return out
	}
	want := []string{"owner legal_duty", "privacy legal_duty", "privacy subject_request", "security legal_duty", "system subject_request"}
	if got := who(engine(t, strongroom.Production)); !slices.Equal(got, want) {
		t.Errorf("who opens cases: %v", got)
	}
	// Planted: one more is noticed.
	wide := engine(t, strongroom.Production, authz.File{Name: "local.cedar", Text: []byte(
		`permit (principal in Role::"application", action == Action::"case.open", resource is Case);`)})
	if got := who(wide); slices.Equal(got, want) {
		t.Error("a planted permit is not noticed")
	}
}

// Access to the log is controlled: these roles read it and no other.
func TestObligation_3_6_5_WhoReadsTheLog(t *testing.T) {
	readers := func(e *authz.Engine) (out []string) {
		for _, role := range authz.Roles() {
			for _, action := range []string{"log.read", "log.export"} {
				if e.Decide(request(role, action)).Allow {
					out = append(out, role+" "+action)
				}
			}
		}
		return out
	}
	want := []string{"owner log.read", "owner log.export", "security log.read", "security log.export", "auditor log.read", "auditor log.export"}
	if got := readers(engine(t, strongroom.Production)); !slices.Equal(got, want) {
		t.Errorf("readers of the log: %v", got)
	}
	// Planted: one more reader is noticed.
	wide := engine(t, strongroom.Production, authz.File{Name: "local.cedar", Text: []byte(
		`permit (principal in Role::"operator", action == Action::"log.read", resource);`)})
	if got := readers(wide); slices.Equal(got, want) {
		t.Error("a planted reader is not noticed")
	}
}

func TestActionsMatchSchema(t *testing.T) {
	var s schema.Schema
	if err := s.UnmarshalCedar(authz.Shipped()[0].Text); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	var inSchema, inTable, roles []string
	for uid := range r.Actions {
		inSchema = append(inSchema, string(uid.ID))
	}
	for _, a := range authz.Actions() {
		inTable = append(inTable, a.Name)
		if !authz.Known(a.Name) {
			t.Errorf("%s is not found: the table is not sorted", a.Name)
		}
	}
	// The check looks at one action of those a policy names: they must be alike.
	first := r.Actions[types.NewEntityUID("Action", "record.read")].AppliesTo
	for uid, a := range r.Actions {
		if !reflect.DeepEqual(a.AppliesTo, first) {
			t.Errorf("%s applies to others than record.read: see oneAction", uid)
		}
	}
	slices.Sort(inSchema)
	if !slices.Equal(inSchema, inTable) {
		t.Errorf("schema %v\ntable  %v", inSchema, inTable)
	}
	for _, v := range r.Enums["Role"].Values {
		roles = append(roles, string(v.ID))
	}
	if !slices.Equal(roles, authz.Roles()) {
		t.Errorf("roles of the schema %v, of the code %v", roles, authz.Roles())
	}
	if authz.Known("record.sell") {
		t.Error("an action nobody declared is known")
	}
}

func TestShippedFilesPassTheCheck(t *testing.T) {
	for _, f := range authz.Shipped()[1:] {
		f.Name = "copy-of-" + f.Name
		for _, p := range authz.Check([]authz.File{f}) {
			if !strings.Contains(p.What, "the same name is used") {
				t.Error(p)
			}
		}
	}
	for _, p := range engine(t, strongroom.Production).Policies() {
		if p.Says == "" || p.File == "" || p.Line == 0 {
			t.Errorf("policy %s has no words or no place: %+v", p.ID, p)
		}
	}
}

// Each planted fault is found, and the file without it passes.
func TestCheckFinds(t *testing.T) {
	good := `@id("local/one") permit (principal in Role::"auditor", action == Action::"record.read", resource);`
	if p := authz.Check([]authz.File{{Name: "local.cedar", Text: []byte(good)}}); len(p) != 0 {
		t.Fatalf("a good file is refused: %v", p)
	}
	for name, f := range map[string]authz.File{
		"syntax":                {Name: "local.cedar", Text: []byte(`permit (principal`)},
		"role misspelt":         {Name: "local.cedar", Text: []byte(strings.Replace(good, "auditor", "auditer", 1))},
		"role in a list":        {Name: "local.cedar", Text: []byte(`forbid (principal, action, resource) when { principal in [Role::"owner", Role::"auditer"] };`)},
		"action misspelt":       {Name: "local.cedar", Text: []byte(strings.Replace(good, "record.read", "record.raed", 1))},
		"attribute":             {Name: "local.cedar", Text: []byte(`permit (principal, action, resource) when { context.mood == "good" };`)},
		"may be absent":         {Name: "local.cedar", Text: []byte(`permit (principal, action, resource) when { context.purpose == "tax" };`)},
		"wrong type":            {Name: "local.cedar", Text: []byte(`permit (principal, action, resource) when { context.in_scope == "yes" };`)},
		"name twice":            {Name: "local.cedar", Text: []byte(good + good)},
		"name of a guard":       {Name: "local.cedar", Text: []byte(strings.Replace(good, "local/one", "guards/scope", 1))},
		"name not a name":       {Name: "local.cedar", Text: []byte(strings.Replace(good, "local/one", "jane doe", 1))},
		"action in a condition": {Name: "local.cedar", Text: []byte(`forbid (principal, action, resource) when { action == Action::"record.raed" };`)},
		"attribute of services": {Name: "local.cedar", Text: []byte(`forbid (principal is Service, action, resource) when { principal.trained };`)},
		"brackets":              {Name: "local.cedar", Text: []byte("permit (principal, action, resource) when { " + strings.Repeat("(", 300_000))},
		"denials":               {Name: "local.cedar", Text: []byte("permit (principal, action, resource) when { " + strings.Repeat("!", 300_000) + "true };")},
		"sets":                  {Name: "local.cedar", Text: []byte(`@says("// \"; /*") permit (principal, action, resource) when { ` + strings.Repeat("[", 300_000))},
		"behind a comment":      {Name: "local.cedar", Text: []byte("/* \" ; */ permit (principal, action, resource) when { // \"\n" + strings.Repeat("-", 300_000) + "1 == 1 };")},
		"too many":              {Name: "local.cedar", Text: []byte(strings.Repeat("permit (principal, action, resource);\n", 5001))},
		"guards replaced":       {Name: "guards.cedar", Text: []byte(good)},
		"not a .cedar file":     {Name: "local.txt", Text: []byte(good)},
	} {
		p := authz.Check([]authz.File{f})
		if len(p) != 1 {
			t.Errorf("%s: %d problems, want 1: %v", name, len(p), p)
			continue
		}
		if !strings.HasPrefix(p[0].String(), f.Name) {
			t.Errorf("%s: %q does not begin with the file", name, p[0])
		}
		if _, err := authz.New([]authz.File{f}, authz.Options{}); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%s: New takes it: %v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	files, err := authz.Load(fstest.MapFS{
		"b.cedar": {Data: []byte("b")}, "a.cedar": {Data: []byte("a")}, "README.md": {Data: []byte("x")}, "old/c.cedar": {Data: []byte("c")},
	})
	if err != nil || len(files) != 2 || files[0].Name != "a.cedar" || string(files[1].Text) != "b" {
		t.Fatalf("%v %v", files, err)
	}
}

func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/shipped.cases")
	if err != nil {
		t.Fatal(err)
	}
	results, err := engine(t, strongroom.Production).Test(text)
	if err != nil || len(results) < 8 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		if !r.OK {
			t.Errorf("line %d, %s: %s %v", r.Case.Line, r.Case.Name, r.Got.Text, r.Got.Reasons)
		}
	}
	// Planted: the same cases with every decision turned round must all fail.
	turned := strings.NewReplacer("--\nallow", "--\ndeny", "--\ndeny", "--\nallow").Replace(string(text))
	results, err = engine(t, strongroom.Production).Test([]byte(turned))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.OK {
			t.Errorf("line %d, %s: passes either way", r.Case.Line, r.Case.Name)
		}
	}
}

func TestCaseFileFaults(t *testing.T) {
	for _, text := range []string{
		"actor: service", "nonsense", "case: x\n\n", "case: x", "--\nallow", "case: x\n--", "case: x\n--\nmaybe",
		"case: x\n--\nallow\ncase: y", "resource: a b c d\n--\ndeny", "context.mood: good\n--\ndeny", "context.fields: three\n--\ndeny", "other.fields: 3\n--\ndeny",
	} {
		if _, err := authz.ParseCases([]byte(text)); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzCases(f *testing.F) {
	text, err := os.ReadFile("testdata/shipped.cases")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	e := engine(f, strongroom.Production)
	f.Fuzz(func(t *testing.T, text []byte) {
		results, err := e.Test(text)
		if err != nil && results != nil {
			t.Fatal("results beside an error")
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	e := engine(b, strongroom.Production)
	many := request(authz.Application, "record.read")
	for i := range 1000 {
		many.Actor.Stores = append(many.Actor.Stores, "str_"+string(rune('a'+i%26)))
	}
	reveal := request(authz.Application, "record.reveal")
	reveal.Purpose, reveal.HasReference = strongroom.Tax, true
	reveal.Context = map[string]any{"classes": []string{"email", "name", "phone"}, "fields": 3}
	for name, r := range map[string]authz.Request{
		"ingest": request(authz.Application, "record.ingest"), "reveal": reveal, "thousand-stores": many, "owner": request(authz.Owner, "record.list"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !e.Decide(r).Allow {
					b.Fatal("denied")
				}
			}
		})
	}
}
