// Package audit keeps the log of everything the product does: events in the
// shape of OCSF 1.9.0, in order, committed together with the change or the
// disclosure they describe, sealed into a Merkle tree and proven to outsiders.
//
// # Life of an event
//
// [Log.Begin] is the first statement of a write transaction: it takes the head
// row, which orders all writers, and returns a [Batch]. [Batch.Append] turns an
// [Event] into its leaf, the exact bytes that are stored, hashed and exported.
// [Batch.Flush], right before the commit, writes leaves, full tiles and the head.
// So an event is durable exactly when the work it describes is.
//
// Behind the commit, [Log.Run] signs a checkpoint about every second or thousand
// events and keeps it twice: in the database, and in a file outside it.
// [Log.Start] refuses a database that does not extend the file's checkpoint: one
// that was cut, rolled back, edited or replaced. The one way past is
// [Log.Continue], which begins a new log whose first leaf commits to what was
// lost and to what was found; nothing is deleted and the break stays visible for
// ever.
//
// [Verify] checks an export with nothing but the log's public key, offline.
//
// # Invariants
//
//   - No personal value is ever in an event. Only ids by grammar, names of
//     actions, words of closed lists, keyed hashes, numbers and flags are let
//     in, each under a key of an allow-list, and the detector of package
//     classify looks at every leaf. What does not fit is an error, and an error
//     here stops the work.
//   - Positions have no gaps. The index of an event never changes.
//   - An event is never older than the one before it.
//   - A checkpoint never describes what is not durable, and never a tree that
//     does not extend the last one signed under its origin.
//   - The words on disk are our own: no status word of a shop platform is among
//     them, so that a search of the files for a payload's words finds nothing.
//
// # What it does not promise
//
// Events younger than the newest outside checkpoint, up to a second of them, can
// be cut off unseen by whoever can write the database. Who holds the signing key
// and the checkpoint file can rewrite the log until a copy of a checkpoint is
// kept elsewhere.
package audit
