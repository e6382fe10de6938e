// Package tlog is the mathematics of the audit log: a Merkle tree after
// RFC 6962, its tiles, its signed checkpoints and its proofs. It stores nothing
// and knows no database, no clock and no event.
//
// The pieces, in the order a log uses them:
//
//   - [LeafHash] turns the bytes of an entry into a leaf.
//   - [Frontier] is the smallest state that can grow a tree: one hash for each
//     set bit of its size, so 20 hashes for a million entries.
//   - [Builder] is a frontier that also yields the tiles of height 8: a full
//     level-0 tile after every 256 leaves, and the upper tiles it changes.
//   - [Checkpoint] is origin, size and root; signed, it is a C2SP
//     tlog-checkpoint in a signed note with Ed25519 ([Signer], [Verifier]).
//   - [ProveInclusion] and [ProveConsistency] read tiles through a [TileSource]
//     and check what they read against a root before they answer;
//     [CheckInclusion] and [CheckConsistency] need no log at all.
//   - [FormatProof] and [ParseProof] carry a proof as a C2SP tlog-proof text.
//
// Invariants:
//
//   - Parsers accept exactly what the formatters write. A checkpoint with a
//     second spelling, such as other base64 padding bits, is refused, so that a
//     changed byte is always a visible change.
//   - A proof that does not verify is never returned.
//   - A [Signer] never prints its key.
//
// The tree and the notes come from golang.org/x/mod/sumdb; this package gives
// them the shapes the house needs. Values are not safe for concurrent use unless
// they say so.
package tlog
