package lifecycle

// CheckCitation reports whether s can be a citation.
func CheckCitation(s string) error { return checkCitation(s) }
