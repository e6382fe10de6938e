package main

import "strings"

// usageText says what is wrong with a command line without the values on it, which
// may be personal and end in logs: only names of flags and commands are repeated.
func usageText(err error) string {
	text := err.Error()
	hint := ""
	if i := strings.Index(text, ", did you mean "); i >= 0 {
		text, hint = text[:i], text[i:]
	}
	for _, what := range []string{"unexpected argument", "unknown flag"} {
		if strings.HasPrefix(text, what) {
			if hint == "" {
				hint = "; see --help"
			}
			return what + hint
		}
	}
	if i := strings.Index(text, " but got "); i >= 0 && strings.Contains(text[:i], "must be one of") {
		return text[:i]
	}
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "<") {
		name := text[:strings.IndexAny(text+" ", " :=")]
		return name + ": this value cannot be taken; see --help"
	}
	return text
}
