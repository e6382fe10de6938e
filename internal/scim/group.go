package scim

import (
	"strings"

	"strongroom"
	"strongroom/internal/federation"
)

// groupFrom replaces what is kept of a group by a whole one (POST, PUT).
func groupFrom(o object, g *federation.Group) error {
	fresh := federation.Group{}
	for name, v := range o {
		if err := setGroup(&fresh, trimSchema(name), v, false); err != nil {
			return err
		}
	}
	g.DisplayName, g.ExternalID, g.Members = fresh.DisplayName, fresh.ExternalID, fresh.Members
	return nil
}

// setGroup sets an attribute of a group; add says that the members grow instead.
func setGroup(g *federation.Group, name string, v any, add bool) (err error) {
	switch name {
	case "displayname":
		g.DisplayName, err = text(v)
		return err
	case "externalid":
		g.ExternalID, err = text(v)
		return err
	case "members":
		ids, err := membersFrom(v)
		if err != nil {
			return err
		}
		if !add {
			g.Members = nil
		}
		g.Members = append(g.Members, ids...) // twice is once: the group sorts them
		return nil
	}
	if dropped(name) {
		return nil
	}
	return strongroom.Faultf(strongroom.Invalid, "invalidPath", "there is no attribute of that name")
}

// membersFrom reads one member or a list of them.
func membersFrom(v any) (ids []string, err error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	for _, x := range list {
		id, ok := x.(string)
		if o, is := x.(object); is {
			id, ok = o["value"].(string)
			if kind, _ := o["type"].(string); strings.EqualFold(kind, "Group") {
				return nil, badValue("groups within groups are not taken; list the users")
			}
		}
		if !ok || id == "" {
			return nil, badValue("members is a list of objects with a value")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// groupSource lets a filter ask about a group.
func groupSource(g federation.Group) source {
	return func(attr string) ([]any, bool) {
		switch attr {
		case "id":
			return []any{g.ID}, true
		case "displayname":
			return some(g.DisplayName), true
		case "externalid":
			return some(g.ExternalID), true
		case "meta.created":
			return []any{stamp(g.Created)}, true
		case "meta.lastmodified":
			return []any{stamp(g.Modified)}, true
		}
		list, sub, _ := strings.Cut(attr, ".")
		if list != "members" {
			return nil, false
		}
		var of []source
		for _, m := range g.Members {
			of = append(of, memberSource(m))
		}
		return inside(of, sub)
	}
}

// groupOut is a group as an answer shows it.
func (h *Handler) groupOut(g federation.Group) map[string]any {
	out := map[string]any{
		"schemas": []string{groupSchema}, "id": g.ID, "displayName": g.DisplayName,
		"meta": h.meta("Group", "Groups", g.ID, g.Created, g.Modified, g.Version),
	}
	if g.ExternalID != "" {
		out["externalId"] = g.ExternalID
	}
	members := []map[string]any{}
	for _, m := range g.Members {
		members = append(members, map[string]any{"value": m, "type": "User", "$ref": h.o.Base + "/Users/" + m})
	}
	out["members"] = members
	return out
}
