// Package jobs is the durable queue: work that must happen after a commit, or
// every so often, and must not be lost. A job is put in by the transaction that
// makes it necessary, so both happen or neither does.
//
// Invariants:
//
//   - A job carries ids that were drawn at random, integers, and words of the
//     closed list that its kind declares; anything else is refused, whatever the
//     caller has checked. So nothing a person wrote can lie in the table. What is
//     kept of a failure is its fault's code.
//   - A job runs at least once. A handler that calls [Job.Done] inside its own
//     transaction runs exactly once: the work and the end of the job are one
//     commit, and a runner that has lost its lease cannot commit.
//   - Leases and back-off count real time; moving a test instance's clock neither
//     hurries nor stalls the queue.
//   - A job that keeps failing ends as a dead letter, which stays until a person
//     retries it. Nothing is dropped silently.
//   - The kinds of jobs are those the queue was built with. A job of a kind that
//     this program does not know waits for one that does.
//
// A [Queue] is safe for concurrent use, and several processes may share one
// database.
package jobs
