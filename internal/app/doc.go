// Package app is the roof: configuration, the data folder and its one owner,
// wiring, start and stop. It is the only package that knows everything, and it
// holds no rule of its own.
//
// An instance is a data folder (database, lock, socket), a key folder beside it
// (keyring, newest checkpoint, erasure ledger) and a root key that opens the
// keyring. Parts start in floor order and stop in reverse: doors close first,
// the batch in flight is finished, the newest checkpoint is signed, then the
// engine closes.
//
// An instance refuses to start rather than run unsafe: loose permissions, keys
// inside the data folder, a database that is not an extension of the newest
// checkpoint, another environment's keys, plain HTTP on a reachable address.
// Each refusal says what to type.
package app
