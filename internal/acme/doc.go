// Package acme obtains the server's certificate from an authority that speaks ACME (RFC
// 8555), and a new one in time (DPP 2.5.1). The authority asks for a proof that the host is
// ours: by a handshake that agrees on nothing but acme-tls/1 (RFC 8737, [Client.Answer]), or
// by a file over plain HTTP ([Client.Challenges]).
//
// Invariants:
//
//   - Only the named hosts are asked for, and proofs are shown only while one is asked for.
//   - The terms of the authority are an operator's to accept: who did not gets no client.
//   - Certificate and key are one file, 0600, replaced at once. What was obtained stays
//     there and is shown while the authority fails; the failure is the answer of every
//     [Client.Load] until it ends.
//   - After a failure the authority is not asked again at once: waits double from a minute
//     to six hours, and a wait that the authority names is kept.
//   - The directory is reached over HTTPS and proves who it is; redirects are not followed.
//     What it says is not repeated.
package acme
