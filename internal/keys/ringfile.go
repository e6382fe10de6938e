package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"

	"strongroom"
	"strongroom/internal/seal"
)

// ringFile is the keyring on disk. Everything secret in it is wrapped: the keys
// under the ring key, the ring key under the root.
type ringFile struct {
	Format      int                    `json:"format"`
	Environment strongroom.Environment `json:"environment"`
	ID          string                 `json:"id"`     // "ring_…", for life
	Serial      uint64                 `json:"serial"` // counts writes
	Root        Description            `json:"root"`
	RingKey     []byte                 `json:"ring_key"`
	Stores      []fileStore            `json:"stores"`
	Keys        []fileKey              `json:"keys"`
	// Sum authenticates all of the above under a key derived from the ring key.
	Sum []byte `json:"sum,omitempty"`
}

type fileStore struct {
	Number uint32 `json:"number"`
	ID     string `json:"id"`
	Gone   bool   `json:"gone,omitempty"`
}

type fileKey struct {
	Use    string `json:"use"`
	Store  uint32 `json:"store,omitempty"`
	Period string `json:"period,omitempty"`
	Epoch  uint32 `json:"epoch,omitempty"`
	Made   int64  `json:"made"` // Unix microseconds
	Wrap   []byte `json:"wrap"`
}

const (
	ringFormat = 1
	ringLimit  = 256 << 20 // bytes of the largest keyring read
)

// Inspect tells what kind of root the keyring in dir needs and which environment
// it serves, without opening it. What it tells is proven only by OpenRing.
func Inspect(dir string) (strongroom.Environment, Description, error) {
	if err := checkFolder(dir); err != nil {
		return "", Description{}, err
	}
	f, err := parseRing(dir)
	if err != nil {
		return "", Description{}, err
	}
	return f.Environment, f.Root, nil
}

func readRing(dir string) ([]byte, error) {
	f, err := openPrivate(filepath.Join(dir, ringName), false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, ringLimit))
	if err != nil {
		return nil, unavailable("cannot read the keyring", err)
	}
	return b, nil
}

func parseRing(dir string) (*ringFile, error) {
	b, err := readRing(dir)
	if err != nil {
		return nil, err
	}
	return decodeRing(b)
}

func decodeRing(b []byte) (*ringFile, error) {
	f := new(ringFile)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, damaged("is not readable")
	}
	if f.Format != ringFormat {
		return nil, strongroom.Faultf(strongroom.Conflict, "keyring", "the keyring has format %d, this program reads %d", f.Format, ringFormat).
			Advise("use the release that wrote it, or a newer one")
	}
	return f, nil
}

func damaged(how string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Internal, "keyring", "the keyring %s", how).
		Advise("it was changed or damaged; bring back the newest key part")
}

// ringKeyAD is the context of the ring key under the root.
func ringKeyAD(env strongroom.Environment, id string) []byte {
	return seal.AD("strongroom/ring-key/1", string(env), id)
}

// entryAD is the context of one key under the ring key. The store is bound by
// its id, not by its number in the file.
func (s *state) entryAD(at slot, made int64) []byte {
	return seal.AD("strongroom/ring-entry/1", string(s.env), s.id,
		at.use.String(), s.byNumber[at.store], uint32(at.period), at.epoch, made)
}

// sum authenticates the bytes of a file without its sum.
func sum(ringKey seal.Key, unsummed []byte) [32]byte {
	k := ringKey.Derive("strongroom/ring-sum/1")
	defer k.Zero()
	return k.MAC(unsummed)
}

// encode returns the state as file bytes.
func (s *state) encode() ([]byte, error) {
	f := &ringFile{Format: ringFormat, Environment: s.env, ID: s.id, Serial: s.serial, Root: s.root, RingKey: s.wrapped}
	for id, st := range s.stores {
		f.Stores = append(f.Stores, fileStore{Number: st.number, ID: id, Gone: st.gone})
	}
	slices.SortFunc(f.Stores, func(a, b fileStore) int { return int(a.Number) - int(b.Number) })
	for at, e := range s.entries {
		k := fileKey{Use: at.use.String(), Store: at.store, Epoch: at.epoch, Made: e.made, Wrap: e.wrap}
		if at.period != 0 {
			k.Period = at.period.String()
		}
		f.Keys = append(f.Keys, k)
	}
	slices.SortFunc(f.Keys, func(a, b fileKey) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Use, b.Use), cmp.Compare(a.Period, b.Period), cmp.Compare(a.Epoch, b.Epoch))
	})
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	// The sum is the last field: what it covers need not be written out twice.
	m := sum(s.ringKey, b)
	b = append(b[:len(b)-1], `,"sum":"`...)
	b = base64.StdEncoding.AppendEncode(b, m[:])
	return append(b, `"}`...), nil
}

// open unwraps a whole keyring with kms.
func (f *ringFile) open(ctx context.Context, kms KMS) (*state, error) {
	raw, err := kms.Unwrap(ctx, ringKeyAD(f.Environment, f.ID), f.RingKey)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	ringKey, err := seal.KeyFrom(raw)
	if err != nil {
		return nil, wrongRoot()
	}
	if !f.authentic(ringKey) {
		return nil, damaged("does not carry its own mark")
	}
	s := newState(f.Environment, f.ID)
	s.serial, s.root, s.ringKey, s.wrapped = f.Serial, f.Root, ringKey, f.RingKey
	for _, st := range f.Stores {
		s.stores[st.ID] = store{number: st.Number, gone: st.Gone}
		s.byNumber[st.Number] = st.ID
	}
	for _, k := range f.Keys {
		if err := s.openEntry(k); err != nil {
			return nil, err
		}
	}
	if s.epoch == 0 {
		return nil, damaged("has no epoch key")
	}
	return s, nil
}

// authentic reports whether the file's sum is right.
func (f *ringFile) authentic(ringKey seal.Key) bool {
	g := *f
	g.Sum = nil
	b, err := json.Marshal(&g)
	if err != nil {
		return false
	}
	m := sum(ringKey, b)
	return hmac.Equal(m[:], f.Sum)
}

func (s *state) openEntry(k fileKey) error {
	use, ok := parseUse(k.Use)
	at := slot{use: use, store: k.Store, epoch: k.Epoch}
	if k.Period != "" && ok {
		p, err := parsePeriod(k.Period)
		at.period, ok = p, err == nil
	}
	if !ok {
		return damaged("holds a key of no known use")
	}
	key, err := s.ringKey.Unwrap(s.entryAD(at, k.Made), k.Wrap)
	if err != nil {
		return damaged("holds a key that does not open in its place")
	}
	s.entries[at] = &entry{key: key, made: k.Made, wrap: k.Wrap}
	switch at.use {
	case epochUse:
		s.epoch = max(s.epoch, at.epoch)
	case indexUse:
		s.addPeriod(at)
	}
	return nil
}
