package federation

import "io"

// ParseFeed reads a feed and returns how many lines it has that are good and bad.
func ParseFeed(src io.Reader) (rows, failed int, err error) {
	r, f, err := parseFeed(src, Feed{})
	return len(r), len(f), err
}

// ProbesAtOnce is how many leavers one call of ProbeDue tries.
const ProbesAtOnce = probesAtOnce
