package scim

import (
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/federation"
)

// The schemas of users and groups (RFC 7643, 8.7) and our own.
const (
	userSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ownSchema        = "urn:strongroom:params:scim:schemas:1.0:User"
)

// dropped are attributes of the standard that the product has no use for and does
// not keep.
func dropped(name string) bool {
	if strings.HasPrefix(name, strings.ToLower(enterpriseSchema)) || strings.HasPrefix(name, strings.ToLower(ownSchema)) {
		return true
	}
	top, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{
		"schemas", "id", "meta", "groups", "nickname", "profileurl", "title", "preferredlanguage", "locale", "timezone", "password",
		"phonenumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509certificates",
	}, top)
}

// trimSchema takes the name of a core schema off an attribute, and its case.
func trimSchema(name string) string {
	name = strings.ToLower(name)
	for _, s := range []string{userSchema, groupSchema} {
		name = strings.TrimPrefix(name, strings.ToLower(s)+":")
	}
	return name
}

func badValue(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "invalidValue", "%s", what)
}

func text(v any) (string, error) {
	s, ok := v.(string)
	if !ok && v != nil {
		return "", badValue("an attribute that is text has another type")
	}
	return s, nil
}

// userFrom replaces what is kept of a user by a whole one (POST, PUT). An
// attribute that is missing is empty afterwards; active stays, so that a silence
// switches nobody on.
func userFrom(o object, u *federation.User) error {
	fresh := federation.User{Active: u.Active}
	for name, v := range o {
		if err := setUser(&fresh, trimSchema(name), v, false); err != nil {
			return err
		}
	}
	u.UserName, u.ExternalID, u.Given, u.Family, u.Formatted = fresh.UserName, fresh.ExternalID, fresh.Given, fresh.Family, fresh.Formatted
	u.DisplayName, u.Emails, u.UserType, u.Active = fresh.DisplayName, fresh.Emails, fresh.UserType, fresh.Active
	return nil
}

// texts returns where a user keeps an attribute that is plain text.
func texts(u *federation.User, name string) *string {
	switch name {
	case "username":
		return &u.UserName
	case "externalid":
		return &u.ExternalID
	case "displayname":
		return &u.DisplayName
	case "usertype":
		return &u.UserType
	case "name.givenname":
		return &u.Given
	case "name.familyname":
		return &u.Family
	case "name.formatted":
		return &u.Formatted
	}
	return nil
}

// setUser sets an attribute of a user; add says that a list grows instead.
func setUser(u *federation.User, name string, v any, add bool) (err error) {
	if at := texts(u, name); at != nil {
		*at, err = text(v)
		return err
	}
	switch name {
	case "active":
		b, ok := truth(v)
		if !ok {
			return badValue("active is true or false")
		}
		u.Active = b
		return nil
	case "name":
		o, ok := v.(object)
		if !ok && v != nil {
			return badValue("name is an object")
		}
		for k, x := range o {
			if at := texts(u, "name."+k); at != nil {
				if *at, err = text(x); err != nil {
					return err
				}
			}
		}
		return nil
	case "emails":
		list, err := emailsFrom(v)
		if err != nil {
			return err
		}
		if !add {
			u.Emails = nil
		}
		for _, e := range list {
			addEmail(u, e)
		}
		return nil
	}
	if dropped(name) || strings.HasPrefix(name, "name.") {
		return nil
	}
	return strongroom.Faultf(strongroom.Invalid, "invalidPath", "there is no attribute of that name")
}

// emailsFrom reads one address or a list of them.
func emailsFrom(v any) (out []federation.Email, err error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	for _, x := range list {
		o, ok := x.(object)
		if !ok {
			return nil, badValue("emails is a list of objects")
		}
		var e federation.Email
		if e.Value, err = text(o["value"]); err != nil {
			return nil, err
		}
		if e.Type, err = text(o["type"]); err != nil {
			return nil, err
		}
		if p, is := o["primary"]; is && p != nil {
			if e.Primary, ok = truth(p); !ok {
				return nil, badValue("primary is true or false")
			}
		}
		if e.Value != "" {
			out = append(out, e)
		}
	}
	return out, nil
}

