package tlog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 node of the tree. It prints as base64.
type Hash = tlog.Hash

// HashSize is the size of a [Hash] in bytes.
const HashSize = tlog.HashSize

// LeafHash returns the RFC 6962 hash of an entry: SHA-256(0x00 ‖ entry).
func LeafHash(entry []byte) Hash {
	// Entries are small, so joining them on the stack beats the streaming
	// interface, which allocates.
	var buf [1024]byte
	if len(entry) < len(buf) {
		n := copy(buf[1:], entry)
		return sha256.Sum256(buf[:1+n])
	}
	return tlog.RecordHash(entry)
}

// nodeHash returns SHA-256(0x01 ‖ left ‖ right).
func nodeHash(left, right Hash) Hash { return tlog.NodeHash(left, right) }

// EmptyRoot returns the root of a tree without leaves: SHA-256 of nothing.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// Frontier is the right edge of a growing tree: the roots of its complete
// subtrees, largest first. The zero Frontier is the empty tree.
type Frontier struct {
	size  int64
	nodes []Hash // one for each set bit of size
}

// Append adds a leaf.
func (f *Frontier) Append(leaf Hash) {
	// The new leaf closes one subtree for each trailing set bit of the old size.
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.nodes) - 1
		leaf = nodeHash(f.nodes[last], leaf)
		f.nodes = f.nodes[:last]
	}
	f.nodes = append(f.nodes, leaf)
	f.size++
}

// Size returns the number of leaves.
func (f *Frontier) Size() int64 { return f.size }

// Root returns the tree's root.
func (f *Frontier) Root() Hash {
	if len(f.nodes) == 0 {
		return EmptyRoot()
	}
	h := f.nodes[len(f.nodes)-1]
	for i := len(f.nodes) - 2; i >= 0; i-- {
		h = nodeHash(f.nodes[i], h)
	}
	return h
}

// Clone returns a copy that shares nothing with f.
func (f *Frontier) Clone() Frontier {
	return Frontier{size: f.size, nodes: append([]Hash(nil), f.nodes...)}
}

// Marshal returns the frontier as its size in 8 big-endian bytes and its nodes.
func (f *Frontier) Marshal() []byte {
	b := make([]byte, 8, 8+len(f.nodes)*HashSize)
	binary.BigEndian.PutUint64(b, uint64(f.size))
	for i := range f.nodes {
		b = append(b, f.nodes[i][:]...)
	}
	return b
}

// ErrFrontier is the error of a frontier that no tree can have.
var ErrFrontier = errors.New("tlog: the frontier's bytes are damaged")

// Unmarshal sets f to what [Frontier.Marshal] wrote. No bytes at all mean the
// empty tree. It fails with [ErrFrontier] and then leaves f alone.
func (f *Frontier) Unmarshal(b []byte) error {
	if len(b) == 0 {
		*f = Frontier{}
		return nil
	}
	if len(b) < 8 {
		return ErrFrontier
	}
	size := int64(binary.BigEndian.Uint64(b))
	b = b[8:]
	if size < 0 || len(b) != bits.OnesCount64(uint64(size))*HashSize {
		return ErrFrontier
	}
	nodes := make([]Hash, len(b)/HashSize)
	for i := range nodes {
		copy(nodes[i][:], b[i*HashSize:])
	}
	f.size, f.nodes = size, nodes
	return nil
}
