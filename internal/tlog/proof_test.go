package tlog_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"strongroom/internal/tlog"
)

// vector is one line of the published test data.
type vector struct {
	Name              string
	LeafIdx, TreeSize uint64
	Size1, Size2      uint64
	Root, LeafHash    []byte
	Root1, Root2      []byte
	Proof             [][]byte
	WantErr           bool
}

// root returns a root. Some vectors put words in its place, which only need to
// stay equal or different.
func root(b []byte) tlog.Hash {
	if len(b) != tlog.HashSize {
		return tlog.LeafHash(b)
	}
	return tlog.Hash(b)
}

// proof returns the vector's proof, or false where a hash has another length:
// our types cannot even hold such a proof.
func (v vector) proof() (out []tlog.Hash, ok bool) {
	for _, b := range v.Proof {
		if len(b) != tlog.HashSize {
			return nil, false
		}
		out = append(out, tlog.Hash(b))
	}
	return out, true
}

func vectors(t *testing.T, file string) (out []vector) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var v vector
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// runVectors checks every vector of a file against want and counts them, so that
// an emptied file fails.
func runVectors(t *testing.T, file string, check func(v vector, proof []tlog.Hash) error) {
	all, good := vectors(t, file), 0
	for _, v := range all {
		proof, ok := v.proof()
		var err error = tlog.ErrProof
		if ok {
			err = check(v, proof)
		}
		if (err != nil) != v.WantErr {
			t.Errorf("%s: got %v, want an error: %v", v.Name, err, v.WantErr)
		}
		if err == nil {
			good++
		}
	}
	if len(all) != 98 || good != 6 {
		t.Errorf("%s: %d vectors, %d accepted; want 98 and 6", file, len(all), good)
	}
}

func TestPublishedInclusionVectors(t *testing.T) {
	runVectors(t, "testdata/inclusion.jsonl", func(v vector, proof []tlog.Hash) error {
		if len(v.Root) == 0 || len(v.LeafHash) == 0 {
			return tlog.ErrProof // no hash at all: our types cannot hold it
		}
		return tlog.CheckInclusion(proof, int64(v.TreeSize), root(v.Root), int64(v.LeafIdx), root(v.LeafHash))
	})
}

func TestPublishedConsistencyVectors(t *testing.T) {
	runVectors(t, "testdata/consistency.jsonl", func(v vector, proof []tlog.Hash) error {
		return tlog.CheckConsistency(proof, int64(v.Size2), root(v.Root2), int64(v.Size1), root(v.Root1))
	})
}

func TestProofsFromTiles(t *testing.T) {
	const n = 1500
	all := leaves(n)
	var b tlog.Builder
	s, roots := newStore(), []tlog.Hash{tlog.EmptyRoot()}
	for _, h := range all {
		s.add(t, &b, h)
		roots = append(roots, b.Root())
	}
	for range 400 {
		size := 1 + rand.Int64N(n)
		root := roots[size]
		index, old := rand.Int64N(size), 1+rand.Int64N(size)

		p, err := tlog.ProveInclusion(size, root, index, s)
		if err != nil {
			t.Fatalf("inclusion of %d in %d: %v", index, size, err)
		}
		if err := tlog.CheckInclusion(p, size, root, index, all[index]); err != nil {
			t.Fatalf("inclusion of %d in %d: %v", index, size, err)
		}
		c, err := tlog.ProveConsistency(size, root, old, s)
		if err != nil {
			t.Fatalf("consistency of %d with %d: %v", old, size, err)
		}
		if err := tlog.CheckConsistency(c, size, root, old, roots[old]); err != nil {
			t.Fatalf("consistency of %d with %d: %v", old, size, err)
		}

		// Planted: another leaf, another old root, another root.
		if tlog.CheckInclusion(p, size, root, index, tlog.Hash{1}) == nil {
			t.Fatal("a leaf that is not there was accepted")
		}
		if tlog.CheckConsistency(c, size, root, old, tlog.Hash{1}) == nil {
			t.Fatal("an old root that never was, was accepted")
		}
		if _, err := tlog.ProveInclusion(size, tlog.Hash{1}, index, s); err == nil {
			t.Fatal("a proof was made from tiles that do not hash to the root")
		}
	}
}

func TestProofsRefuseWhatIsOutside(t *testing.T) {
	root := tlog.EmptyRoot()
	s := newStore()
	for name, err := range map[string]error{
		"index at size":    func() error { _, e := tlog.ProveInclusion(3, root, 3, s); return e }(),
		"negative index":   func() error { _, e := tlog.ProveInclusion(3, root, -1, s); return e }(),
		"old above size":   func() error { _, e := tlog.ProveConsistency(3, root, 4, s); return e }(),
		"check index":      tlog.CheckInclusion(nil, 1, root, 1, root),
		"check old":        tlog.CheckConsistency(nil, 1, root, 2, root),
		"check negative":   tlog.CheckConsistency(nil, 1, root, -1, root),
		"inclusion, empty": tlog.CheckInclusion(nil, 0, root, 0, root),
	} {
		if !errors.Is(err, tlog.ErrRange) {
			t.Errorf("%s: got %v, want ErrRange", name, err)
		}
	}
}

func TestProofText(t *testing.T) {
	signer := newSigner(t, "log.example/one")
	entry := []byte(`{"n":1}`)
	var f tlog.Frontier
	f.Append(tlog.LeafHash(entry))
	f.Append(tlog.LeafHash(nil))
	note, err := tlog.Checkpoint{Origin: "log.example/one", Size: 2, Root: f.Root()}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	p := tlog.Proof{Index: 0, Hashes: []tlog.Hash{tlog.LeafHash(nil)}, Checkpoint: note}
	text := tlog.FormatProof(p)
	q, err := tlog.ParseProof(text)
	if err != nil || !bytes.Equal(tlog.FormatProof(q), text) {
		t.Fatalf("the text does not come back: %v", err)
	}
	if c, err := q.Check(entry, signer.Verifier()); err != nil || c.Size != 2 {
		t.Fatalf("a good proof: %v, %v", c, err)
	}
	if _, err := q.Check([]byte(`{"n":2}`), signer.Verifier()); !errors.Is(err, tlog.ErrProof) {
		t.Errorf("another entry: got %v, want ErrProof", err)
	}
	if _, err := q.Check(entry, newSigner(t, "log.example/one").Verifier()); !errors.Is(err, tlog.ErrSignature) {
		t.Errorf("another key: got %v, want ErrSignature", err)
	}
	// Every changed byte is an error somewhere.
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		q, err := tlog.ParseProof(changed)
		if err == nil {
			_, err = q.Check(entry, signer.Verifier())
		}
		if err == nil {
			t.Errorf("byte %d: the change was not seen", i)
		}
	}
}

func FuzzParseProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 3\n\nx"))
	f.Add(tlog.FormatProof(tlog.Proof{Index: 9, Hashes: []tlog.Hash{{1}, {2}}, Checkpoint: []byte("a\n\nb\n")}))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := tlog.ParseProof(text)
		if err == nil && !bytes.Equal(tlog.FormatProof(p), text) {
			t.Fatal("a text in a second spelling was accepted")
		}
	})
}
