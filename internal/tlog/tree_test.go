package tlog_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"strongroom/internal/tlog"
)

// leaves returns n distinct leaf hashes.
func leaves(n int) []tlog.Hash {
	out := make([]tlog.Hash, n)
	for i := range out {
		out[i] = tlog.LeafHash([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	return out
}

// slowRoot is RFC 6962 section 2.1, word for word.
func slowRoot(d []tlog.Hash) tlog.Hash {
	if len(d) == 0 {
		return tlog.EmptyRoot()
	}
	if len(d) == 1 {
		return d[0]
	}
	k := 1
	for k*2 < len(d) {
		k *= 2
	}
	return tlog.NodeHash(slowRoot(d[:k]), slowRoot(d[k:]))
}

func TestFrontierRootIsRFC6962(t *testing.T) {
	all := leaves(700)
	var f tlog.Frontier
	for n := 0; ; n++ {
		if f.Size() != int64(n) || f.Root() != slowRoot(all[:n]) {
			t.Fatalf("size %d: the frontier's root differs from the definition", n)
		}
		var g tlog.Frontier
		if err := g.Unmarshal(f.Marshal()); err != nil || g.Root() != f.Root() || g.Size() != f.Size() {
			t.Fatalf("size %d: marshal and unmarshal changed the frontier (%v)", n, err)
		}
		if n == len(all) {
			break
		}
		f.Append(all[n])
	}
}

func TestFrontierRefusesDamage(t *testing.T) {
	var f tlog.Frontier
	for _, h := range leaves(21) {
		f.Append(h)
	}
	good := f.Marshal()
	bad := map[string][]byte{
		"short":    good[:7],
		"cut":      good[:len(good)-1],
		"longer":   append(bytes.Clone(good), 0),
		"size":     append([]byte{0, 0, 0, 0, 0, 0, 0, 22}, good[8:]...)[:len(good)-32],
		"negative": append([]byte{255}, good[1:]...),
	}
	for name, b := range bad {
		var g tlog.Frontier
		if err := g.Unmarshal(b); !errors.Is(err, tlog.ErrFrontier) {
			t.Errorf("%s: got %v, want ErrFrontier", name, err)
		}
	}
	var g tlog.Frontier
	if err := g.Unmarshal(good); err != nil {
		t.Errorf("the undamaged frontier is refused: %v", err)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	var b tlog.Builder
	s := newStore()
	for _, h := range leaves(300) {
		s.add(t, &b, h)
	}
	c, root := b.Clone(), b.Root()
	c.Append(tlog.Hash{1}, func(tlog.Tile) error { return nil })
	if b.Root() != root || c.Root() == root {
		t.Fatal("growing the clone changed the original")
	}
}

// store keeps tiles and leaves as a database would.
type store struct {
	tiles  map[tlog.TileID][]byte
	leaves []tlog.Hash
}

func newStore() *store { return &store{tiles: map[tlog.TileID][]byte{}} }

func (s *store) add(t *testing.T, b *tlog.Builder, leaf tlog.Hash) {
	t.Helper()
	s.leaves = append(s.leaves, leaf)
	err := b.Append(leaf, func(tile tlog.Tile) error {
		s.tiles[tile.ID] = bytes.Clone(tile.Data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *store) ReadTile(id tlog.TileID, width int) ([]byte, error) {
	if data := s.tiles[id]; len(data) >= width*tlog.HashSize {
		return data[:width*tlog.HashSize], nil
	}
	if id.Level > 0 {
		return nil, errors.New("no such tile")
	}
	var out []byte
	for _, h := range s.leaves[id.Index*tlog.TileWidth:][:width] {
		out = append(out, h[:]...)
	}
	return out, nil
}

func TestBuilderRestartsAnywhere(t *testing.T) {
	const n = 66_100 // into the third level
	all := leaves(n)
	restart := map[int]bool{0: true, 1: true, 255: true, 256: true, 257: true, 65_535: true, 65_536: true, 65_537: true}
	for range 20 {
		restart[rand.IntN(n)] = true
	}
	b, s := new(tlog.Builder), newStore()
	for i, h := range all {
		if restart[i] {
			var err error
			if b, err = tlog.NewBuilder(b.Frontier, s.ReadTile); err != nil {
				t.Fatalf("restart at %d: %v", i, err)
			}
		}
		s.add(t, b, h)
	}
	if b.Root() != slowRoot(all) {
		t.Fatal("the root after restarts differs from the definition")
	}
	if got, want := len(s.tiles), n/256+n/65_536+1+1-1; got < want {
		t.Fatalf("%d tiles were yielded, want at least %d", got, want)
	}

	// Planted: an unfinished tile with one changed hash is refused.
	for level := range 2 {
		_, err := tlog.NewBuilder(b.Frontier, func(id tlog.TileID, width int) ([]byte, error) {
			data, err := s.ReadTile(id, width)
			if id.Level == level {
				data = bytes.Clone(data)
				data[0] ^= 1
			}
			return data, err
		})
		if !errors.Is(err, tlog.ErrEdge) {
			t.Errorf("level %d: a changed edge gave %v, want ErrEdge", level, err)
		}
	}
}

func BenchmarkLeafHash(b *testing.B) {
	entry := make([]byte, 260)
	b.ReportAllocs()
	for b.Loop() {
		tlog.LeafHash(entry)
	}
}

func BenchmarkBuilderAppend(b *testing.B) {
	var t tlog.Builder
	h := tlog.LeafHash(nil)
	b.ReportAllocs()
	for b.Loop() {
		t.Append(h, func(tlog.Tile) error { return nil })
	}
}
