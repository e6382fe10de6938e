package fieldmap

// Hole is one leaf's place in a template.
type Hole struct {
	Number    uint32 // leaf number, chosen by the caller of AppendTemplate
	Class     Class
	Treatment Treatment
	String    bool   // the value is a JSON string
	Inner     bool   // the hole lies inside a JSON document held in a string
	Alt       []byte // what a coarse leaf keeps
}

// Fill says what goes into holes.
type Fill struct {
	// Value appends the leaf's exact text as AppendTemplate left it out, and
	// reports true, or reports false to leave the hole closed. nil closes all.
	Value func(dst []byte, h Hole) ([]byte, bool)
	// Token appends the text of a token or pseudonym, without quotes and made of
	// letters, digits and the marks _ - . @ only. It is asked for closed holes of
	// the treatments Token, Pseudonym and KeyToken.
	Token func(dst []byte, h Hole) []byte
}

// Place says where a leaf of a stored template stands.
type Place struct {
	Number    uint32
	Place     string // as Leaf.Place under the map that walked
	Path      string // as Leaf.Path
	Name      string // real key names, arrays left out: "customer.birthdate"
	Class     Class
	Treatment Treatment
}
