// Package access decides who may what: requests for accounts, roles, services and
// short rights, their approval by another person, and the grants that come of it.
// It answers for DPP 2.2.1 and 2.3.2, and holds the network rules of 2.1.2.
//
// [Access.Ask] states what somebody needs and why. [Access.Approve] makes it: the
// account, the service, or a [Grant]. A role stands until it is taken away; an
// elevation opens one store for one purpose and ends by itself after hours. A
// glass is broken when nobody can wait: two people at once, or one after an hour,
// and the log says so. [Access.Rights] is what a person's grants come to.
//
// Invariants:
//
//   - Who approves is neither who asked nor whom it is about, and gives nothing
//     beyond what they hold: only an owner gives roles they do not carry, and the
//     stores lie within the approver's own.
//   - No grant without a case: a grant's row is sealed under a key of the keyring
//     and bound to its request and to the instant that was decided. A row written
//     by hand, edited, moved, or left without its request gives no right and is
//     counted ([Access.Orphans]).
//   - While nobody else could decide, the OS user on the spot is the second party.
//     Request and event say so.
//   - Roles of one person share one scope: a second role never widens the first.
//   - The last owner's role cannot be taken away.
//   - Names, addresses and reasons are sealed. The name and address of a person
//     asked for leave the request when it is decided; the reason passes the detector
//     at the door. References reach the log as keyed hashes only.
//   - All ends follow the data clock, and count at once: what is over gives no
//     right, whether or not the sweeper has come ([Access.Expire]).
//
// # What it does not promise
//
// Whoever can write the database and held a copy of an earlier row can put that row
// back. The log shows the end of the grant.
//
// All of it is safe for concurrent use.
package access
