// Package keys keeps the keys: the keyring, one data key for each version of a
// record, and their deaths. Erasing a record is destroying its data key; what is
// left are bytes that nothing opens.
//
//	root key      outside: a key file, a passphrase, or a server (KMS)
//	 └ ring key   wraps what follows, in the keyring file; fresh after each destruction
//	    ├ epoch key   a new one each day, old ones destroyed
//	    │  └ data key    one per record version, a row of 60 bytes in the database
//	    ├ store keys  token, ident, pseudonym, merchant, credential; index per month
//	    └ log keys    the signing key; the hashing key per month
//
// The root wraps one ring key, not each key by itself, so that a root in a
// server is asked at start and when a key is destroyed, and never while records
// are stored or opened. What the design asks of a wrapped key holds all the same:
// every wrap binds format, environment, use, store and month or epoch, and after
// a destruction everything left lies under a fresh ring key, so no ring key that
// an older file holds opens the newer one.
//
// # Invariants
//
//   - A key is on stable storage before a committed row depends on it. A key
//     that no row depends on is harmless.
//   - The keyring file is replaced as a whole: after a crash at any moment it is
//     the old one or the new one. The old bytes are overwritten, as far as the
//     storage lets us.
//   - The folder and the files of keys are their owner's alone, or refused; one
//     process holds them at a time.
//   - A wrapped data key opens only with its environment, store, record, version,
//     epoch and erase-by date. A row that was moved, or given another date, does
//     not open. Reaching the date refuses at once, swept or not.
//   - A destroyed key stands in the ledger, synced, before the transaction that
//     destroys it commits. The ledger lies outside the database, so that a
//     restored copy is made to forget again ([Keys.Replay]).
//   - The dead wait to be cleared in batches, one row for those that died together; a
//     batch leaves the queue as it is cleared.
//   - An old epoch key dies only when no row that opens names it, nobody objects
//     and the readers have had their grace; and a row that does not open, because
//     somebody changed it, keeps none alive. From then on no copy of the database made
//     before the roll began opens a record erased before it, with any key that
//     is left.
//   - No network inside a transaction, and none to open a record.
//   - Keys do not print. [ProtectMemory] keeps them out of core dumps.
//
// What an attacker gets: with the database, nothing. With database and keyring
// file, nothing without the root. With database, keyring and root, every living
// record, and the records erased since the last roll began if his copy of the
// database is from before. With an older copy of the keyring as well, the
// records of that time: keyrings are never copied along with data.
//
// # Opening order
//
// [OpenRing] needs no database, because the log's signing key is in the ring and
// the log stands below this package; [New] joins the ring with a guard.
package keys
