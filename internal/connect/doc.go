// Package connect brings stores in and lets them go: the applications at EcartAPI,
// the way a shop's owner takes to grant access, the receipt of that grant, and what
// follows when it ends.
//
// # A store comes in
//
// The owner of a shop opens [Connect.Begin], reads what is granted, and goes on to
// EcartAPI. The browser comes back with the shop's tokens in the query of
// [Connect.Callback], which proves that EcartAPI made it, seals what it brings and
// leads on to a clean address. The older flow brings an id and a key instead, and
// the token is fetched ([Connect.Callback] too). An operator pastes a token with
// [Connect.Paste], or has EcartAPI make one from the platform's own credentials with
// [Connect.Authorize].
//
// # A grant ends
//
// [Connect.Revoke] ends it by hand, [Connect.Lost] because EcartAPI refuses the token
// or the shop uninstalled the application. Either closes the store in the commit that
// records it: sync, gateway, routes and reveal refuse from then on. By hand, a job
// ends the access at EcartAPI too ([Connect.EndUpstream]) and then drops the token.
//
// # Invariants
//
//   - A callback is believed for its proof alone, compared in constant time and never
//     optional. It counts once: a token that came before is refused, so what a
//     browser's history holds opens nothing again.
//   - Which shop a token is for says EcartAPI, asked with the token, and not the query:
//     the proof covers the token alone. A token whose shop is not known so becomes a
//     store of its own and never takes another's place.
//   - Tokens, client ids and what proves them are sealed on arrival. No verb returns
//     one, no fault or event repeats one.
//   - Each time access is given there is a receipt: who, by which way, which scope, and
//     the digest of the text that was shown. It outlives the grant and is bound to its
//     row by a keyed hash.
//   - Nothing is asked of EcartAPI inside a transaction.
//
// The package is safe for concurrent use.
package connect
