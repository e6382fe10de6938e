// Package policy keeps the policies that people change while the product runs:
// versions, proposed by one person, tried against yesterday's log, approved by
// another where they allow more, put in force at once in every process, and
// brought back.
//
// [Law] is the snapshot that decisions are made with: a guard asks [Law.Engine]
// for each, and [Law.Run] follows other processes. [Book] is what people do with
// versions.
//
// # Version 0
//
// The shipped policies and the files of the configuration are version 0. They are
// always in force; the active version is added to them. So a forbid in the
// configuration cannot be lifted here, and whoever has no version has version 0.
// A version may bring its own roles.cedar in the place of the shipped one unless
// the configuration does.
//
// # Invariants
//
//   - No version is stored that the engine would not take, that holds something
//     like personal data, or without the event that says who proposed it.
//   - A change that is not provably narrower, or that may keep somebody from
//     erasing, ending, revoking or reading the log, needs a second person, and the
//     approval counts for the policies that were in force when it was given
//     (DPP 2.3.2). The author alone may put a narrower one in force.
//   - What is in force is bound by a proof to its row. A row that was edited or
//     moved does not load; a version that does not load stops the start and, in a
//     process that runs, denies everything until one that loads is in force.
//   - A process that runs follows a change within a second. The process that makes
//     the change follows before it answers.
//   - Nothing is deleted: every version and every step stays, with its event.
//
// # What it does not promise
//
// Whoever can write the database can put an older pair of rows back, proof and
// all; the log shows what was in force when. A dry run knows what the log knows,
// see [Report].
package policy
