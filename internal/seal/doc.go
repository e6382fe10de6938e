// Package seal is the cryptography of the product: bytes in, bytes out, no
// storage, no clock, no configuration. Everything is built from the standard
// library's AES-256-GCM, HMAC-SHA-256, HKDF and from Argon2id.
//
// What holds:
//
//   - A [Key] is 256 bits and never prints: every fmt verb, slog and JSON show a
//     fixed word instead.
//   - [Key.Seal] binds associated data. Bytes sealed with one context do not
//     open with another; a changed byte anywhere does not open at all. Nonces
//     are 96 random bits, so one key seals at most 2^32 times; keys here live
//     for a record or for an epoch and stay far below.
//   - [AD] is the one encoding of a context. Every part carries its kind and
//     length, so two different lists of parts never give the same bytes.
//   - A token is one AES block under a store's own key with [checkBits] check
//     bits. It holds no personal value, says nothing about its place to who
//     lacks the key, and has exactly one spelling.
//   - A [Secret] is a text for one owner: a key, the token of a session or of a
//     link. It has 256 random bits and a checksum, and never prints.
//
// Opening fails with [ErrOpen] and nothing more: why it failed is of no use to
// an honest caller.
package seal
