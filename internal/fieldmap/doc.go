// Package fieldmap takes an EcartAPI body apart: which values are personal,
// which say when retention starts, which identify a shopper, and what the body
// looks like once the personal values are gone. It is pure: JSON in, leaves and
// a template out. It keeps nothing, calls nothing and knows no key.
//
// # The story
//
// [Load] reads the field maps, one file per resource, version and platform, and
// lays the operator's own files over them. [Set.Find] picks a [Map], and
// [Map.Parse] walks a body once. The [Envelope] that comes back holds one
// [Object] per order, customer, fulfilment or store, each with its personal
// [Leaf] values in document order, and everything around the objects, so that
// [Envelope.Render] gives a list answer its shape back.
//
// What is stored is a template: the object's exact text in which every leaf is
// replaced by a hole ([AppendTemplate]). [Render] fills the holes, with tokens
// for a tokenised answer, with values for a reveal, or with some of each.
// [Map.Places] walks a stored template again and says where each leaf number
// stands, for updates that keep leaf numbers and for reveals of named fields
// ([Select]).
//
// # Invariants
//
//   - Unknown counts as personal. A key that no map names, a type the map does
//     not expect, a value that does not have the shape its clear field must
//     have: strings become tokens, numbers and booleans become null, and key
//     names outside the public vocabulary become key tokens. null, "" and empty
//     containers hold nothing and stay.
//   - The treatments are the closed list of [Treatment]. Nothing else changes a
//     byte, so numbers keep their exact text and keys their order.
//   - Filling every hole with its value gives the object back, byte for byte.
//   - A template holds no part of a leaf, but the kept digits of a coarse one.
//   - Every occurrence of a duplicate key is treated.
//   - A place names one leaf of an object. Places are compared inside one
//     process only; they hold real key names and must never be logged.
//
// # Places
//
// A token belongs to one place for the life of a record, so updates must tell
// places apart. A place is the path of keys; an array element goes by its id
// where the map names one (the first of several with the same id), else by its
// index and its content: an element without id that moved or changed is another
// one. Duplicate keys go by their order.
//
// # What is refused
//
// A body must be RFC 8259 JSON in valid UTF-8 without a byte order mark, inside
// [Limits]. An array or a scalar where an envelope belongs is refused, and so is
// a list element that is neither an object nor null. Faults name a byte offset,
// never a byte.
//
// # Performance
//
// One pass, no reflection, no number is ever converted. A walk allocates the
// leaf slice, the object slice and a few blocks of text; scratch memory is
// pooled per map. Values of type [Set] and [Map] are immutable and safe for
// concurrent use; an Envelope belongs to its caller and points into the body,
// which must not change while the Envelope lives.
package fieldmap
