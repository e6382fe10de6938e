// Package identity says who calls: service accounts with API keys, the OS user
// at the other end of the Unix socket, and the receipts that make a repeated
// call harmless. People and their sessions join at the same seam: whatever
// proves who calls ends in a [strongroom.Actor].
//
// An API key is sr_live_ or sr_test_, 256 random bits in base32 and a checksum,
// so that a typing error or a half-copied key is refused before anything is
// looked up, and a scanner of repositories can tell a real one.
//
// Invariants:
//
//   - A key is shown once, when it is made or rotated. At rest there is only its
//     HMAC under a key of the keyring: whoever holds the database cannot use, test
//     or forge one.
//   - What an account may do (roles, stores, networks, expiry) and its label are
//     one sealed blob bound to the account, and each secret's row is bound to its
//     account by a MAC. A row edited, swapped or moved does not open, and the key
//     is refused.
//   - A revoked or rotated key is refused by this process from the moment the
//     revocation is committed, and by others sharing the database within
//     [Options.Recheck].
//   - Nobody grants what he does not have: policies decide which roles may be
//     given, and the stores of a new key lie within the giver's.
//   - A service comes by an approved request and has an owner ([Identity.AddServiceTx]),
//     or is adopted ([Identity.Adopt]). One that nobody owns, or whose owner is gone,
//     dies by itself; one that nobody uses is suspended ([Identity.Tend]). Owner and
//     purpose are in the same sealed blob.
//   - A receipt ([Claim]) holds keyed hashes, a status and an id, never a body.
//
// All of it is safe for concurrent use.
package identity
