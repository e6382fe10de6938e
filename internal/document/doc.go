// Package document keeps files that came back about a shopper: labels and other papers
// as PDF, ZPL, PNG or text, each sealed beside a record and dead with it (DPP 2.4.8,
// 3.1.2, 3.1.5).
//
// # The story
//
// A route brings a file back and [Book.Keep] seals it under a key of its own. That key
// lies beside the record, sealed under the record's key: it moves along when the record
// gets a new version, and when the record is erased or comes to its date nothing opens
// the file any more, in no copy. [Book.Tend] then removes what is left of it.
//
// The application gets the file's id, never its bytes. [Book.Link] makes a link for one
// named person and one purpose, which is good once and for a quarter of an hour; that
// person, signed in, opens it with [Book.Open].
//
// # Invariants
//
//   - A file opens while its record lives and its store is open, and only then.
//   - A row that was changed, or stands in the place of another, does not open. Neither
//     does a link whose row was changed.
//   - Of a link's secret a digest is kept; who reads the database opens nothing by it.
//     Who writes it can put a used link's row back until its time is over; the person
//     that it is for must then open it, and that is an event of its own.
//   - Bytes leave after the event of their opening is durable, and the link is used up in
//     the same commit.
//   - A file has an origin: which route brought it for whom, and when (DPP 2.8).
//
// All methods are safe for concurrent use.
package document
