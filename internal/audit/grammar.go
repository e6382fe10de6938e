package audit

import (
	"strings"

	"strongroom"
)

// isBase32 holds the characters of our ids: lower-case Crockford.
func isBase32(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' && c != 'i' && c != 'l' && c != 'o' && c != 'u'
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// all reports whether every byte of s passes ok.
func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// validID reports whether s is an id: prefix_ and 26 base32 characters, the
// product itself (sys:sweeper), a numbered thing (uid:1000, epoch:12, log:1), or
// the name of a thing there is only one of.
func validID(s string) bool {
	if i := strings.IndexByte(s, '_'); i >= 0 {
		return i >= 2 && i <= 8 && len(s)-i-1 == 26 && all(s[:i], isLower) && all(s[i+1:], isBase32)
	}
	if kind, rest, ok := strings.Cut(s, ":"); ok {
		switch kind {
		case "sys":
			return len(rest) >= 2 && len(rest) <= 24 && all(rest, func(c byte) bool { return isLower(c) || c == '-' })
		case "uid", "epoch", "log", "version", "batch":
			return len(rest) >= 1 && len(rest) <= 10 && all(rest, isDigit)
		}
		return false
	}
	switch s {
	case "instance", "log", "keyring", "clock", "policies", "database", "epoch", "root", "door", "jobs", "stores":
		return true
	}
	return false
}

// validHash reports whether s can be a keyed hash or digest: lower-case hex of
// 16 to 64 bytes' worth, or 26 or 52 base32 characters.
func validHash(s string) bool {
	switch len(s) {
	case 26, 52:
		return all(s, isBase32)
	case 32, 40, 48, 64:
		return all(s, func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' })
	}
	return false
}

// validCode is the form of a fault's code: [a-z][a-z0-9-]{0,31}.
func validCode(s string) bool {
	return s != "" && len(s) <= 32 && isLower(s[0]) &&
		all(s, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' })
}

// validWord is the form of terms: [a-z][a-z0-9._-]{0,31}.
func validWord(s string) bool {
	return s != "" && len(s) <= 32 && isLower(s[0]) &&
		all(s, func(c byte) bool { return isLower(c) || isDigit(c) || c == '.' || c == '-' || c == '_' })
}

// validAction is the form of an action's name: words joined by dots.
func validAction(s string) bool {
	if len(s) > 40 || strings.Count(s, ".") == 0 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if len(part) < 2 || !all(part, func(c byte) bool { return isLower(c) || c == '-' || c == '_' }) {
			return false
		}
	}
	return true
}

// validPolicy is the form of a policy's id: roles/owner, mine.cedar#2.
func validPolicy(s string) bool { return strongroom.CheckName("policy", s) == nil }

func validDoor(s string) bool {
	switch s {
	case "http", "socket", "command", "job", "console", "gateway":
		return true
	}
	return false
}

func validPurpose(p strongroom.Purpose) bool {
	switch p {
	case strongroom.Fulfilment, strongroom.Tax, strongroom.Invoice, strongroom.LegalDuty, strongroom.SubjectRequest:
		return true
	}
	return false
}

// validType knows the types of resources: what Cedar and OCSF call them here.
func validType(s string) bool {
	switch s {
	case "Store", "Record", "Log", "Key", "Instance", "Job",
		"Device", "Network", "Request", "Grant", "Campaign", "Register", "Route", "Document",
		"Account", "Backup", "Canary", "Case", "Door", "Epoch", "Field", "Hold", "Policy", "Role",
		"Rule", "Session", "Subject", "Token", "Tombstone":
		return true
	}
	return false
}

// validOrigin is the form of a log's name.
func validOrigin(s string) bool { return s != "" && len(s) <= 128 && validPath(s) }

func validPath(s string) bool {
	return isLower(s[0]) && all(s, func(c byte) bool {
		return isLower(c) || isDigit(c) || c == '.' || c == '-' || c == '_' || c == '/'
	})
}
