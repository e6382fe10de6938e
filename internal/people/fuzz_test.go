package people_test

import (
	"strings"
	"testing"

	"strongroom/internal/people"
)

// Whatever somebody is called, the answer comes, and does not repeat it.
func FuzzRefuseShared(f *testing.F) {
	f.Add(janeName, janeMail)
	f.Add("Support Team", "info+x@bücher.example")
	f.Add("\u00ad\u200d", "+@x.y")
	f.Add("ｱﾄﾞﾐﾝ", `"a b"@x.example`)
	f.Fuzz(func(t *testing.T, name, mail string) {
		first := people.RefuseShared(name, mail, false)
		if first == nil && people.RefuseShared(name, mail, true) != nil {
			t.Error("vouching makes it worse")
		}
		if c := code(first); first != nil && c != "shared-name" && c != "shared-mailbox" && c != "email" {
			t.Errorf("code %s", c)
		}
		if first != nil && (len(name) > 12 && strings.Contains(first.Error(), name) && !strings.Contains("each person gets an account of their own", name) ||
			len(mail) > 20 && strings.Contains(first.Error(), mail)) {
			t.Error("the fault repeats what was given")
		}
	})
}
