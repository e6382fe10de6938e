// Package guard is the one door: nothing below the doors of the product changes
// or discloses anything without passing it. It decides, records and commits in
// one step.
//
// [Guard.Do] changes, [Guard.Read] discloses, [Guard.Quiet] keeps house. A
// function given to Do loads what it needs, asks [Tx.Allow] before it acts, and
// changes; each answer becomes an event of the log, in the same commit as the
// change. A function given to Read decides on a snapshot in its caller's own
// goroutine, many at a time; what must be true at the end (a budget debited, a
// key still there) is confirmed inside the transaction that records the event.
//
// # Invariants
//
//   - A change without a decision does not happen: the function's work is rolled
//     back, the attempt recorded, the caller told.
//   - A denial takes back everything its function did, whether the function
//     returned it, swallowed it or acted before it. The denial is recorded.
//   - Nothing is decided for an actor whose session, key or right has ended in this
//     process since the actor was recognised ([Tx.Ends], [Guard.Current]); what was
//     decided on a snapshot before is asked again in the transaction.
//   - A policy that cannot be evaluated denies. A log that cannot record stops
//     the work: nobody in that transaction is answered as if it had happened.
//   - When Do or Read returns nil, its events are durable. Only then may a
//     caller open a seal.
//   - When Do or Read returns a refusal, the refusal is durable as well. An
//     answer of kind Unavailable alone may leave no trace in the log.
//
// # Group commit
//
// One goroutine ([Guard.Run]) takes the calls that are waiting, first come first
// served, runs them one after another in one database transaction and commits
// them together: durability costs one flush for many callers. It never waits for
// more callers to come.
//
// A function therefore runs on another goroutine than its caller's, under a
// context of its own that carries the caller's values but not its cancellation:
// a statement that is cancelled takes the whole transaction along. The caller's
// context is looked at before its turn. A turn has a time limit. A function may
// be run again when the transaction of the group was lost through no fault of its
// own; so it has no effect outside the transaction before the commit
// ([Tx.AfterCommit] is for those) and starts from nothing each time.
//
// A function that fails, panics or breaks a constraint leaves nothing behind and
// the others stand. If it had written nothing yet, that is all. Else the
// transaction is given up and begun again with a savepoint for each member, as
// are the next ones for a while: savepoints cost both engines as much as a small
// write, and are seldom needed. Where the engine cannot go back to the savepoint,
// or a statement that was queued turns out to fail after its turn, every member
// is run once more, each in a transaction of its own; what fails there is
// answered Unavailable or with its own fault. So [db.Writer.Queue] is
// for statements that do not fail in the ordinary course of things.
//
// Calls that do the same thing work together ([Guard.DoJointly]): they come first
// in their transaction, one question finds what all of them need, and what they
// put off is written for all at once. Where one of them fails after it put
// something off, the transaction is begun again and each works for itself.
//
// Readers who stand next to each other may have what they need fetched by one
// question ([View.Ahead]), and those of one transaction may share a value in
// memory ([Tx.Shared]) that is written once before the commit. What readers found they
// keep for the next transaction ([Tx.Kept]) as long as nobody changed anything: the
// head of the log, which every transaction takes first, says whether somebody did.
//
// There is no network inside a transaction: [Transport] refuses requests made
// with the context of a turn, and a call to the guard inside a call to the guard
// is an error.
package guard
