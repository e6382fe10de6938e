// Package route lets an application send to a carrier, a tax service or a mailer what
// it holds tokens of, without it ever seeing what the tokens stand for.
//
// # The story
//
// A [Spec] is data: an upstream, the calls that may be made there, and in each call
// the places where tokens of certain classes may stand. One person proposes a version
// ([Book.Propose]) and another approves it ([Book.Approve]).
//
// An application calls [Book.Serve] with tokens in its request. The request is taken
// apart by what it is (JSON, a form, XML, text); every token must stand in a place
// that is named. The policies decide, the budget of the route is debited, and the vault
// opens the tokens for the route's purpose by the policies, the budget and the log that
// every reveal goes through. Each value is written in the way its place needs, so that it
// stays a value. What comes back is cut to the shape of the call, with what was sent
// out turned into its tokens again; a file becomes a document of the record.
//
// # Invariants
//
//   - A token that stands where the route does not name a place, or whose class may not
//     stand there, refuses the call (DPP 3.1.2); nothing leaves.
//   - The call and each record opened for it are events before anything leaves (DPP
//     3.6.3). Each refusal is one as well.
//   - No value ends its place: it is escaped for it, and what cannot be, such as a line
//     break in a header, refuses the call.
//   - A call goes to the host that two people named and nowhere else, over TLS
//     (DPP 2.5.1), and no redirect is followed (package egress).
//   - Nothing of an answer leaves that its shape does not name, and nothing in it that
//     was sent: an upstream that repeats an address gives a token, or nothing.
//   - What is in force is bound by a proof to its row; one that was edited does not
//     load, and nothing goes out by it.
//
// Whoever can write the database can put an older pair of rows back, proof and all; the
// log shows what was in force when.
package route
