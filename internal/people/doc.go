// Package people knows the persons who have an account: who they are, how they
// prove it, and whether they may be let near personal data. It answers for
// DPP 2.2.2, 2.2.4 and 2.4 in the product, and holds what the gates of 2.1.6 and
// 3.2.13 ask.
//
// A person comes in by an approved request ([People.AddTx]) or, once, as the
// first owner ([People.Found]). A one-time link leads into an enrolment; there the
// person sets a password with a second factor, or a passkey that verifies who
// holds it, and is active from then on. The end comes by hand, on a date or from
// a feed; whatever the person could reach goes with it in the same commit.
//
// Invariants:
//
//   - One account, one person: an address belongs to one living account, found by
//     a keyed hash of its folded form. Names and mailboxes that look shared are
//     refused.
//   - Names, addresses and all else about a person are sealed under a key of the
//     person's own and bound to the row with its state and dates. A row that was
//     edited or moved does not open. [Erasure] after the end the key is gone.
//   - No name and no address is in a fault, an event or the operational log.
//   - Nothing that proves a person is at rest in clear. Passwords are Argon2id over
//     a keyed hash, links and recovery codes are keyed hashes. A link, a recovery
//     code, an authenticator code and a ceremony work once, by the store.
//   - A password is hashed outside of any transaction, a few at a time. Whoever
//     asks about an account that is not there waits as long as for one that is.
//   - An account without a second factor is never active, and the last second
//     factor cannot be removed (DPP 2.4.7).
//   - Back in, and a forced reset, are another person's decision. The last active
//     owner can be neither ended nor suspended.
//
// Names of the field: an account's state is invited, active, suspended or ended.
// Data dates (employment, password age, training) follow the data clock;
// authenticator codes and ceremonies follow real time.
//
// All of it is safe for concurrent use.
package people
