// Package api is the door for programs: a REST interface over HTTP, described by
// OpenAPI 3.1.
//
// A route is a row of one table ([Route]): method, path, request type, answer
// type, action, function. From the table come the mux, the document at
// /openapi.json, docs/api.md with the permission beside each method, and the test
// that every action is one the policies know. No row, no route; a row without an
// action must say that it is public.
//
// One adapter does for every row: recognise the caller, refuse what is too large,
// too deep, too slow or not JSON, bind path, query and body, call, render, and
// turn a fault into a problem detail. A refusal of a known caller that the log
// does not hold yet, such as of a body that cannot be understood, is recorded as a
// failure of the row's action with its status.
//
// Invariants:
//
//   - This package imports no database, seal, policy or guard: it cannot open a
//     transaction or a seal even by mistake. Every function it calls decides and
//     records for itself.
//   - An answer or a log line never repeats a name, a field or a value the caller
//     chose. Ids and words in paths and queries obey the grammar of names and pass
//     the detector before anything is called.
//   - Bodies are held in memory up to a limit, except for bulk ingest, which
//     streams: a line is held, never the body.
//   - A repeated call with an Idempotency-Key is answered from its receipt, which
//     holds a status and an id, never a body.
package api
