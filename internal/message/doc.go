// Package message keeps the keys by which calls and answers are sealed end to end where
// TLS ends before the recipient, such as at a proxy of another's (DPP 2.5.4).
//
// The instance has keys of its own, which callers seal their requests to: [Book.Keys]
// publishes them, [Book.Tend] makes a new one every 30 days and destroys the old a week
// later, [Book.Open] opens a request. A caller has a public key registered by
// [Book.Add], to which [Book.KeyOf] has its answers sealed.
//
// # Invariants
//
//   - The private half of a key is sealed at rest and destroyed when its time is over:
//     what was recorded on the way then opens for nobody.
//   - A request is good once: it says when it was made and has an id, and is refused
//     later than five minutes or a second time. What was seen is remembered in memory;
//     after a restart a message of the last five minutes could come again.
//   - A registered key's row is bound to its holder: changed or moved, it is no key.
//   - Who could change what a caller gets must not be able to register a key for it:
//     where TLS ends at somebody who is not trusted, keys are registered on the host.
//
// All methods are safe for concurrent use.
package message
