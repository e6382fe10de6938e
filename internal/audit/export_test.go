package audit

import (
	"slices"
	"time"
)

// Leaf returns the leaf of an event at a time.
func Leaf(e Event, at time.Time) ([]byte, error) { return appendLeaf(nil, &e, at.UnixMilli()) }

// AppendLeaf is what the hot path calls.
func AppendLeaf(b []byte, e *Event, ms int64) ([]byte, error) { return appendLeaf(b, e, ms) }

// KnownWord tells the words of the closed list.
func KnownWord(s string) bool { return knownWord(s) }

// NotesSorted reports whether the allow-list is in the order its search needs.
func NotesSorted() bool {
	return slices.IsSortedFunc(noteRows[:], func(a, b noteRow) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
}
