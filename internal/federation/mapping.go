package federation

import (
	"slices"
	"strings"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
)

// SCIM is the [Mapping.Source] of groups that a directory writes.
const SCIM = "scim"

// Mapping says what membership of a group gives.
type Mapping struct {
	Source string // [SCIM] or the name of a provider
	Group  string // the group's name there, to the letter
	Role   string // one role
	// Stores the right reaches; AllStores lifts the limit.
	Stores    []string
	AllStores bool
	// Case is the approved request this mapping was decided by. Without one a
	// membership only asks for the right, and people decide each time (DPP 2.2.1).
	Case string
}

// check refuses a mapping that leads nowhere, and says what to write.
func (m Mapping) check(providers []Provider) error {
	bad := func(what, write string) error {
		return strongroom.Faultf(strongroom.Invalid, "mapping", "%s", what).Advise("write %s", write)
	}
	n := slices.IndexFunc(providers, func(p Provider) bool { return p.Name == m.Source })
	if m.Source != SCIM && n < 0 {
		return bad("the source of a mapping is scim or the name of a provider", "source: scim")
	}
	if m.Source != SCIM && providers[n].GroupsClaim == "" {
		return bad("a mapping needs the claim in which its provider lists groups", "groups_claim: groups, with that provider")
	}
	given := []string{authz.Owner, authz.Operator, authz.Privacy, authz.Security, authz.Auditor}
	if m.Group == "" || !slices.Contains(given, m.Role) {
		return bad("a mapping names a group and one role", "group: as it is called there, and role: one of "+strings.Join(given, ", "))
	}
	if m.Case != "" && !strongroom.IsID("req", m.Case) {
		return bad("the case of a mapping is the id of a request", "it such as req_…")
	}
	if m.AllStores == (len(m.Stores) > 0) || slices.ContainsFunc(m.Stores, func(s string) bool { return !strongroom.IsID("str", s) }) {
		return bad("a mapping names its stores by their ids, or says that it is for all", "stores: [str_…], or all_stores: true")
	}
	return nil
}

// settle gives and takes what the groups of one source give a person. A mapping
// that another group of the source gives as well stays.
func (f *Federation) settle(tx *guard.Tx, source, person string, groups []string) error {
	for _, m := range f.o.Mappings {
		if m.Source != source {
			continue
		}
		var err error
		if slices.Contains(groups, m.Group) {
			err = f.o.Access.EnsureTx(tx, person, m)
		} else {
			err = f.o.Access.RetractTx(tx, person, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
