package tlog

import "errors"

// TileHeight is the height of a tile: it holds up to TileWidth hashes.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// TileID names a tile: hashes Index·256 to Index·256+255 of tree level
// Level·8.
type TileID struct {
	Level int
	Index int64
}

// Tile is a tile's name and its hashes, one after the other. A tile of level 0
// is always full; one of an upper level may still grow.
type Tile struct {
	ID   TileID
	Data []byte
}

// Builder grows a tree and yields its tiles. The zero Builder is the empty tree.
type Builder struct {
	Frontier
	edge []([]byte) // the unfinished tile of each level
}

// ErrEdge is the error of tile data that does not fit the frontier.
var ErrEdge = errors.New("tlog: the unfinished tiles do not fit the frontier")

// NewBuilder returns a builder that continues the tree of f. For each level it
// asks edge for the unfinished tile's data, whose length follows from the size;
// at level 0 these are the hashes of the newest leaves. It fails with [ErrEdge]
// if the answers do not hash to the frontier.
func NewBuilder(f Frontier, edge func(id TileID, width int) ([]byte, error)) (*Builder, error) {
	b := &Builder{Frontier: f.Clone()}
	for level, n := 0, f.size; n > 0; level, n = level+1, n>>TileHeight {
		width := int(n & (TileWidth - 1))
		var data []byte
		if width > 0 {
			got, err := edge(TileID{level, n >> TileHeight}, width)
			if err != nil {
				return nil, err
			}
			if len(got) != width*HashSize {
				return nil, ErrEdge
			}
			data = append(make([]byte, 0, TileWidth*HashSize), got...)
		}
		b.edge = append(b.edge, data)
	}
	if !b.sound() {
		return nil, ErrEdge
	}
	return b, nil
}

// sound reports whether the edge hashes to the frontier. Every frontier node is
// a subtree of one unfinished tile: its level and place follow from the size.
func (b *Builder) sound() bool {
	next := 0
	for bit := 62; bit >= 0; bit-- {
		if b.size&(1<<bit) == 0 {
			continue
		}
		level, within := bit/TileHeight, bit%TileHeight
		// Hashes before this subtree in its tile: the bits of the size above.
		start := int(b.size>>(level*TileHeight)) & (TileWidth - 1) &^ (1<<(within+1) - 1)
		data := b.edge[level][start*HashSize : (start+1<<within)*HashSize]
		if tileRoot(data) != b.nodes[next] {
			return false
		}
		next++
	}
	return true
}

// Append adds a leaf. When it fills a tile, full is called with that tile and
// with each tile above that this changes, lowest first. The data is valid during
// the call only.
func (b *Builder) Append(leaf Hash, full func(Tile) error) error {
	b.Frontier.Append(leaf)
	for level := 0; ; level++ {
		if level == len(b.edge) {
			b.edge = append(b.edge, nil)
		}
		if b.edge[level] == nil {
			b.edge[level] = make([]byte, 0, TileWidth*HashSize)
		}
		data := append(b.edge[level], leaf[:]...)
		b.edge[level] = data
		done := len(data) == TileWidth*HashSize
		if level > 0 || done {
			// Index of the newest hash of this level, then of its tile.
			n := (b.size - 1) >> (level * TileHeight) >> TileHeight
			if err := full(Tile{ID: TileID{level, n}, Data: data}); err != nil {
				return err
			}
		}
		if !done {
			return nil
		}
		leaf = tileRoot(data)
		b.edge[level] = data[:0]
	}
}

// Clone returns a copy that shares nothing with b.
func (b *Builder) Clone() *Builder {
	c := &Builder{Frontier: b.Frontier.Clone(), edge: make([][]byte, len(b.edge))}
	for i, e := range b.edge {
		c.edge[i] = append(make([]byte, 0, TileWidth*HashSize), e...)
	}
	return c
}

// tileRoot returns the root over a power of two of hashes.
func tileRoot(data []byte) Hash {
	if len(data) == HashSize {
		return Hash(data)
	}
	half := len(data) / 2
	return nodeHash(tileRoot(data[:half]), tileRoot(data[half:]))
}
