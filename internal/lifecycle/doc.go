// Package lifecycle lets data die on the day the policy says (DPP 3.1.1). It
// schedules what other packages know how to do: keys past their erase-by date
// die first, in batches of constant memory; then the rows that they had opened
// are cleared away; records that outlived their month are indexed anew, so that
// the month's index key can die; and once an epoch the epoch key is rolled, so
// that no older copy of the database opens what was erased before.
//
// It also keeps the matter for which a record may be opened outside the daily
// business: a [Case] of a legal duty or of a shopper's request (DPP 3.1.2).
//
// And it keeps what is asked for from outside, a [Request]: a notice of EcartAPI, a
// platform's webhook, a closed store, a person's letter (DPP 2.7). A request to erase
// is done by a job, has the clocks of the policy (30 days to delete, 90 until no live
// instance is left) and ends with its proof; a shopper's question becomes a case.
//
// Invariants. Reaching the date is a refusal at once, with or without a sweep:
// the sweep makes it final. A step that fails is tried again at the next tick
// and is visible in [Status] until it succeeds; nothing is skipped. Every step
// may be cut off at any point and goes on where it was.
//
// A case opens records for one purpose, in one store or in those its opener
// could see, and from its due date on it opens nothing, closed or not. What it
// rests on is sealed, bound to everything else that is known of it: a row that
// was edited opens nothing. Whether it is open is asked in the transaction that
// records the reveal, so a close that commits first wins.
//
// A request is done once, however often its job runs or its message comes. What a
// product cannot decide (which store a shop is, what an unclear notice covers, an
// identifier that leads to half a store) waits for a person and shows; it never erases
// on a guess. Whom a request is about is sealed, shown to nobody, and goes from its row
// when it is done. A date that passes is overdue at once, with or without a sweep.
package lifecycle
