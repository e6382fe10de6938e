package tlog

// NodeHash lets the tests spell out the definition of the tree.
func NodeHash(left, right Hash) Hash { return nodeHash(left, right) }
