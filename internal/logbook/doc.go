// Package logbook is the guarded way to the audit log: reading events, proofs and
// exports. Doors use it because they may not hold the log itself.
//
// Invariants:
//
//   - Whoever reads the log is asked for and is himself in the log: the event of
//     the reading is durable before the first line is disclosed.
//   - Nothing here changes the log. Its entries hold identifiers and outcomes,
//     never personal values, so a reader learns who did what, not to whom.
//   - Reading (log.read), proving (log.proof) and taking the whole log away
//     (log.export) are three permissions.
//
// Safe for concurrent use.
package logbook
