// Package gateway mirrors EcartAPI for the stores that are connected: an
// application changes the address it calls and the key it shows, and gets the same
// answers with tokens in the place of personal data.
//
// # The story
//
// [Gateway.Serve] takes a call apart, finds its row in the table of [Endpoints],
// has the policies decide, and makes the call at the platform with the store's own
// credential, which nobody is shown. The answer is cut into chunks while it
// arrives. Each chunk goes through the vault, which seals its records and gives
// them back with tokens, or, where it holds no records, through the [Shape] of its
// row. What was treated leaves; nothing else does.
//
// A request may carry tokens where its row has [Places] for them. The values behind
// them are opened for the fulfilment of an order, by the policies, the budget and
// the log that every reveal goes through, and put in on the way out.
//
// # Invariants
//
//   - Every call is an event before anything of its answer leaves, and before it is
//     made where it changes something (DPP 3.6.3). Each refusal is one as well.
//   - A record's tokens leave after the commit that keeps the record. A failure after
//     the first byte cuts the connection: half an answer never looks like a whole one.
//   - Nothing passes that the table does not know: neither a call, nor a type of
//     content, nor a key of an answer without records.
//   - Nothing of the caller's headers goes out, and of the platform's come in those
//     alone that say how often to call. Links to other pages lead to the mirror.
//   - Where the platform fails the caller is told so and gets nothing of it.
//   - A list of any length takes the memory of a chunk, and no answer unpacks to more
//     than it may.
//   - The same question is asked again each time. What a page was made into is
//     remembered for minutes, by a digest of the page and for the turn of its store: it
//     saves taking in what would store nothing, and no question to the platform.
//
// # Concurrency
//
// A Gateway is safe for concurrent use. Calls that change nothing are made while
// their event is being recorded; what comes back waits for it.
package gateway
