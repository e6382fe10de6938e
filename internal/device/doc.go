// Package device is the register of devices and what they prove: a call comes from
// a managed device, from one that is merely known, or from one nobody knows. It
// answers for the half of DPP 2.2.7 that software can: in production the policies
// show personal data on managed devices only.
//
// An operator enters a device for one person and gets a one-time code; the device
// brings the code with its key ([Devices.Enrol]) and is known from then on. It proves
// itself with each sign-in in one of two ways: by a TLS client certificate, whose
// key is looked up by its digest, or by a signed header in the manner of DPoP
// (RFC 9449): an ES256 key that never leaves the device signs method, path and time
// of the call and a number used once.
//
// Invariants:
//
//   - A device belongs to one person. What it proves counts for nobody else.
//   - A device is managed because an operator says so at enrolment; nothing it sends
//     makes it so.
//   - Codes are at rest as keyed hashes and work once. A signed proof works once, by
//     the store, within [Skew] of real time.
//   - Label, kind, posture and key are sealed and bound to the row. A row that was
//     edited or moved does not open, and its device is unknown.
//   - A revoked or expired device is unknown, as is a certificate outside its dates.
//   - No label and nothing a caller sent is in a fault, an event or the operational
//     log.
//
// All of it is safe for concurrent use.
package device
