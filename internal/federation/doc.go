// Package federation joins the directory and the sign-on of a company to the
// accounts of the product: who is hired and who leaves (SCIM and feeds), and who
// signs in by OpenID Connect. It carries the multi-factor half of DPP 2.4.7 for
// sign-ins made elsewhere, and measures the 24 hours of 2.2.12 for everybody.
//
// A sign-on begins with [Federation.Begin], which sends the browser to a
// [Provider], and ends with [Federation.Finish], which has the session opened. A
// directory writes users and groups ([Federation.CreateUser] and the verbs beside
// it); a feed of leavers is read by [Federation.Feed]. Whatever ends an account,
// [Federation.Ended] notes it in the same commit and [Federation.ProbeDue] tries
// later whether any way in is left.
//
// Invariants:
//
//   - A sign-on counts only with a proof of several factors that the configuration
//     names, and with the time they were shown. Where the provider says nothing, the
//     answer is no; nothing is assumed.
//   - State, nonce and the verifier of PKCE are made here, sealed, bound to a cookie
//     and good once: an answer uses them up whatever becomes of it.
//   - A sign-on that a program began ends with that program, one that the pages began
//     with the pages; the cookie or ticket of the one is nothing to the other.
//   - An account at a provider is known by issuer and subject. The first time it is
//     joined to the living account of the address the provider verified, within the
//     domains that provider may speak for. No sign-on makes an account.
//   - A directory asks for accounts; people approve them. Groups give only rights of
//     a [Mapping], and a mapping without an approved case only asks.
//   - When a directory switches a user off or forgets it, the account ends in the
//     same commit, with sessions, keys, grants and open requests.
//   - There is no network inside a transaction. What a provider sends is bounded,
//     redirects are not followed, and none of its words reach a fault or the log.
//   - Names, addresses and subjects are sealed and bound to their row; what is looked
//     up is a keyed hash. A user who is off is forgotten with the account.
//
// Codes and tokens follow real time; what is due and what took how long follows the
// data clock. All of it is safe for concurrent use.
package federation
