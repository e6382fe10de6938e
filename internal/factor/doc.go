// Package factor verifies what a person shows besides a password: codes of an
// authenticator app (TOTP, RFC 6238), recovery codes, and passkeys (WebAuthn).
// It answers for DPP 2.4.7, two factors for every account, with rules alone: it
// stores nothing, reads no clock and writes no event. The caller keeps what is
// handed out, sealed, and gives it back.
//
// What holds:
//
//   - Secrets and codes never print: every fmt verb, slog and JSON show a fixed
//     word. Reveal gives the text, to be shown once to the person it belongs to.
//   - [TOTPSecret.Verify] names the time step a code belongs to. The caller
//     accepts only a step above the last one it accepted, so a code works once.
//   - A recovery code is 120 random bits. Only its [Code.Digest] is kept, under a
//     key and bound to the person; single use is by deleting that digest.
//   - The state of a passkey ceremony is good for [CeremonyLife], for one kind of
//     ceremony, for one relying party and for one person. It is not secret but
//     must not be forged: the caller seals it, and deletes it with the first
//     answer, right or wrong, so that an answer cannot be replayed.
//   - A [Passkey] result tells what the authenticator swore to. It is two factors
//     only if the person was verified on that very assertion ([Passkey.Factors]);
//     presence alone is one, never more. The relying party asks for verification
//     always, so a browser that obeys never returns less.
//
// No error repeats anything a client sent. All functions may be called from any
// number of goroutines at once.
package factor
