package audit

import "slices"

// knownWord is the closed list of what a note may say. A [Term] need not be here.
// Status words of shop platforms must not be: see the package's invariants.
func knownWord(s string) bool {
	switch s {
	case
		// classes of fields
		"unknown", "email", "phone", "name", "address", "city", "postal", "national", "text", "payment",
		"network", "geo", "tracking", "document", "linkable", "company", "merchant", "birthday", "key",
		// kinds of records and how they came
		"order", "customer", "fulfilment", "store", "sync", "webhook", "proxy", "import", "api", "portal",
		// why something died or was kept
		"expiry", "notice", "subject", "disconnect", "hold", "operator", "replay", "restore", "failover",
		"damage", "move", "drill", "tombstone", "budget", "purpose",
		// engines, environments, roles
		"sqlite", "postgres", "production", "test", "owner", "privacy", "security", "auditor",
		"application", "system", "everything",
		// how a thing was done
		"partial", "full", "tokens", "search", "list", "first", "again", "dry", "rotate", "revoke",
		"token", "null", "clear", "pseudonym", "coarse",
		"fulfilment_closed", "tax", "invoice", "legal_duty", "subject_request":
		return true
	}
	return false
}

// noteKind is what a note's value may be.
type noteKind uint8

const (
	noteNone   noteKind = iota
	noteCount           // 0 to 999,999,999: too short for a telephone number
	noteNumber          // an integer of 53 bits: bytes, microseconds, positions
	noteFlag            // bool
	noteID              // an id
	noteIDs             // up to 64 ids
	noteHash            // a keyed hash or digest
	noteWord            // a word of the list, or a Term
	noteWords           // up to 32 words of the list, or Terms
)

// noteRow is a row of the allow-list.
type noteRow struct {
	key  string
	kind noteKind
}

// noteRows is the allow-list of note keys, sorted; a test holds the order.
var noteRows = [...]noteRow{
	{"account", noteID},
	{"after", noteNumber},
	{"again", noteFlag},
	{"all", noteFlag},
	{"attempts", noteCount},
	{"batch", noteID},
	{"budget", noteCount},
	{"by", noteID},
	{"by_fields", noteWords},
	{"bytes", noteNumber},
	{"case", noteID},
	{"classes", noteWords},
	{"cleared", noteCount},
	{"count", noteCount},
	{"days", noteCount},
	{"dead", noteCount},
	{"destroyed", noteCount},
	{"digest", noteHash},
	{"dry", noteFlag},
	{"due_us", noteNumber},
	{"endpoint_hash", noteHash},
	{"engine", noteWord},
	{"environment", noteWord},
	{"epoch", noteCount},
	{"events", noteCount},
	{"external", noteHash},
	{"failed", noteCount},
	{"fields", noteCount},
	{"from_schema", noteCount},
	{"from_us", noteNumber},
	{"full", noteFlag},
	{"generation", noteCount},
	{"hold", noteID},
	{"hours", noteCount},
	{"how", noteWord},
	{"idempotency", noteHash},
	{"ids", noteIDs},
	{"index", noteNumber},
	{"instance", noteID},
	{"job", noteID},
	{"kept", noteCount},
	{"key", noteID},
	{"keys", noteCount},
	{"kind", noteWord},
	{"kinds", noteWords},
	{"leaves", noteCount},
	{"lifted", noteFlag},
	{"limit", noteCount},
	{"lost", noteCount},
	{"mode", noteWord},
	{"more", noteFlag},
	{"number", noteCount},
	{"objects", noteCount},
	{"offset_us", noteNumber},
	{"open", noteCount},
	{"origin_hash", noteHash},
	{"overdue", noteCount},
	{"package", noteWord},
	{"page", noteCount},
	{"pages", noteCount},
	{"part", noteCount},
	{"position", noteNumber},
	{"profile", noteWord},
	{"queued", noteCount},
	{"reason", noteWord},
	{"record", noteID},
	{"records", noteCount},
	{"refused", noteCount},
	{"request", noteID},
	{"rewrapped", noteFlag},
	{"roles", noteWords},
	{"schema", noteCount},
	{"seconds", noteCount},
	{"session", noteID},
	{"size", noteNumber},
	{"skipped", noteCount},
	{"source", noteHash},
	{"stage", noteWord},
	{"status", noteCount},
	{"store", noteID},
	{"stores", noteCount},
	{"tainted", noteFlag},
	{"terms", noteCount},
	{"to", noteNumber},
	{"tokens", noteCount},
	{"took_us", noteNumber},
	{"unchanged", noteCount},
	{"until_us", noteNumber},
	{"use", noteWord},
	{"used", noteCount},
	{"version", noteCount},
}

// kindOfNote looks a key up.
func kindOfNote(key string) noteKind {
	i, ok := slices.BinarySearchFunc(noteRows[:], key, func(r noteRow, k string) int {
		switch {
		case r.key < k:
			return -1
		case r.key > k:
			return 1
		}
		return 0
	})
	if !ok {
		return noteNone
	}
	return noteRows[i].kind
}

// NoteKeys returns the allow-list of note keys and what each may hold, for
// documentation and tests.
func NoteKeys() map[string]string {
	names := [...]string{
		noteCount: "count", noteNumber: "number", noteFlag: "flag", noteID: "id", noteIDs: "ids",
		noteHash: "hash", noteWord: "word", noteWords: "words",
	}
	out := make(map[string]string, len(noteRows))
	for _, r := range noteRows {
		out[r.key] = names[r.kind]
	}
	return out
}
