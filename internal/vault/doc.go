// Package vault keeps records: orders, customers, fulfilments and stores as they
// came in, with nothing of them readable where they lie.
//
// # The story
//
// A body comes in through [Vault.Ingest]. Its field map takes every personal
// value out; what is left, and what was taken out, are sealed as two parts under
// a fresh data key of this version of the record. The caller gets the same JSON
// with tokens. The tokens are not stored anywhere: a token is one cipher block
// over record and leaf number.
//
// The record is found again by keyed hashes of its identifiers ([Vault.Find]),
// read without its personal values ([Vault.Record]), and opened for a purpose
// ([Vault.Reveal], [Vault.RevealTokens]). Its clock runs from what the shop said
// of it ([Profile]). When the date is reached, or somebody erases it
// ([Vault.Erase]), its key dies, and an erased one's sealed parts with it;
// [Vault.ClearStep] then removes what the key left behind, and an emptied row
// keeps the object away from the next sync.
//
// # Invariants
//
//   - A row has an origin, and the origin is bound into its seals (DPP 2.8).
//   - Every store counts as holding personal data from creation (DPP 3.0).
//   - No plaintext leaves before its event is durable: a reveal decides on a
//     snapshot, and budget, key, version and date are settled in the commit that
//     records it. An erasure that commits first leaves the reveal no key.
//   - A row moved to another record, store, environment or origin, with another
//     version, date or epoch, or with a changed byte, does not open.
//   - A leaf number belongs to one place for the life of its record. An old
//     token opens its own place or nothing.
//   - The same facts give the same date. A sync alone never moves it, and an
//     object that died does not come back by being fetched again.
//   - Whatever a caller can choose is read at the door, hashed in the log and
//     sealed on disk.
//
// # Who follows whom
//
// Fulfilments move their order's clock and follow it; a customer follows its
// last order. They find each other by entries of the index under the store's
// lasting key, whichever comes first.
//
// # What an attacker with the database gets
//
// Counts, sizes and dates: how many records of which kind a store has, when they
// came and when they die, which classes of values they hold, which records share
// a keyed hash. With the keyring as well: an equality test for identifiers in
// the months whose index keys live, and the records whose keys live. A record
// whose key died before the last epoch roll opens for nobody.
//
// # Concurrency
//
// All methods are safe for concurrent use. Writes run one after another in the
// guard's shared transactions; parsing, hashing and sealing happen before, in
// the caller's goroutine, on trust that the object is new. If it is not, the
// transaction opens the stored version, keeps its leaf numbers and seals again.
// Calls that bring bodies in and share a commit share one question for what is
// stored already, and their new records are written together; who looks for one
// that waits, or changes it, writes first.
package vault
