// Package egress is the one safe way out to hosts that a person named: the
// address of a webhook, the upstream of a route. Whoever names a host must not
// make the product a way into its own network, and a host that was harmless when
// it was named may be another one today.
//
// A [Transport] reaches one origin. What holds:
//
//   - It dials the pinned host and port and nothing else, whatever a request
//     says. No proxy of the environment comes in between.
//   - The address is checked when it is dialled, on the very address the
//     connection goes to: a name that leads elsewhere since it was checked leads
//     nowhere. Private, loopback, link-local, shared, multicast and reserved
//     addresses and those of metadata services are refused unless a prefix names
//     them. If one address of a name is refused, the name is.
//   - HTTPS only, TLS 1.2 or later with suites that authenticate what they
//     encrypt, the certificate verified against the host; where keys are pinned,
//     one of the verified chain must be among them. Plain HTTP goes to loopback
//     alone, and only where the options say so.
//   - No redirect is followed: it is a fault.
//   - Header, body and time of an answer are bounded. Nothing is decompressed.
//   - A fault never repeats an address, a header or a body of either side.
//
// There is no network inside a transaction: callers on higher floors wrap a
// Transport in that of package guard.
package egress
