package password

// What the tests of this package look at from outside.
var (
	Fold       = fold
	Characters = characters
	Skeleton   = func(text string) string { return skeleton(formsOf(text)[0]) }
	Listed     = listed
	Collapse   = func(text string) string { return string(collapse([]rune(text))) }
	Weight     = func(text string) int { return weight([]rune(text)) }
	Hashes     = commonHashes
)

const (
	HashLen   = hashLen
	CommonMin = commonMin
	CommonMax = commonMax
)
