// Package lifecycle lets data die on the day the policy says (DPP 3.1.1). It
// schedules what other packages know how to do: keys past their erase-by date
// die first, in batches of constant memory; then the rows that they had opened
// are cleared away; and once an epoch the epoch key is rolled, so that no older
// copy of the database opens what was erased before.
//
// Invariants. Reaching the date is a refusal at once, with or without a sweep:
// the sweep makes it final. A step that fails is tried again at the next tick
// and is visible in [Status] until it succeeds; nothing is skipped. Every step
// may be cut off at any point and goes on where it was.
package lifecycle
