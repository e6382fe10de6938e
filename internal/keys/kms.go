package keys

import (
	"context"

	"strongroom/internal/seal"
)

// KMS keeps the root key. It wraps one thing: the ring key, under which the
// keyring's own keys lie. So the root is asked at start and when a key is
// destroyed, never to open a record.
//
// Wrap and Unwrap must bind ad: what was wrapped with one ad must not unwrap
// with another. Both are safe for concurrent use and give up when ctx ends.
// Unwrap answers a Denied fault if the bytes do not open with this root and
// this ad, whatever the reason, and an Unavailable fault if the root could not
// be asked. Neither error ever repeats key material.
type KMS interface {
	Wrap(ctx context.Context, ad, plaintext []byte) ([]byte, error)
	Unwrap(ctx context.Context, ad, wrapped []byte) ([]byte, error)
	// Describe tells what the root is, for the keyring's header and for people.
	Describe() Description
}

// Description names a root key without telling anything secret. It stands in
// the keyring in clear.
type Description struct {
	Kind string `json:"kind"` // "key", "passphrase", "transit"
	// ID tells one root from another: a fingerprint or the key's name.
	ID string `json:"id"`
	// Passphrase holds the cost of deriving a passphrase root.
	Passphrase *seal.Params `json:"passphrase,omitempty"`
}
