package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Sizes in bytes.
const (
	KeySize  = 32                 // a key
	Overhead = 12 + 16            // what Seal adds: nonce in front, tag behind
	WrapSize = KeySize + Overhead // a wrapped key
)

// ErrOpen is the one answer to sealed bytes that do not open: wrong key, wrong
// context or changed bytes.
var ErrOpen = errors.New("seal: does not open")

var errKeySize = errors.New("seal: a key has 32 bytes")

const redacted = "[key]"

// Key is a 256-bit secret. Copies share the secret, so Zero on one ends all. A
// Key is safe for concurrent use, except that Zero must come after every other
// use. The zero Key holds nothing; using it for anything but IsZero panics.
type Key struct{ m *material }

// material holds the secret behind a second pointer. fmt calls no method on an
// unexported field: from a struct that holds a Key it follows the first pointer
// when a verb does not fit the type, and prints the second as an address.
type material struct {
	raw  *[KeySize]byte
	gcm  atomic.Pointer[cipher.AEAD] // made at first use and kept: set-up costs more than a wrap
	macs atomic.Pointer[sync.Pool]   // of hash.Hash with the key already absorbed
}

// newMaterial allocates the secret and what points to it in one piece.
func newMaterial() *material {
	p := new(struct {
		material
		secret [KeySize]byte
	})
	p.raw = &p.secret
	return &p.material
}

// NewKey returns a fresh random key.
func NewKey() Key {
	m := newMaterial()
	rand.Read(m.raw[:]) // never fails: crypto/rand aborts the program instead
	return Key{m}
}

// KeyFrom returns the key with the 32 bytes of b, which the caller may wipe.
func KeyFrom(b []byte) (Key, error) {
	if len(b) != KeySize {
		return Key{}, errKeySize
	}
	m := newMaterial()
	copy(m.raw[:], b)
	return Key{m}, nil
}

// IsZero reports whether k holds no secret.
func (k Key) IsZero() bool { return k.m == nil }

// Zero overwrites the secret in place, for every copy of k. The expanded form
// inside the standard library's cipher is left to the garbage collector.
func (k Key) Zero() {
	if k.m == nil {
		return
	}
	clear(k.m.raw[:])
	k.m.gcm.Store(nil)
	k.m.macs.Store(nil)
}

// Expose appends the secret to dst. It is for handing a key to a key management
// service or a key file, and for nothing else; the caller wipes the bytes.
func (k Key) Expose(dst []byte) []byte { return append(dst, k.m.raw[:]...) }

func (k Key) aead() cipher.AEAD {
	if a := k.m.gcm.Load(); a != nil {
		return *a
	}
	block, err := aes.NewCipher(k.m.raw[:])
	if err != nil {
		panic(err) // the size is fixed, so this cannot be
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	k.m.gcm.Store(&gcm) // racing makers store equal values
	return gcm
}

// Seal encrypts plaintext, binds ad, and appends nonce, ciphertext and tag to
// dst: Overhead bytes more than the plaintext. plaintext and the spare capacity
// of dst must not overlap.
func (k Key) Seal(dst, ad, plaintext []byte) []byte {
	return k.aead().Seal(dst, nil, plaintext, ad)
}

// Open appends the plaintext of sealed to dst, or returns ErrOpen.
func (k Key) Open(dst, ad, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrOpen
	}
	out, err := k.aead().Open(dst, nil, sealed, ad)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}

// Wrap seals inner under k, in WrapSize bytes.
func (k Key) Wrap(ad []byte, inner Key) []byte {
	return k.Seal(make([]byte, 0, WrapSize), ad, inner.m.raw[:])
}

// Unwrap returns the key that Wrap sealed, or ErrOpen.
func (k Key) Unwrap(ad, wrapped []byte) (Key, error) {
	if len(wrapped) != WrapSize {
		return Key{}, ErrOpen
	}
	m := newMaterial()
	if _, err := k.aead().Open(m.raw[:0], nil, wrapped, ad); err != nil {
		return Key{}, ErrOpen
	}
	return Key{m}, nil
}

// MAC returns HMAC-SHA-256 under k over the parts, each behind its length, so
// that parts cannot run into one another.
func (k Key) MAC(parts ...[]byte) [32]byte {
	pool := k.m.macs.Load()
	if pool == nil {
		m := k.m
		pool = &sync.Pool{New: func() any { return &macState{h: hmac.New(sha256.New, m.raw[:])} }}
		k.m.macs.Store(pool)
	}
	s := pool.Get().(*macState)
	s.h.Reset()
	for _, p := range parts {
		s.buf = binary.AppendUvarint(s.buf[:0], uint64(len(p)))
		s.h.Write(s.buf)
		s.h.Write(p)
	}
	s.buf = s.h.Sum(s.buf[:0])
	out := [32]byte(s.buf)
	pool.Put(s)
	return out
}

// macState carries a scratch buffer beside the hash: through an interface, a
// buffer on the stack would be moved to the heap at every call.
type macState struct {
	h   hash.Hash
	buf []byte
}

// Derive returns another key for the purpose named by label and parts, by HKDF
// with SHA-256. Neither key tells anything about the other.
func (k Key) Derive(label string, parts ...[]byte) Key {
	info := AppendAD(nil, label)
	for _, p := range parts {
		info = AppendAD(info, p)
	}
	b, err := hkdf.Key(sha256.New, k.m.raw[:], nil, string(info), KeySize)
	if err != nil {
		panic(err) // only an output of more than 255 blocks fails
	}
	out, _ := KeyFrom(b)
	clear(b)
	return out
}

// Format writes a fixed word for every verb.
func (Key) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// String returns a fixed word.
func (Key) String() string { return redacted }

// GoString returns a fixed word.
func (Key) GoString() string { return redacted }

// LogValue returns a fixed word.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a fixed word.
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns a fixed word.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
