package tlog

import "golang.org/x/mod/sumdb/tlog"

// PrefixRoot returns the root of the tree over the first old leaves of the tree of
// that size and root. It reads as many tiles as the tree is high. Tiles that do not
// hash to the root are an error; [ErrRange] if the tree has fewer leaves.
func PrefixRoot(size int64, root Hash, old int64, src TileSource) (Hash, error) {
	if old < 0 || old > size {
		return Hash{}, ErrRange
	}
	if old == 0 {
		return EmptyRoot(), nil
	}
	return tlog.TreeHash(old, reader(size, root, src))
}
