package fieldmap

import (
	"unicode/utf16"
	"unicode/utf8"
)

// The lexer: functions over a byte slice and a position. Each returns the
// position after what it read, or -1 when the text is not JSON there.

// plain marks the bytes that need no look inside a string: all but the quote,
// the backslash and control characters.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return t
}()

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString reads the string that opens at b[i] and reports whether it holds
// escapes.
func skipString(b []byte, i int) (end int, escaped bool) {
	i++
	for i < len(b) {
		c := b[i]
		switch {
		case plain[c]:
			i++
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = skipEscape(b, i); i < 0 {
				return -1, false
			}
		default:
			return -1, false
		}
	}
	return -1, false
}

func skipEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if _, ok := hex4(b, i+2); ok {
			return i + 6
		}
	}
	return -1
}

func hex4(b []byte, i int) (r rune, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// skipNumber reads a number: -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?
func skipNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	if i = skipDigits(b, i); i == start || b[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = skipDigits(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(b, start); i == start {
			return -1
		}
	}
	return i
}

func skipWord(b []byte, i int, word string) int {
	if i+len(word) <= len(b) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

// unescape appends the decoded content of a string (between its quotes, already
// checked by skipString). With pos it also appends, for each decoded byte, the
// offset in content where its character begins.
func unescape(dst, content []byte, pos *[]int) []byte {
	for i := 0; i < len(content); {
		start, had := i, len(dst)
		if c := content[i]; c != '\\' {
			dst = append(dst, c)
			i++
		} else if content[i+1] != 'u' {
			dst = append(dst, unescapeByte(content[i+1]))
			i += 2
		} else {
			r, _ := hex4(content, i+2)
			i += 6
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+1 < len(content) && content[i] == '\\' && content[i+1] == 'u' {
					low, ok = hex4(content, i+2)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		}
		if pos != nil {
			for range len(dst) - had {
				*pos = append(*pos, start)
			}
		}
	}
	return dst
}

func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// peekElement looks ahead into the object that opens at b[i], which has not been
// checked yet: it returns the text of member key if that is a non-empty string
// (with its quotes) or a number. It stops at the member, so an id that comes
// first costs nothing.
func peekElement(b []byte, i int, key string) []byte {
	depth, expectKey := 0, false
	for i < len(b) {
		switch c := b[i]; c {
		case '{', '[':
			depth++
			expectKey = depth == 1 && c == '{'
			i++
		case '}', ']':
			if depth--; depth == 0 {
				return nil
			}
			i++
		case ',':
			expectKey = depth == 1
			i++
		case '"':
			end, _ := skipString(b, i)
			if end < 0 {
				return nil
			}
			if expectKey && string(b[i+1:end-1]) == key {
				return scalarAfterColon(b, end)
			}
			expectKey = false
			i = end
		default:
			i++
		}
	}
	return nil
}

func scalarAfterColon(b []byte, i int) []byte {
	if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
		return nil
	}
	if i = skipSpace(b, i+1); i >= len(b) {
		return nil
	}
	end := -1
	if b[i] == '"' {
		end, _ = skipString(b, i)
	} else if b[i] == '-' || b[i] >= '0' && b[i] <= '9' {
		end = skipNumber(b, i)
	}
	if end < 0 || end-i == 2 && b[i] == '"' {
		return nil
	}
	return b[i:end]
}

// skipAny returns the end of the value that opens at b[i] without checking it,
// len(b) if it never ends.
func skipAny(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1
			}
			i++
		case '"':
			end, _ := skipString(b, i)
			if end < 0 {
				return len(b)
			}
			i = end
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(b)
}
