// Package webhook takes in what EcartAPI posts, and tells the application about it
// without telling it anything personal.
//
// # In
//
// [Webhooks.Subscribe] asks EcartAPI to post to an address of ours, with a secret
// of 256 bits that comes back in the header Authorization of each post.
// [Webhooks.Accept] compares it in constant time, seals the body, and answers once
// the delivery and the job that works it through are durable in one commit.
// [Webhooks.Process] gives what a delivery holds to the vault, or reads the order
// anew where it holds no more than an id.
//
// # Out
//
// A person names the addresses of the application ([Webhooks.Add]). To each goes
// one message for each delivery: the same JSON with tokens in place of personal
// values, signed by Standard Webhooks 1.0.0 ([Sign]), tried again for about a day
// and then kept as a dead letter until a person has it sent again.
//
// # Invariants
//
//   - Nothing is acknowledged that is not durable, and nothing that is
//     acknowledged is lost: the work and the end of its job are one commit.
//   - A body is read only from who has shown the secret. It lies in the table
//     sealed under the store's credential key and no longer than it is worked on;
//     jobs carry ids alone.
//   - The same delivery within [Window] makes no second message. One that only
//     names an order is joined with one that still waits, and else done again,
//     because the order may have changed in between.
//   - Secrets of subscriptions are kept as keyed hashes, those of endpoints sealed;
//     no answer shows one again.
//   - A message goes to the host that was named and to no private address, at the
//     time it is sent (package egress). Each try is an event before it leaves.
//   - Requests for live rates are answered and forgotten: of people who may never
//     order nothing is stored, and the tokens the application sees never open.
//   - What is closed or disconnected takes nothing in and sends nothing out.
//
// Messages may arrive out of order and, when an answer is lost, twice: webhook-id
// says which are the same.
package webhook
