package strongroom

import (
	"errors"
	"fmt"
)

// Kind is the family of a fault. Doors map a kind to a status code in one table.
type Kind uint8

// The kinds of faults. Internal is what an error of no known kind counts as.
const (
	Internal        Kind = iota
	Invalid              // the input is wrong; the caller can mend it
	Unauthenticated      // nobody known asks
	Denied               // somebody known asks and may not
	NotFound             // no such thing, or none the caller may know of
	Conflict             // the state does not allow it now
	Held                 // a legal hold forbids it
	Erased               // it was there and is gone for good
	Exhausted            // a budget or rate is used up
	TooLarge             // over a limit of size, depth or time
	Unavailable          // the product cannot decide or record now; try again
)

var kindNames = [...]string{
	Internal: "internal", Invalid: "invalid", Unauthenticated: "unauthenticated", Denied: "denied",
	NotFound: "not found", Conflict: "conflict", Held: "held", Erased: "erased",
	Exhausted: "exhausted", TooLarge: "too large", Unavailable: "unavailable",
}

// String returns the kind's name in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Internal]
}

// Fault is an error with a kind and a stable code. Its text is written by us and
// holds identifiers and counts only, never a value a caller sent.
type Fault struct {
	Kind Kind
	Code string // stable, machine-readable: "purpose", "budget", "token-retired"
	What string // what happened and why
	Hint string // what to do next; may be empty
	Err  error  // the cause, for the operational log only
}

// Error returns what happened and, after a semicolon, what to do.
func (f *Fault) Error() string {
	s := f.What
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Faultf returns a fault of the given kind and code; format and args make What.
func Faultf(kind Kind, code, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Code: code, What: fmt.Sprintf(format, args...)}
}

// Advise returns a copy of f that ends with what to do next.
func (f *Fault) Advise(format string, args ...any) *Fault {
	g := *f
	g.Hint = fmt.Sprintf(format, args...)
	return &g
}

// Because returns a copy of f that wraps err as its cause.
func (f *Fault) Because(err error) *Fault {
	g := *f
	g.Err = err
	return &g
}

// KindOf returns the kind of the first fault in err's chain, Internal if there
// is none. KindOf(nil) is Internal; ask only about errors.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return Internal
}

// IsKind reports whether err carries a fault of kind k.
func IsKind(err error, k Kind) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && f.Kind == k
}
