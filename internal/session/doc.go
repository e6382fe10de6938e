// Package session lets persons in and keeps them apart: sign-in with two factors,
// lockout, and the sessions that follow. It carries DPP 2.4.7 (two factors for
// everybody), 2.2.5 (accounts are not shared), 2.2.9 (accounts are locked), the
// attempts of 2.2.8, and the sessions of 2.2.12 (who has left is out).
//
// A sign-in is a challenge of five minutes: [Sessions.Begin] with an address and
// [Sessions.Password], then [Sessions.TOTP], [Sessions.Recovery] or a passkey; or a
// passkey alone that verifies the person. It ends in a [Token], which the holder
// shows with each call and [Sessions.Authenticate] turns into a
// [strongroom.Actor].
//
// Invariants:
//
//   - No session is opened without two factors. What was shown is kept in the
//     sealed challenge by the product, never by the caller.
//   - A factor is used up in the commit that opens the session and records it. A
//     process that dies in between has done neither.
//   - An address nobody has gets a challenge, a stand-in for an account, the same
//     waits, the same answers and the same work as one that is known.
//   - To begin writes nothing: a challenge carries how it began, sealed under a key
//     of its own. The first thing shown makes a row, which stays until the challenge
//     would be over, so that it works once.
//   - An attempt is counted before it is looked at, in the database: parallel
//     guesses, a restart and a second process change nothing about the limit. Counts
//     and locks are bound by a MAC; one that was edited closes, and is told of.
//   - What strangers fail at counts apart from the networks a person signed in
//     from, and passkeys, which nobody can guess, are never locked for failures:
//     nobody is locked out for ever by somebody else.
//   - A token is shown once. At rest there is its HMAC; the row is bound by a MAC,
//     and where it was opened is sealed. A token dies with every step-up and every
//     change of rights, and another takes its place.
//   - A session lives in the class of networks (/24, /48) and devices (family of
//     browser and system) it was opened in, and on the registered device that opened
//     it where another one proves itself. Elsewhere it ends, and the log says why. A
//     call without a proof goes on, as on an unknown device.
//   - A session that was ended by this process is refused from the commit on, and
//     by others sharing the database within [Options.Recheck].
//   - No address, user agent, password, code or token is in a fault, an event or
//     the operational log.
//
// Time is real time throughout; what a person may do follows the data clock. All
// of it is safe for concurrent use.
package session
