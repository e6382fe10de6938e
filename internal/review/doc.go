// Package review looks again at who can reach information, and keeps that somebody
// did: campaigns over persons and services (DPP 2.2.10, 2.2.11), the baseline and
// what departs from it (2.2.6), granted beside used rights (2.3.2), samples of what
// was opened (2.3.3), and the register of ways outside the product, with the
// password rules of identity providers (2.4.1).
//
// [Review.Open] freezes a population and hashes it. Every entry is decided by
// somebody else than its subject ([Review.Decide]); [Review.Execute] takes away what
// was not kept and reads back whether it is gone; [Review.Close] refuses until all
// of it is. [Review.Approve] makes the set that is there the baseline;
// [Review.Drift] compares. [Review.Draw] picks the samples of a month and
// [Review.Judge] notes what a person says of one. [Review.Import] reads the
// register; [Review.ImportProvider] a provider's rules. [Review.Tend] does what the
// profile says about lapses and drift, [Review.DrawDue] draws what is due, and
// [Review.Tally] counts how things stand.
//
// Invariants:
//
//   - Nobody decides about the own account, the own rights or a service they answer
//     for or hold the key of, not in bulk either.
//   - What was frozen does not change: the digest is in the log, and a campaign whose
//     entries do not come to it is not closed.
//   - A campaign takes away or leaves. A change lies within what was frozen.
//   - Executed is what was done, verified is what was read afterwards in another
//     transaction. Only the second counts.
//   - Samples follow from the month and the log's root at its end. Nobody chooses.
//   - What cannot be read is unknown and never passes.
//   - Reasons, and names of accounts outside, are sealed and bound to their row.
//
// All dates follow the data clock. All of it is safe for concurrent use.
package review
