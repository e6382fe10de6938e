package authz_test

import (
	"testing"

	"strongroom/internal/authz"
)

// What the parser cannot read has a line too, as what does not fit the schema has.
func TestProblemsNameTheLine(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"cut short":         {"permit (principal", 1},
		"an operator alone": {"\n\npermit (principal, action, resource) when { 1 == };", 3},
		"no word":           {"permit (principal, action, resource);\n\\", 2},
		"an open text":      {"\npermit (principal, action, resource) when { \"a };", 2},
		"the schema":        {"\n@id(\"a\") permit (principal, action, resource) when { context.mood == \"good\" };", 2},
	} {
		p := authz.Check([]authz.File{{Name: "local.cedar", Text: []byte(c.text)}})
		if len(p) != 1 || p[0].Line != c.line {
			t.Errorf("%s: %v, want line %d", name, p, c.line)
		}
	}
}
