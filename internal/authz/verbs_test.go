package authz_test

import (
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
)

// What a role can do is read from the policies in force, the operator's among them.
func TestVerbs(t *testing.T) {
	shipped, err := authz.New(nil, authz.Options{Environment: strongroom.Production})
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]struct{ has, not string }{
		authz.Owner: {"review.open", "record.find"}, authz.Privacy: {"record.erase", "review.open"}, authz.Application: {"record.ingest", "record.erase"},
		authz.Auditor: {"log.read", "key.add"}, authz.Operator: {"key.revoke", "review.decide"}, authz.Security: {"person.end", "store.add"},
	} {
		got := shipped.Verbs(role)
		if !slices.Contains(got, want.has) || slices.Contains(got, want.not) || !slices.IsSorted(got) {
			t.Errorf("%s: %v", role, got)
		}
	}
	if n := len(shipped.Verbs(authz.TestEverything)); n != len(authz.Actions()) {
		t.Errorf("everything is %d actions", n)
	}
	if shipped.Verbs("nobody") != nil {
		t.Error("a role of no policy has verbs")
	}
	more, err := authz.New([]authz.File{{Name: "more.cedar", Text: []byte(`
		permit (principal in Role::"auditor", action == Action::"record.find", resource);
		permit (principal, action == Action::"sync.run", resource) when { principal in Role::"auditor" };
		forbid (principal in Role::"auditor", action == Action::"record.erase", resource);`)}}, authz.Options{Environment: strongroom.Production})
	if err != nil {
		t.Fatal(err)
	}
	got := more.Verbs(authz.Auditor)
	if !slices.Contains(got, "record.find") || !slices.Contains(got, "sync.run") || slices.Contains(got, "record.erase") {
		t.Errorf("with the operator's own: %v", got)
	}
	got[0] = "changed"
	if more.Verbs(authz.Auditor)[0] == "changed" {
		t.Error("the caller can change what the engine knows")
	}
}
