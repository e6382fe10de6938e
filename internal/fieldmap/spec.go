package fieldmap

import (
	"strings"

	"strongroom"
)

// A spec is the right side of a field in a map file: words, of which the first
// is the treatment (docs/field-maps.md).

// role is what a field means beyond its treatment.
type role uint8

const (
	noRole role = iota
	roleExternal
	roleCustomer
	roleOrder
	roleNumber
	roleShipping // whether an item needs shipping
	rolePackage  // an array element that is a parcel
	roleCreated
	roleUpdated
	rolePaid
	roleShipped
	roleDelivered
	roleCancelled
	roleRefunded
	roleClosed
	rolePackageShipped
	rolePackageDelivered
	rolePackageChanged // read as the delivery of a parcel that is delivered and states no date
	rolePackageStatus
	roles
)

var roleNames = [roles]string{
	roleExternal: "external", roleCustomer: "customer", roleOrder: "order", roleNumber: "number",
	roleShipping: "needs-shipping", rolePackage: "package",
	roleCreated: "created", roleUpdated: "updated", rolePaid: "paid", roleShipped: "shipped",
	roleDelivered: "delivered", roleCancelled: "cancelled", roleRefunded: "refunded", roleClosed: "closed",
	rolePackageShipped: "package-shipped", rolePackageDelivered: "package-delivered",
	rolePackageChanged: "package-changed", rolePackageStatus: "package-status",
}

func parseRole(s string) (role, bool) {
	for r, n := range roleNames {
		if r > 0 && n == s {
			return role(r), true
		}
	}
	return noRole, false
}

// part says which half of a full name a field holds.
type part uint8

const (
	wholeName part = iota
	firstName
	lastName
)

// rule is what a map says about the scalars of one place.
type rule struct {
	treatment Treatment
	class     Class
	shape     shape // of a clear value
	index     IndexKind
	part      part
	role      role
	inside    bool // a string holds JSON: treat it inside
	number    bool // clear where the value is the order's number
}

// spec is a rule with what a map says about the place itself.
type spec struct {
	rule *rule  // nil: the place holds no scalars
	key  string // of an array: the member that identifies an element
	role role   // of a place without a rule
	use  string // the fragment laid below
}

func specFault(word string) error {
	return strongroom.Faultf(strongroom.Invalid, "field-map", "the word %q does not belong in a field", word)
}

// parseSpec reads a spec. Words come from a map file, so faults may repeat them.
func parseSpec(s string) (spec, error) {
	var out spec
	words := strings.Fields(s)
	if len(words) == 0 {
		return out, strongroom.Faultf(strongroom.Invalid, "field-map", "a field says nothing about its value")
	}
	if !strings.Contains(words[0], ":") {
		r, n, err := parseTreatment(words)
		if err != nil {
			return out, err
		}
		out.rule, words = r, words[n:]
	}
	for _, w := range words {
		if err := out.option(w); err != nil {
			return out, err
		}
	}
	return out, nil
}

// parseTreatment reads "clear SHAPE", "token CLASS", "pseudonym", "coarse CLASS",
// "null CLASS" or "json" and returns how many words that took.
func parseTreatment(words []string) (*rule, int, error) {
	switch words[0] {
	case "pseudonym":
		return &rule{treatment: Pseudonym, class: Linkable}, 1, nil
	case "json":
		return &rule{treatment: Token, class: FreeText, inside: true}, 1, nil
	}
	if len(words) < 2 {
		return nil, 0, specFault(words[0])
	}
	if words[0] == "clear" {
		sh, ok := parseShape(words[1])
		if !ok {
			return nil, 0, specFault(words[1])
		}
		return &rule{shape: sh}, 2, nil
	}
	class, ok := ParseClass(words[1])
	if !ok || class == Key {
		return nil, 0, specFault(words[1])
	}
	for _, t := range []Treatment{Token, Coarse, Null} {
		if words[0] == t.String() {
			return &rule{treatment: t, class: class}, 2, nil
		}
	}
	return nil, 0, specFault(words[0])
}

func (s *spec) option(word string) error {
	name, value, _ := strings.Cut(word, ":")
	switch name {
	case "key":
		s.key = value
		return nil
	case "use":
		s.use = value
		return nil
	case "role":
		r, ok := parseRole(value)
		if !ok {
			break
		}
		if s.role = r; s.rule != nil {
			s.rule.role = r
		}
		return nil
	}
	if s.rule == nil {
		return specFault(word)
	}
	switch {
	case word == "unless:number":
		s.rule.number = true
	case name == "index" && (value == "first" || value == "last"):
		s.rule.index = NameIndex
		s.rule.part = firstName
		if value == "last" {
			s.rule.part = lastName
		}
	case name == "index":
		for k, n := range indexNames {
			if n == value && k > 0 {
				s.rule.index = IndexKind(k)
				return nil
			}
		}
		return specFault(word)
	default:
		return specFault(word)
	}
	return nil
}
