// Package scim is the door for directories: a SCIM 2.0 server (RFC 7643, RFC 7644)
// for users and groups, as Okta, Entra and others speak to it. It turns their words
// into the verbs of package federation and decides nothing itself.
//
// Invariants:
//
//   - Every route asks for a service account, those that only describe the server as
//     well. Which accounts may do what is the policies' to say.
//   - A body is bounded in bytes, depth and names, and refused where an object names
//     an attribute twice: two readers could understand it in two ways.
//   - Attributes the product does not keep are let fall, whatever is in them; those
//     nobody defined are refused. A password is never looked at.
//   - An answer never repeats a value that was refused.
//
// Where directories differ from the text of the standard they are taken as they
// mean it: operations in any case, truth as text, attributes of a path as keys of a
// value, members to remove in a list. What is answered follows the standard.
//
// The package keeps no state and is safe for concurrent use.
package scim
