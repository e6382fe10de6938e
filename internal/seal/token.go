package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
)

// A token reads srp_ or srt_ (production, test), eight characters of the
// store's public tag and 26 of one AES block, all in lower-case Crockford
// base32:
//
//	srt_k3v9x0ab 7c…(26)
//
// The block is record (64 bits), leaf (24) and 40 zero check bits.
const (
	// TokenSize is the length of every token in bytes.
	TokenSize = prefixSize + tagChars + blockChars
	// MaxLeaf is the greatest leaf number a token can name.
	MaxLeaf = 1<<24 - 1

	prefixSize = 4
	tagChars   = 8
	blockChars = 26
	checkBits  = 40

	// EnvProduction and EnvTest are the environments a token can belong to.
	EnvProduction = byte('p')
	EnvTest       = byte('t')
)

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// digits maps a byte to its base32 value, 0xff where it has none. Only the one
// spelling is read: no upper case, no look-alikes.
var digits = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()

// TokenKey makes and reads the tokens of one store. It does not print. It is
// safe for concurrent use.
type TokenKey struct{ m *tokenMaterial }

type tokenMaterial struct {
	block  cipher.Block
	env    byte
	tag    [5]byte
	prefix [prefixSize + tagChars]byte
}

// NewTokenKey returns the token key of the store with the given tag in
// environment env (EnvProduction or EnvTest; another panics). Environment and
// tag are part of the key, so the same k reads no token of another store.
func NewTokenKey(k Key, env byte, tag [5]byte) TokenKey {
	if env != EnvProduction && env != EnvTest {
		panic("seal: no such environment")
	}
	derived := k.Derive("strongroom/token/1", []byte{env}, tag[:])
	defer derived.Zero()
	block, err := aes.NewCipher(derived.m.raw[:])
	if err != nil {
		panic(err) // the size is fixed, so this cannot be
	}
	m := &tokenMaterial{block: block, env: env, tag: tag}
	copy(m.prefix[:], "sr")
	m.prefix[2], m.prefix[3] = env, '_'
	encode32(m.prefix[prefixSize:], tag[:])
	return TokenKey{m}
}

// IsZero reports whether tk is no key at all.
func (tk TokenKey) IsZero() bool { return tk.m == nil }

// Encode returns the token of a leaf of a record. A leaf above MaxLeaf panics.
func (tk TokenKey) Encode(record uint64, leaf uint32) string {
	return string(tk.AppendToken(make([]byte, 0, TokenSize+aes.BlockSize), record, leaf))
}

// AppendToken appends the token to dst; with TokenSize+16 bytes of room it does
// not allocate.
func (tk TokenKey) AppendToken(dst []byte, record uint64, leaf uint32) []byte {
	if leaf > MaxLeaf {
		panic("seal: leaf number does not fit a token")
	}
	// The block is built behind the token in dst itself: a local array would
	// be moved to the heap, because the cipher is an interface.
	dst = slices.Grow(dst, TokenSize+aes.BlockSize)
	n := len(dst)
	block := dst[n+TokenSize : n+TokenSize+aes.BlockSize]
	binary.BigEndian.PutUint64(block, record)
	binary.BigEndian.PutUint64(block[8:], uint64(leaf)<<checkBits)
	tk.m.block.Encrypt(block, block)
	dst = append(dst, tk.m.prefix[:]...)
	dst = dst[:n+TokenSize]
	encode32(dst[n+len(tk.m.prefix):], block)
	return dst
}

// Decode returns the place a token names. ok is false for anything that is not
// a token of this store and environment, down to the last bit.
func (tk TokenKey) Decode(token string) (record uint64, leaf uint32, ok bool) {
	if len(token) != TokenSize || token[:len(tk.m.prefix)] != string(tk.m.prefix[:]) {
		return 0, 0, false
	}
	var block [aes.BlockSize]byte
	if !decode32(block[:], token[len(tk.m.prefix):]) {
		return 0, 0, false
	}
	tk.m.block.Decrypt(block[:], block[:])
	tail := binary.BigEndian.Uint64(block[8:])
	var want [checkBits / 8]byte
	if subtle.ConstantTimeCompare(block[16-checkBits/8:], want[:]) != 1 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(block[:]), uint32(tail >> checkBits), true
}

// ParseToken reports the environment and store tag of s, to select the key that
// may read it. ok says that s is spelt like a token; whether it is one only
// Decode knows.
func ParseToken(s string) (env byte, tag [5]byte, ok bool) {
	if len(s) != TokenSize || s[0] != 's' || s[1] != 'r' || s[3] != '_' {
		return 0, tag, false
	}
	var block [aes.BlockSize]byte
	if env = s[2]; env != EnvProduction && env != EnvTest ||
		!decode32(tag[:], s[prefixSize:prefixSize+tagChars]) ||
		!decode32(block[:], s[prefixSize+tagChars:]) {
		return 0, [5]byte{}, false
	}
	return env, tag, true
}

// encode32 writes src in base32 into dst, most significant bits first, the last
// character filled with zero bits.
func encode32(dst, src []byte) {
	var acc uint32
	var bits uint
	n := 0
	for _, b := range src {
		acc = acc<<8 | uint32(b)
		for bits += 8; bits >= 5; n++ {
			bits -= 5
			dst[n] = alphabet[acc>>bits&31]
		}
	}
	if bits > 0 {
		dst[n] = alphabet[acc<<(5-bits)&31]
	}
}

// decode32 is the inverse of encode32 into exactly len(dst) bytes. It refuses
// foreign characters and filling bits that are not zero.
func decode32(dst []byte, src string) bool {
	var acc uint32
	var bits uint
	n := 0
	for i := range len(src) {
		d := digits[src[i]]
		if d == 0xff {
			return false
		}
		acc = acc<<5 | uint32(d)
		if bits += 5; bits >= 8 {
			bits -= 8
			if n == len(dst) {
				return false
			}
			dst[n] = byte(acc >> bits)
			n++
		}
	}
	return n == len(dst) && acc&(1<<bits-1) == 0
}

// Format writes a fixed word for every verb.
func (TokenKey) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// String returns a fixed word.
func (TokenKey) String() string { return redacted }

// GoString returns a fixed word.
func (TokenKey) GoString() string { return redacted }

// LogValue returns a fixed word.
func (TokenKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a fixed word.
func (TokenKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