// addEmail adds an address, or says more of one that is there. One is primary.
func addEmail(u *federation.User, e federation.Email) {
	if e.Primary {
		for i := range u.Emails {
			u.Emails[i].Primary = false
		}
	}
	for i, x := range u.Emails {
		if strings.EqualFold(x.Value, e.Value) && strings.EqualFold(x.Type, e.Type) {
			u.Emails[i] = e
			return
		}
	}
	u.Emails = append(u.Emails, e)
}

// emailSource lets a filter ask about an address.
func emailSource(e federation.Email) source {
	return func(attr string) ([]any, bool) {
		switch attr {
		case "value":
			return some(e.Value), true
		case "type":
			return some(e.Type), true
		case "primary":
			return []any{e.Primary}, true
		}
		return nil, false
	}
}

func some(s string) []any {
	if s == "" {
		return nil
	}
	return []any{s}
}

// userSource lets a filter ask about a user.
func userSource(u federation.User) source {
	return func(attr string) ([]any, bool) {
		if at := texts(&u, attr); at != nil {
			return some(*at), true
		}
		switch attr {
		case "id":
			return []any{u.ID}, true
		case "active":
			return []any{u.Active}, true
		case "meta.created":
			return []any{stamp(u.Created)}, true
		case "meta.lastmodified":
			return []any{stamp(u.Modified)}, true
		}
		list, sub, _ := strings.Cut(attr, ".")
		var of []source
		switch list {
		case "emails":
			for _, e := range u.Emails {
				of = append(of, emailSource(e))
			}
		case "groups":
			return nil, false // groups are asked for their members
		default:
			return nil, dropped(attr)
		}
		return inside(of, sub)
	}
}

// memberSource lets a filter ask about a member of a group.
func memberSource(id string) source {
	return func(attr string) ([]any, bool) {
		switch attr {
		case "value":
			return some(id), true
		case "display", "type", "$ref":
			return nil, true
		}
		return nil, false
	}
}

// inside returns elements, or one attribute of each.
func inside(of []source, sub string) (out []any, ok bool) {
	for _, s := range of {
		if sub == "" {
			out = append(out, s)
			continue
		}
		vs, ok := s(sub)
		if !ok {
			return nil, false
		}
		out = append(out, vs...)
	}
	return out, true
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// userOut is a user as an answer shows it.
func (h *Handler) userOut(u federation.User) map[string]any {
	out := map[string]any{
		"schemas": []string{userSchema, ownSchema}, "id": u.ID, "userName": u.UserName, "active": u.Active,
		"meta": h.meta("User", "Users", u.ID, u.Created, u.Modified, u.Version),
	}
	put := func(m map[string]any, name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	put(out, "externalId", u.ExternalID)
	put(out, "displayName", u.DisplayName)
	put(out, "userType", u.UserType)
	name := map[string]any{}
	put(name, "givenName", u.Given)
	put(name, "familyName", u.Family)
	put(name, "formatted", u.Formatted)
	if len(name) > 0 {
		out["name"] = name
	}
	if len(u.Emails) > 0 {
		var list []map[string]any
		for _, e := range u.Emails {
			x := map[string]any{"value": e.Value, "primary": e.Primary}
			put(x, "type", e.Type)
			list = append(list, x)
		}
		out["emails"] = list
	}
	if len(u.Groups) > 0 {
		var list []map[string]any
		for _, g := range u.Groups {
			list = append(list, map[string]any{"value": g.ID, "display": g.Name, "type": "direct", "$ref": h.o.Base + "/Groups/" + g.ID})
		}
		out["groups"] = list
	}
	own := map[string]any{}
	put(own, "account", u.Person)
	put(own, "request", u.Request)
	if len(own) > 0 {
		out[ownSchema] = own
	}
	return out
}
