// Package handshake asks an endpoint which TLS it speaks: the versions and suites it
// takes, the certificate it shows, and what it says over HTTP. It answers with a
// [Report] whose checks say what is good, what is not, and what to do.
//
// A client that is itself safe cannot find out what a server takes from an unsafe one.
// So versions and suites are asked with hellos written here, one connection each, that
// end with the answer to the hello: no key is agreed on and nothing is sent.
//
// Invariants:
//
//   - What was refused is told apart from what was not answered: silence is Unknown and
//     never good.
//   - What an endpoint sends is read within bounds of length and time.
//   - The one connection that takes any certificate is the one that looks at it; it
//     sends no secret, and what it finds is verified afterwards.
//
// The package keeps no state. It is safe for concurrent use.
package handshake
