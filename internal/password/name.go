package password

import (
	"strings"
	"unicode"
)

// needles are what a password must not contain, in the form of [forms].
type needles struct {
	texts     map[string]bool // as they are
	skeletons map[string]bool // with digits and signs read as letters
}

func newNeedles() needles { return needles{map[string]bool{}, map[string]bool{}} }

// in reports whether any spelling of a candidate contains a needle.
func (n needles) in(candidate forms) bool {
	for _, c := range candidate {
		for t := range n.texts {
			if strings.Contains(c, t) {
				return true
			}
		}
		if len(n.skeletons) == 0 {
			continue
		}
		s := skeleton(c)
		for t := range n.skeletons {
			if strings.Contains(s, t) {
				return true
			}
		}
	}
	return false
}

// add puts t in, forwards and backwards. A single Latin letter is not put in: as
// an initial it would rule out every password that has the letter (ours).
func (n needles) add(t string) {
	rs := []rune(t)
	if len(rs) == 0 || len(rs) == 1 && unicode.Is(unicode.Latin, rs[0]) {
		return
	}
	n.texts[t], n.texts[reversed(t)] = true, true
}

// piece is how many letters of a longer name are a part of it (DPP 2.4.3; the
// figure is ours).
const piece = 3

// addPieces puts in every run of three letters of t: whatever contains more of it
// contains one of them.
func (n needles) addPieces(t string) {
	rs := []rune(t)
	for i := 0; i+piece <= len(rs); i++ {
		n.add(string(rs[i : i+piece]))
	}
}

// disguised is the shortest word that is also looked for with digits for letters;
// below it, chance alone would find it.
const disguised = 4

func (n needles) addDisguised(t string) {
	if len([]rune(t)) >= disguised {
		s := skeleton(t)
		n.skeletons[s], n.skeletons[reversed(s)] = true, true
	}
}

// nameNeedles are the parts of a person's name: each whole part of any length and
// script, every three letters of a longer one, and a whole word written with
// signs inside, such as O'Brien, without them.
func nameNeedles(name string) needles {
	n := newNeedles()
	for _, word := range strings.Fields(fold(name)) {
		parts := strings.FieldsFunc(word, notOfWord)
		for _, p := range append(parts, strings.Join(parts, "")) {
			for _, run := range scriptRuns(p) {
				n.addPart(run)
			}
		}
	}
	return n
}

func (n needles) addPart(part string) {
	for _, f := range formsOf(part) {
		n.add(f)
		n.addPieces(f)
		n.addDisguised(f)
	}
}

// emailNeedles are the parts before the @: each as a whole, with and without
// punctuation, from three characters on, and every three letters of their words.
func emailNeedles(emails []string) needles {
	n := newNeedles()
	for _, e := range emails {
		local := e
		if i := strings.LastIndexByte(e, '@'); i >= 0 {
			local = e[:i]
		}
		local = fold(local)
		for _, whole := range []string{local, strings.Join(strings.FieldsFunc(local, notOfWordOrNumber), "")} {
			for _, f := range formsOf(whole) {
				if len([]rune(f)) >= piece {
					n.add(f)
				}
			}
		}
		for _, word := range strings.FieldsFunc(local, notOfWord) {
			for _, f := range formsOf(word) {
				n.addPieces(f)
				n.addDisguised(f)
			}
		}
	}
	return n
}

// wordNeedles are whole words, from four characters on in Latin script and from
// two in others: shorter ones would rule out too much.
func wordNeedles(words []string) needles {
	n := newNeedles()
	for _, text := range words {
		for _, w := range strings.FieldsFunc(fold(text), notOfWordOrNumber) {
			for _, f := range formsOf(w) {
				rs := []rune(f)
				if len(rs) >= disguised || len(rs) >= 2 && !unicode.In(rs[0], unicode.Latin, unicode.Nd) {
					n.add(f)
				}
				n.addDisguised(f)
			}
		}
	}
	return n
}

func notOfWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }

func notOfWordOrNumber(r rune) bool { return notOfWord(r) && !unicode.IsDigit(r) }

// scriptRuns splits a part where its script changes between Han, kana, Hangul and
// all others, and splits Han and Hangul into their characters: written without
// spaces, each of them may be a name.
func scriptRuns(part string) []string {
	var runs []string
	last := -1
	for _, r := range part {
		class := 0
		switch {
		case unicode.In(r, unicode.Han, unicode.Hangul):
			class = 1
		case unicode.In(r, unicode.Hiragana, unicode.Katakana) || r == 'ー':
			class = 2
		case unicode.IsMark(r) && len(runs) > 0:
			class = last
		}
		if class == last && class != 1 {
			runs[len(runs)-1] += string(r)
		} else {
			runs = append(runs, string(r))
		}
		last = class
	}
	return runs
}
