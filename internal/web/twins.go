package web

import (
	"encoding/json"
	"strings"
)

// hasTwin reports whether an object in body names a field twice. Names count as
// equal where the decoder takes them for the same field: escapes and case do not
// tell them apart. body must be valid JSON that has been decoded into a type
// without maps, so that an object has no more names than its type has fields.
func hasTwin(body []byte) bool {
	var names [][]string // of the objects that are open; nil for an array
	key := false         // the next string is a name
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{':
			names, key = append(names, []string{}), true
		case '[':
			names, key = append(names, nil), false
		case '}', ']':
			names, key = names[:len(names)-1], false
		case ',':
			key = names[len(names)-1] != nil
		case '"':
			end := stringEnd(body, i)
			if key {
				name, top := nameOf(body[i:end]), len(names)-1
				for _, n := range names[top] {
					if strings.EqualFold(n, name) {
						return true
					}
				}
				names[top], key = append(names[top], name), false
			}
			i = end - 1
		}
	}
	return false
}

// stringEnd returns the index behind the string that begins at i.
func stringEnd(body []byte, i int) int {
	for i++; body[i] != '"'; i++ {
		if body[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// nameOf returns the text of a name with its escapes undone.
func nameOf(quoted []byte) string {
	for _, c := range quoted {
		if c == '\\' {
			var s string
			_ = json.Unmarshal(quoted, &s) // it was decoded before
			return s
		}
	}
	return string(quoted[1 : len(quoted)-1])
}
