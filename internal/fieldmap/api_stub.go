package fieldmap

import "strongroom"

// Set is all maps of an instance. It is immutable.
type Set struct{ maps map[mapID]*Map }

type mapID struct {
	kind              Kind
	version, platform string
}

// Map treats the bodies of one resource, version and platform. It is immutable.
type Map struct{ id mapID }

// Override lays one field of a map anew.
type Override struct {
	Resource, Version, Platform string // as in a map file; Platform "any" is the shared map
	Path, Spec                  string // as in a map file: "customer.birthdate", "token birthday"
}

// Load reads the embedded maps and lays the overlay over them.
func Load(o LoadOptions) (*Set, error) { return &Set{}, nil }

// With returns a copy of s with the overrides laid over.
func (s *Set) With(overrides ...Override) (*Set, error) { return s, nil }

// Find returns the map for a body. Version v3 is v2; a platform without a map of
// its own gets the version's shared one. An unknown resource or version is an
// Invalid fault.
func (s *Set) Find(resource, version, platform string) (*Map, error) {
	return nil, strongroom.Faultf(strongroom.Invalid, "resource", "no field map for this resource and version")
}

// Kind returns what the map's objects are.
func (m *Map) Kind() Kind { return m.id.kind }

// Parse takes body apart.
func (m *Map) Parse(body []byte, lim Limits) (*Envelope, error) {
	return nil, strongroom.Faultf(strongroom.Invalid, "json", "not built")
}

// AppendTemplate appends o's template to dst. number gives leaf i its number.
func AppendTemplate(dst []byte, o *Object, number func(i int) uint32) []byte { return dst }

// Render appends tmpl with its holes filled.
func Render(dst, tmpl []byte, f Fill) ([]byte, error) { return dst, nil }

// Holes calls yield for each hole of tmpl in order until it returns false.
func Holes(tmpl []byte, yield func(Hole) bool) error { return nil }

// Places walks a stored template again under m, which may be a newer map than
// the one that made it, and says where each leaf stands. value returns the exact
// text of a leaf. Places are in document order.
func (m *Map) Places(tmpl []byte, value func(number uint32) []byte) ([]Place, error) { return nil, nil }

// Select returns the places that fields name: a class name ("email"), a path
// ("shippingAddress.phone") or the path of a container, which names all inside
// it ("shippingAddress"). missing lists fields that name nothing.
func Select(places []Place, fields []string) (open []Place, missing []string) { return nil, nil }

func (e *Envelope) appendLeaf(dst []byte, i int, token func(dst []byte, i int) []byte) []byte {
	return dst
}
