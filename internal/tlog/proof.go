package tlog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// TileSource reads the tiles of a stored tree. ReadTile returns the first width
// hashes of a tile; at level 0 an unfinished tile is made from the newest leaves.
type TileSource interface {
	ReadTile(id TileID, width int) ([]byte, error)
}

// ErrProof is the error of a proof, or of tiles, that do not verify.
var ErrProof = errors.New("tlog: the proof does not verify")

// ErrRange is the error of an index or size outside the tree.
var ErrRange = errors.New("tlog: index or size outside the tree")

// tiles adapts a TileSource to the reader of x/mod.
type tiles struct{ src TileSource }

func (t tiles) Height() int                     { return TileHeight }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(ids []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(ids))
	for i, id := range ids {
		data, err := t.src.ReadTile(TileID{id.L, id.N}, id.W)
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

// reader returns hashes that are proven to lie in the tree of that size and
// root: every tile is checked against its parent, the top against the root.
func reader(size int64, root Hash, src TileSource) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{src})
}

// ProveInclusion returns the proof that leaf index lies in the tree. Tiles that
// do not hash to the root are an error.
func ProveInclusion(size int64, root Hash, index int64, src TileSource) ([]Hash, error) {
	if index < 0 || index >= size {
		return nil, ErrRange
	}
	r := reader(size, root, src)
	// Reading the leaf as well makes the reader check the tiles even where the
	// proof needs none of them.
	leaf, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(size, index, r)
	if err != nil {
		return nil, err
	}
	return proof, CheckInclusion(proof, size, root, index, leaf[0])
}

// ProveConsistency returns the proof that the tree extends its first old leaves,
// of which there is at least one. Tiles that do not hash to the root are an error.
func ProveConsistency(size int64, root Hash, old int64, src TileSource) ([]Hash, error) {
	if old < 1 || old > size {
		return nil, ErrRange
	}
	return tlog.ProveTree(size, old, reader(size, root, src))
}

// CheckInclusion verifies that the tree holds leaf at index; else [ErrProof] or
// [ErrRange].
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if index < 0 || index >= size {
		return ErrRange
	}
	if tlog.CheckRecord(proof, size, root, index, leaf) != nil {
		return ErrProof
	}
	return nil
}

// CheckConsistency verifies that the tree of size and root extends the older
// one; else [ErrProof] or [ErrRange]. A proof starts from one leaf up: there is
// nothing to prove about the empty tree.
func CheckConsistency(proof []Hash, size int64, root Hash, old int64, oldRoot Hash) error {
	if old < 1 || old > size {
		return ErrRange
	}
	if tlog.CheckTree(proof, size, root, old, oldRoot) != nil {
		return ErrProof
	}
	return nil
}

// Proof is everything an outsider needs to see that an entry is in the log: its
// index, the inclusion proof and the signed checkpoint it leads to.
type Proof struct {
	Index      int64
	Hashes     []Hash
	Checkpoint []byte // a signed note
}

// proofHead is the first line of a C2SP tlog-proof.
const proofHead = "c2sp.org/tlog-proof@v1\n"

// FormatProof returns p as a C2SP tlog-proof text.
func FormatProof(p Proof) []byte {
	b := append([]byte(proofHead), "index "...)
	b = strconv.AppendInt(b, p.Index, 10)
	b = append(b, '\n')
	for _, h := range p.Hashes {
		b = base64.StdEncoding.AppendEncode(b, h[:])
		b = append(b, '\n')
	}
	b = append(b, '\n')
	return append(b, p.Checkpoint...)
}

// ErrProofText is the error of a text that is no tlog-proof.
var ErrProofText = errors.New("tlog: malformed proof text")

// ParseProof reads what [FormatProof] writes. The checkpoint is not verified
// here; [OpenCheckpoint] does that.
func ParseProof(text []byte) (Proof, error) {
	head, checkpoint, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		return Proof{}, ErrProofText
	}
	rest, ok := bytes.CutPrefix(text[:len(head)+1], []byte(proofHead+"index "))
	if !ok {
		return Proof{}, ErrProofText
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	index, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != string(line) {
		return Proof{}, ErrProofText
	}
	p := Proof{Index: index, Checkpoint: bytes.Clone(checkpoint)}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		h, ok := parseHash(line)
		if !ok || len(p.Hashes) == 63 { // no tree is deeper
			return Proof{}, ErrProofText
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}

// Check verifies that entry stands in the log that v signs for, and returns the
// checkpoint it was proven against.
func (p Proof) Check(entry []byte, v *Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, v)
	if err != nil {
		return Checkpoint{}, err
	}
	return c, CheckInclusion(p.Hashes, c.Size, c.Root, p.Index, LeafHash(entry))
}

// TileRoots returns the roots of n full level-0 tiles from a tile on, as the
// tree of that size and root holds them: what the leaves must hash to.
func TileRoots(size int64, root Hash, first, n int64, src TileSource) ([]Hash, error) {
	if first < 0 || n < 0 || first+n > size/TileWidth {
		return nil, ErrRange
	}
	if n == 0 {
		return nil, nil
	}
	at := make([]int64, n)
	for i := range at {
		at[i] = tlog.StoredHashIndex(TileHeight, first+int64(i))
	}
	return reader(size, root, src).ReadHashes(at)
}

// TileRoot returns the root over the hashes of a full tile; [ErrEdge] if it is
// not full.
func TileRoot(data []byte) (Hash, error) {
	if len(data) != TileWidth*HashSize {
		return Hash{}, ErrEdge
	}
	return tileRoot(data), nil
}
