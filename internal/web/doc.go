// Package web is the frame every door stands in: a hardened HTTP server, TLS,
// the Unix socket with peer credentials, problem details (RFC 9457), strict JSON
// and the one table that maps faults to status codes.
//
// Invariants:
//
//   - No URL, query, header or body ever reaches a log line, and neither does an
//     address of a caller: a line names the route by its pattern, the request by
//     an id made here, and an error by its type and fault code. Text the standard
//     server would log itself is dropped and counted.
//   - An answer never repeats what the caller sent. A problem's detail is a
//     fault's own words; if the detector still finds personal data in them, the
//     words are replaced by the name of the kind.
//   - Plain HTTP is refused anywhere but on loopback and on a Unix socket that
//     its owner alone can open.
//   - A panic in a handler is an internal fault for that caller alone, and its
//     value is not logged.
//   - Who says for whom a call was forwarded is believed only if it is a named proxy,
//     and only about the next hop.
//
// But for the counts of a [Limiter] the package keeps no state between requests. It is
// safe for concurrent use.
package web
