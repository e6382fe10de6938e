// Package workload lets services prove themselves without an API key (DPP 2.2.3):
// by a signed token of the platform they run on, as a CI system or Kubernetes
// hands out, or by a client certificate. Which token or certificate is which
// service is configuration; what the service may do is its account in package
// identity, made by an approved request.
//
// Invariants:
//
//   - The issuers are a fixed list. A token is held against the one it names, and
//     no address is ever taken from a token.
//   - The algorithm is on a short list of signatures. None and shared secrets are not
//     on it, whatever the token says.
//   - A token is for this instance alone: its one audience is the configured one. It
//     has an end, has begun, and lives a day at most. One that names another kind
//     than JWT in its header was made for something else.
//   - A binding names the subject and every further claim it asks for, word by word.
//     There are no patterns.
//   - Keys of an issuer are fetched outside any transaction, from https, and kept for
//     an hour; an unknown key id causes one fetch in thirty seconds, however many
//     tokens come. Without keys nobody is let in.
//   - No part of a token or certificate is in a fault or a log.
//
// All of it is safe for concurrent use.
package workload
