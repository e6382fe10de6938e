// Package erasure is the inbox for signals that ask for erasure: EcartAPI's deletion
// notice and the webhooks of platforms (DPP 2.7, 3.2.7). It knows which senders are
// registered and which shop is which store, verifies what comes in, and opens a
// request of package lifecycle for it, in one commit that is durable before the sender
// is thanked.
//
// # Invariants
//
//   - Nothing is opened for a message whose sender is not proved: by the signature of a
//     registered sender, or by a caller who is known and may hand signals in.
//   - A refusal is an event: counted by source and second where nobody is known, one of
//     its own where the sender is.
//   - The same message opens one request. Within two days its repetition is thanked for
//     and changes nothing; later it is refused as replayed. A message that was done for
//     an earlier store of the same shop waits for a person, because who recorded it then
//     could send it again now.
//   - A shop that is no known store, or could be two, is left to a person and shows.
//   - Secrets of senders are sealed on arrival and shown to nobody. What a platform
//     calls a shop is a keyed hash, and its text is sealed.
package erasure
