package policy_test

import (
	"strings"
	"testing"

	"strongroom/internal/authz"
)

// A refused proposal says how many problems there are and where the first is, and
// names no line where there is none.
func TestRefusedProposalSaysWhere(t *testing.T) {
	f := fresh(t)
	owner := f.person(authz.Owner)
	for text, want := range map[string]string{
		"\n\npermit (principal, action, resource) when { 1 == };": "1 problem in the policies in line 3; ",
		`permit (principal, action, resource) when { context.mood == "good" };
forbid (principal, action, resource) when { context.mood == "good" };`: "2 problems in the policies, the first in line 1; ",
	} {
		_, _, err := f.Propose(t.Context(), owner, own(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
