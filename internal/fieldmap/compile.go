package fieldmap

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"strongroom"
)

// Map treats the bodies of one resource, version and platform. It is immutable.
type Map struct {
	id       mapID
	set      *Set
	root     *node // of an object
	envelope *node // of what stands around objects
	wrap     [2]string
	list     bool // a root array is a list of objects
	derived  []derivation
	states   int // how many fields derivations look at
}

// Kind returns what the map's objects are.
func (m *Map) Kind() Kind { return m.id.kind }

// node is one place of a map: what its scalars are, and what lies below.
type node struct {
	rule    *rule
	members map[string]*node
	element *node
	key     string // the member that identifies an element of this array
	role    role   // rolePackage on an element
	wrap    wrap   // on an envelope's member: objects stand here
	path    string // "shippingAddress.phone"
	below   string // "shippingAddress.{key}"
	ord     int    // among its siblings, for telling duplicates
	state   int    // 1 + slot of the word that a derivation looks at, or 0
	named   bool   // a member holds a first or last name
}

type wrap uint8

const (
	noWrap wrap = iota
	wrapsOne
	wrapsMany
)

// maxMembers bounds the known members of one object; see frame in walk.go.
const maxMembers = 256

type derivation struct {
	anchor, from role
	state        int
	is           []string
}

func newNode(path string) *node {
	n := &node{path: path, below: "{key}"}
	if path != "" {
		n.below = path + ".{key}"
	}
	return n
}

func (n *node) member(name string) *node {
	child := n.members[name]
	if child == nil {
		path := name
		if n.path != "" {
			path = n.path + "." + name
		}
		if n.members == nil {
			n.members = map[string]*node{}
		}
		child = newNode(path)
		child.ord = len(n.members)
		n.members[name] = child
	}
	return child
}

// at returns the node at path, made if need be: "items[].name".
func (n *node) at(path string) (*node, error) {
	for seg := range strings.SplitSeq(path, ".") {
		name := strings.TrimRight(seg, "[]")
		arrays := len(seg) - len(name)
		if name == "" || arrays%2 != 0 || seg[len(name):] != strings.Repeat("[]", arrays/2) {
			return nil, strongroom.Faultf(strongroom.Invalid, "field-map", "the path %q is not of the form a.b[].c", path)
		}
		n = n.member(name)
		for range arrays / 2 {
			if n.element == nil {
				n.element = newNode(n.path)
			}
			n = n.element
		}
	}
	return n, nil
}

func compileTree(fields map[string]string) (*node, error) {
	root := newNode("")
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		sp, err := parseSpec(fields[path])
		if err != nil {
			return nil, err
		}
		n, err := root.at(path)
		if err != nil {
			return nil, err
		}
		n.rule, n.role = sp.rule, sp.role
		if sp.key != "" {
			array, _ := root.at(strings.TrimSuffix(path, "[]"))
			if array == n {
				return nil, specFault("key:" + sp.key)
			}
			array.key = sp.key
		}
	}
	return root, root.check()
}

func (n *node) check() error {
	if len(n.members) > maxMembers {
		return strongroom.Faultf(strongroom.Invalid, "field-map", "%q has more than %d members", n.path, maxMembers)
	}
	for _, m := range n.members {
		if m.rule != nil && m.rule.part != wholeName {
			n.named = true
		}
		if err := m.check(); err != nil {
			return err
		}
	}
	if n.element != nil {
		return n.element.check()
	}
	return nil
}

func (n *node) names(into map[string]bool) {
	for k, m := range n.members {
		into[k] = true
		m.names(into)
	}
	if n.element != nil {
		n.element.names(into)
	}
}

// compile builds every map and the vocabulary from the sources.
func (s *Set) compile() error {
	s.maps, s.words = map[mapID]*Map{}, map[string]bool{}
	s.scratch = &sync.Pool{New: func() any { return new(walker) }}
	for _, w := range s.listed {
		s.words[w] = true
	}
	for id := range s.sources {
		m, err := s.compileMap(id)
		if err != nil {
			return strongroom.Faultf(strongroom.Invalid, "field-map", "the field map %s %s %s is wrong",
				id.kind, id.version, id.platform).Because(err)
		}
		s.maps[id] = m
		m.root.names(s.words)
		m.envelope.names(s.words)
	}
	return nil
}

func (s *Set) compileMap(id mapID) (*Map, error) {
	src := s.sources[id]
	if shared, ok := s.sources[mapID{id.kind, id.version, anyPlatform}]; ok && id.platform != anyPlatform && !src.fresh {
		own := src
		src = shared.clone()
		maps.Copy(src.fields, own.fields)
		src.derive = append(src.derive, own.derive...)
		src.list = src.list || own.list
	}
	m := &Map{id: id, set: s, list: src.list, wrap: [2]string{id.kind.String(), id.kind.String() + "s"}}
	var err error
	if m.root, err = compileTree(src.fields); err != nil {
		return nil, err
	}
	if m.envelope, err = compileTree(s.envelope); err != nil {
		return nil, err
	}
	m.envelope.member(m.wrap[0]).wrap = wrapsOne
	m.envelope.member(m.wrap[1]).wrap = wrapsMany
	for _, d := range src.derive {
		if err := m.derive(d); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Map) derive(d derive) error {
	anchor, ok1 := parseRole(d.Anchor)
	from, ok2 := parseRole(d.From)
	if d.From == "" {
		from, ok2 = noRole, d.Anchor == "refunded" // a state without a date
	}
	if !ok1 || !ok2 || anchor < roleCreated || len(d.Is) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "field-map", "a derived anchor needs anchor, from, path and is")
	}
	n, err := m.root.at(d.Path)
	if err != nil {
		return err
	}
	if n.state == 0 {
		m.states++
		n.state = m.states
	}
	m.derived = append(m.derived, derivation{anchor: anchor, from: from, state: n.state, is: d.Is})
	return nil
}
