package password

import (
	"crypto/sha256"
	_ "embed"
	"sort"
	"strings"
	"unicode"
)

// commonHashes are the skeletons of common passwords: for each the first
// [hashLen] bytes of its SHA-256, sorted. Where they come from is told in
// README.md beside them.
//
//go:embed common.bin
var commonHashes string

const hashLen = 8

// Only skeletons of this many runes are in the list; shorter ones would be met by
// chance, and longer ones hardly exist.
const (
	commonMin = 4
	commonMax = 24
)

// trimming is how many digits and signs around a common password still make it
// little more than that password.
const trimming = 12

// disguises reads digits and signs as the letters they stand for, and letters
// that one sign may stand for as one.
var disguises = strings.NewReplacer(
	"0", "o", "1", "i", "l", "i", "!", "i", "|", "i", "2", "z", "3", "e", "€", "e", "4", "a", "@", "a",
	"5", "s", "$", "s", "6", "g", "9", "g", "7", "t", "+", "t", "8", "b",
)

// skeleton is a folded text with its disguises taken off. It has as many runes as
// the text.
func skeleton(folded string) string { return disguises.Replace(folded) }

// common reports whether text is a common password, as it is, reversed, repeated
// or in disguise, with up to [trimming] digits and signs before and after it.
func common(text string) bool {
	rs := []rune(formsOf(text)[0])
	return wraps(rs) || wraps(collapse(rs))
}

// wraps looks every stretch of rs up that leaves out nothing but digits and signs
// at either end.
func wraps(rs []rune) bool {
	if len(rs) > commonMax+trimming {
		return false
	}
	head, tail := 0, len(rs)
	for head < len(rs) && !unicode.IsLetter(rs[head]) {
		head++
	}
	for tail > head && !unicode.IsLetter(rs[tail-1]) {
		tail--
	}
	bones := []rune(skeleton(string(rs)))
	for i := 0; i <= head; i++ {
		for j := len(rs); j >= tail && j > i; j-- {
			if len(rs)-(j-i) >= trimming || j-i < commonMin || j-i > commonMax {
				continue
			}
			if s := string(bones[i:j]); listed(s) || listed(reversed(s)) {
				return true
			}
		}
	}
	return false
}

// listed reports whether the skeleton s is in the list.
func listed(s string) bool {
	sum := sha256.Sum256([]byte(s))
	want := string(sum[:hashLen])
	at := func(i int) string { return commonHashes[i*hashLen : (i+1)*hashLen] }
	n := len(commonHashes) / hashLen
	i := sort.Search(n, func(i int) bool { return at(i) >= want })
	return i < n && at(i) == want
}
