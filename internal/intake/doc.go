// Package intake brings a store's data in: it keeps the credential that
// EcartAPI gave for the store, fetches lists page by page, and hands every page
// to the vault.
//
// # The client
//
// [Client] speaks EcartAPI v1 to v3. It sends the store's token to one host only:
// redirects are not followed, and of page.next nothing but the query is used. It
// waits as Retry-After says, backs off with jitter on 429, 5xx, broken
// connections and bodies that are no envelope, and gives up after a bounded
// number of tries. Plain HTTP is refused except towards loopback.
//
// # The sync
//
// [Intake.Sync] asks for what was updated in a window of time whose two ends are
// fixed when it begins, and remembers how far it came after each page whose
// records are durable. What holds:
//   - A crash loses nothing and doubles nothing: the cursor moves only after the
//     vault has answered, and taking a page in again changes nothing.
//   - The first sync of an old shop asks only for what can still be alive; orders
//     whose last event is past every clock are not even fetched. [SyncRequest]
//     can reach further back, and then the vault keeps none of the dead.
//   - A list that shrinks while it is read (a record was updated and left the
//     window, so that the pages behind it moved up) is read once more.
//   - One bad object does not stop the others: a page that the vault refuses is
//     taken in object by object, and what is refused is counted.
//   - Credential and cursor are sealed under the store's credential key. A cursor
//     counts as personal data, because a platform may put a search term into the
//     query of the next page.
//   - Whoever else uses a credential has decided first: [Intake.CredentialTx] hands it
//     out inside the act, notes the use, and refuses for a store that is closed. A
//     connection with a base address of its own goes through package egress.
//
// The credential is a [Secret], which does not print. No error of the package
// repeats what the other end sent.
package intake
