// Package sim is an EcartAPI on loopback: the stores, orders, customers and
// fulfilments that a test, a demo or a bench pulls from, with the documented
// oddities of the real one.
//
// # What it serves
//
// Versions 1, 2 and 3 under /api/v1, /api/v2 and /api/v3, with a bearer token
// per store: orders, orders/count, orders/{id}, orders/{id}/fulfillments,
// customers, customers/count, customers/{id}, store, ecommerces and webhooks,
// list envelopes with page.next, limit and page, and windows over createdAt and
// updatedAt; beside them what writes (orders, fulfilments, customers), products,
// packages, carriers and their rates, whose answers change nothing. Versions 2 and 3 speak the unified shape, each store in the dialect
// of its platform (newest, older, legacy); version 1 passes the platform's own
// shape through, for WooCommerce and Shopify.
//
// Where the real API is not documented, this one assumes: a list in version 1
// has the envelope of version 2 around native objects, page.next is an absolute
// URL that the client treats as opaque, errors are {"success":false,"message":…}.
//
// # What holds
//
//   - Everything is a function of the seed and the reference instant: the same
//     options give the same bytes in any order of requests. Only faults (429, 5xx,
//     broken and slow answers) follow the sequence of requests.
//   - Nothing is kept per order: a store of a million orders costs as much memory
//     as one of ten. An order is generated from its number when it is asked for.
//   - Every personal value of an order is known: [Sim.PII] lists what its JSON
//     holds, written down by the same code that writes the JSON.
//   - Every person is invented. Addresses end in example.com, example.org or
//     example.net, phone numbers come from ranges reserved for fiction or have
//     a subscriber part that starts with 0000.
//
// The package imports nothing of the house, so that no mistake is shared by the
// two ends of a test.
package sim
