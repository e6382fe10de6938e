package password

import (
	"slices"
	"strings"
)

// rows are the orders in which characters are typed or told off without thought,
// folded and without accents: the alphabets, the digits, and the rows and columns
// of keyboards.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "0123456789", "`1234567890-=", "~!@#$%^&*()_+",
	"qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./", // English
	"qwertzuiop", "yxcvbnm,.-", // German
	"azertyuiop", "qsdfghjklm", "wxcvbn,;:!", // French
	"1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/",
	"абвгдежзииклмнопрстуфхцчшщъыьэюя", "ицукенгшщзхъ", "фывапролджэ", "ячсмитьбю.",
	"αβγδεζηθικλμνξοπρστυφχψω",
}

// Anything below these is repetition (ours). A run of three or more counts as
// two, whatever its length.
const (
	runLength = 3
	runWeight = 2
	distinct  = 5
)

// repetitive reports whether text has fewer than [distinct] different characters,
// or is worth less than three quarters of the characters asked for once repetitions
// count once and runs count [runWeight].
func repetitive(text string, length int) bool {
	rs := []rune(formsOf(text)[0])
	kinds := slices.Clone(rs)
	slices.Sort(kinds)
	if len(slices.Compact(kinds)) < distinct {
		return true
	}
	return weight(collapse(rs)) < length*3/4
}

// collapse writes what is repeated at once, two runes or more, only once.
func collapse(rs []rune) []rune {
	var out []rune
	for i := 0; i < len(rs); {
		n := repeatedAt(rs[i:])
		if n == 0 {
			out = append(out, rs[i])
			i++
			continue
		}
		block := rs[i : i+n]
		out = append(out, block...)
		for i += n; i+n <= len(rs) && slices.Equal(rs[i:i+n], block); i += n {
		}
	}
	return out
}

// repeatedAt is the length of the longest start of rs that follows itself, of two
// runes or more, or 0.
func repeatedAt(rs []rune) int {
	for n := len(rs) / 2; n >= 2; n-- {
		if slices.Equal(rs[:n], rs[n:2*n]) {
			return n
		}
	}
	return 0
}

// weight is the length of rs with each run worth no more than [runWeight].
func weight(rs []rune) int {
	total := 0
	for i := 0; i < len(rs); {
		n := runAt(rs[i:])
		if n >= runLength {
			total += runWeight
		} else {
			n = 1
			total++
		}
		i += n
	}
	return total
}

// runAt is the length of the run rs starts with: one character again and again,
// or one row followed in one direction.
func runAt(rs []rune) int {
	if len(rs) < 2 {
		return len(rs)
	}
	ways := steps(rs[0], rs[1])
	n := 1
	for n < len(rs) && ways != 0 {
		if n > 1 {
			ways &= steps(rs[n-1], rs[n])
		}
		if ways != 0 {
			n++
		}
	}
	return n
}

// steps is the set of ways from a to b: bit 0 for no step at all, and two bits
// for each row, forwards and backwards.
func steps(a, b rune) uint64 {
	if a == b {
		return 1
	}
	var set uint64
	pair, back := string([]rune{a, b}), string([]rune{b, a})
	for i, row := range rows {
		if strings.Contains(row, pair) {
			set |= 1 << (2*i + 1)
		}
		if strings.Contains(row, back) {
			set |= 1 << (2*i + 2)
		}
	}
	return set
}
