// Package console is the door for browsers: the pages on which a person enrols,
// signs in and looks after the own account. It calls the same verbs as package api
// and decides nothing itself.
//
// Invariants:
//
//   - A session's token is in one cookie that no script reads and no other site
//     sends: __Host-, HttpOnly, Secure, SameSite=Strict. It is in no page, no URL and
//     no form. Each sign-in sets a new one, and what the browser held before ends.
//   - What changes anything is a POST that the browser says comes from a page of this
//     origin (Sec-Fetch-Site or Origin); one that says nothing is refused.
//   - A link to enrol carries its token behind the #. The script moves it out of the
//     address into a form; the link is opened when the person presses the button.
//   - A provider's answer comes from another site. A cookie of its own, Lax and good for
//     one sign-on, ties it to the browser that began, and a page of this origin leads
//     on, so that the strict cookie goes along. An answer that a program waits for is
//     led to loopback and not looked at.
//   - An answer names no value that was sent, but for the address a person is typing.
//     An address nobody has gets the pages of one that is known.
//   - Pages run no script but the one of this package, frame nothing, are framed by
//     nothing, and are never stored. All but passkeys works without a script.
//   - Which routes ask for nobody is a list of its own in the tests.
//
// The package keeps no state between requests and is safe for concurrent use.
package console
