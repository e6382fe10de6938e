package fieldmap

import (
	"embed"
	"hash/maphash"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"strongroom"
)

//go:embed maps
var shipped embed.FS

// LoadOptions says what Load starts from. The zero value loads the embedded maps
// and detects nothing.
type LoadOptions struct {
	// Overlay holds the operator's own *.yaml files; nil means none.
	Overlay fs.FS
	// Detect reports whether a text holds personal data. A value of a clear
	// field that it fires on is treated as unknown. It must be safe for
	// concurrent use and must not keep its argument.
	Detect func(text []byte) bool
}

// Override lays one field of a map anew.
type Override struct {
	Resource, Version, Platform string // as in a map file; Platform "any" is the shared map
	Path, Spec                  string // as in a map file: "customer.birthdate", "token birthday"
}

// anyPlatform is the platform of a map that every platform of its resource and
// version starts from.
const anyPlatform = "any"

type mapID struct {
	kind              Kind
	version, platform string
}

// derive reads an anchor from another one when a field says a certain word.
type derive struct {
	Anchor string   `yaml:"anchor"`
	From   string   `yaml:"from"`
	Path   string   `yaml:"path"`
	Is     []string `yaml:"is"`
}

// file is a map file.
type file struct {
	Resource  string                       `yaml:"resource"`
	Version   string                       `yaml:"version"`
	Platform  string                       `yaml:"platform"`
	List      bool                         `yaml:"list"`    // a root array is a list of objects
	Replace   bool                         `yaml:"replace"` // forget what was laid before
	Fragments map[string]map[string]string `yaml:"fragments"`
	Fields    map[string]string            `yaml:"fields"`
	Derive    []derive                     `yaml:"derive"`
}

// source is what the files said about one map, fragments expanded.
type source struct {
	fields map[string]string
	derive []derive
	list   bool
	fresh  bool // do not start from the shared map
}

func (s source) clone() source {
	s.fields, s.derive = maps.Clone(s.fields), slices.Clone(s.derive)
	return s
}

// Set is all maps of an instance. It is immutable.
type Set struct {
	sources  map[mapID]source
	envelope map[string]string
	listed   []string // words.txt
	maps     map[mapID]*Map
	words    map[string]bool // the public vocabulary of key names
	detect   func([]byte) bool
	seed     maphash.Seed
	scratch  *sync.Pool // of *walker
}

// Load reads the embedded maps and lays the overlay over them. A file of the
// overlay for the same resource, version and platform wins field by field.
func Load(o LoadOptions) (*Set, error) {
	s := &Set{
		sources: map[mapID]source{}, envelope: map[string]string{},
		detect: o.Detect, seed: maphash.MakeSeed(),
	}
	embedded, err := fs.Sub(shipped, "maps")
	if err != nil {
		return nil, err
	}
	for _, from := range []fs.FS{embedded, o.Overlay} {
		if from == nil {
			continue
		}
		if err := s.readAll(from); err != nil {
			return nil, err
		}
	}
	if err := s.compile(); err != nil {
		return nil, err
	}
	return s, nil
}

// With returns a copy of s with the overrides laid over.
func (s *Set) With(overrides ...Override) (*Set, error) {
	c := *s
	c.sources = maps.Clone(s.sources)
	for _, o := range overrides {
		kind, ok := ParseKind(o.Resource)
		if !ok || o.Version == "" || o.Platform == "" || o.Path == "" {
			return nil, strongroom.Faultf(strongroom.Invalid, "field-map",
				"an override needs resource, version, platform and path")
		}
		if sp, err := parseSpec(o.Spec); err != nil || sp.use != "" {
			return nil, errOverride()
		}
		id := mapID{kind, o.Version, o.Platform}
		src := c.sources[id].clone()
		if src.fields == nil {
			src.fields = map[string]string{}
		}
		src.fields[o.Path] = o.Spec
		c.sources[id] = src
	}
	if err := c.compile(); err != nil {
		return nil, errOverride()
	}
	return &c, nil
}

// errOverride names no cause, which would repeat what a caller sent.
func errOverride() error {
	return strongroom.Faultf(strongroom.Invalid, "field-map", "an override has a wrong path or treatment").
		Advise("see docs/field-maps.md for the words")
}

// Find returns the map for a body. Version v3 is v2; a platform without a map of
// its own gets the version's shared one. An unknown resource or version is an
// Invalid fault.
func (s *Set) Find(resource, version, platform string) (*Map, error) {
	kind, ok := ParseKind(resource)
	if !ok {
		return nil, strongroom.Faultf(strongroom.Invalid, "resource", "no field map for this resource").
			Advise("use orders, customers, fulfillments or store")
	}
	if version == "v3" {
		version = "v2"
	}
	if m := s.maps[mapID{kind, version, platform}]; m != nil {
		return m, nil
	}
	if m := s.maps[mapID{kind, version, anyPlatform}]; m != nil {
		return m, nil
	}
	return nil, strongroom.Faultf(strongroom.Invalid, "version", "no field map for this version of the resource").
		Advise("use v1, v2 or v3")
}

func (s *Set) readAll(from fs.FS) error {
	names, err := fs.Glob(from, "*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if err := s.read(text); err != nil {
			return strongroom.Faultf(strongroom.Invalid, "field-map", "field map %s is wrong", name).Because(err)
		}
	}
	words, err := fs.ReadFile(from, "words.txt")
	if err == nil {
		s.listed = append(s.listed, strings.Fields(string(words))...)
	}
	return nil
}

func (s *Set) read(text []byte) error {
	var f file
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return err
	}
	fields := map[string]string{}
	if err := f.expand(fields, "", f.Fields, 0); err != nil {
		return err
	}
	if f.Resource == "envelope" {
		maps.Copy(s.envelope, fields)
		return nil
	}
	kind, ok := ParseKind(f.Resource)
	if !ok || f.Version == "" || f.Platform == "" {
		return strongroom.Faultf(strongroom.Invalid, "field-map", "a map needs resource, version and platform")
	}
	id := mapID{kind, f.Version, f.Platform}
	src := s.sources[id].clone()
	if f.Replace || src.fields == nil {
		src = source{fields: map[string]string{}, fresh: f.Replace}
	}
	maps.Copy(src.fields, fields)
	src.derive = append(src.derive, f.Derive...)
	src.list = src.list || f.List
	s.sources[id] = src
	return nil
}

// expand lays fields under prefix into dst, fragments included. A field stated
// beside its fragment wins, whatever the order.
func (f *file) expand(dst map[string]string, prefix string, fields map[string]string, depth int) error {
	if depth > 8 {
		return strongroom.Faultf(strongroom.Invalid, "field-map", "fragments use each other in a circle")
	}
	for path, text := range fields {
		sp, err := parseSpec(text)
		if err != nil {
			return err
		}
		if sp.use == "" {
			continue
		}
		fragment, ok := f.Fragments[sp.use]
		if !ok {
			return specFault("use:" + sp.use)
		}
		if err := f.expand(dst, prefix+path+".", fragment, depth+1); err != nil {
			return err
		}
	}
	for path, text := range fields {
		dst[prefix+path] = text
	}
	return nil
}
