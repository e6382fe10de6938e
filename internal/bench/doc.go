// Package bench measures what protection costs: the product beside a floor that
// does the same job without any of it.
//
// # The floor
//
// The floor is what a plain application would do with the same JSON: one row per
// order, six ordinary indexes (e-mail, phone, name, postal code, national id,
// external id), and one plain log row per act in the same commit. It shares with
// the product everything that is not protection: the engine and its settings,
// the durability, the group commit, over HTTP the server, its TLS and the shape
// of the handler. What it does not do: seal, key, hash, decide, prove, or let
// die.
//
// # What keeps the comparison fair
//
//   - Floor and product take turns within one run, in alternating order, on the
//     same orders, with the same number of callers. A figure is the median of at
//     least three rounds, so that a neighbour on the machine hits both.
//   - A commit is on disk before it counts: a run refuses a PostgreSQL with
//     fsync off, and a SQLite that is not synchronous.
//   - Every answer is checked. A call that fails ends the run; it is never a
//     fast success.
//   - A reveal is for the order itself, as a shop's shipping names it. The row
//     "reveal, new reference" has one that the product meets for the first time and
//     keeps, sealed, beside the record; the floor writes the same row for both.
//   - The row "reveal (person)" is by people under the policies of production as
//     shipped, with all that these ask for; the floor's side is the same as ever.
//   - Orders come from the simulator, about 1.2 KB each. Making them is outside
//     the measured time.
//   - In the rows called flat a small and a large instance stand open side by side,
//     with as many orders a shopper in both, and take turns like the others. What
//     changes nothing is measured first; ingest takes few orders, so that the small
//     one stays small. The large one is loaded by the product's own way in.
//
// # Reading the table
//
// A ratio is product ÷ floor. For operations a second higher is better and the
// bar is a minimum; for bytes, memory and seconds lower is better and the bar is
// a maximum. In the rows called flat the floor's column holds the product itself
// with few records. A missed bar is a line of the table, not an error. Rows and
// file are written after each part of the run; those of a run that was cut off
// say that they are incomplete.
package bench
