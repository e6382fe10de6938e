package scim

import (
	"slices"
	"strings"

	"strongroom"
	"strongroom/internal/federation"
)

const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// maxOperations is how many operations one PATCH may hold.
const maxOperations = 1000

// operation is one step of a PATCH (RFC 7644, 3.5.2).
type operation struct {
	op    string // add, replace or remove
	attr  string // without the filter, in lower case; empty: the value names attributes
	which *filter
	sub   string // behind the filter
	value any
	has   bool // there is a value
}

func badPath(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "invalidPath", "%s", what)
}

// operations reads the steps of a PATCH.
func operations(o object) ([]operation, error) {
	if list, _ := o["schemas"].([]any); len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool {
		s, _ := v.(string)
		return strings.EqualFold(s, patchSchema)
	}) {
		return nil, badSyntax("the body is no PatchOp")
	}
	list, ok := o["operations"].([]any)
	if !ok || len(list) == 0 || len(list) > maxOperations {
		return nil, badSyntax("a PatchOp has 1 to 1,000 operations")
	}
	var out []operation
	for _, v := range list {
		step, ok := v.(object)
		if !ok {
			return nil, badSyntax("an operation is an object")
		}
		name, _ := step["op"].(string)
		x := operation{op: strings.ToLower(name)}
		if !slices.Contains([]string{"add", "replace", "remove"}, x.op) {
			return nil, badSyntax("an operation is add, replace or remove")
		}
		x.value, x.has = step["value"]
		path, err := text(step["path"])
		if err != nil {
			return nil, err
		}
		if err := x.at(path); err != nil {
			return nil, err
		}
		if x.op != "remove" && !x.has || x.op == "remove" && x.attr == "" {
			return nil, strongroom.Faultf(strongroom.Invalid, "noTarget", "an operation has no value or no path")
		}
		out = append(out, x)
	}
	return out, nil
}

// at reads a path: attribute, attribute.sub, attribute[filter] or
// attribute[filter].sub.
func (x *operation) at(path string) error {
	path = strings.TrimSpace(path)
	if len(path) > maxFilter {
		return badPath("a path is longer than 2,000 bytes")
	}
	open := strings.IndexByte(path, '[')
	if open < 0 {
		x.attr = trimSchema(path)
		return nil
	}
	p := &parser{rest: path}
	x.attr = p.attr()
	if x.attr == "" || !p.sign('[') {
		return badPath("a path cannot be read")
	}
	f, err := p.or(0)
	if err != nil || !p.sign(']') {
		return badPath("the filter of a path cannot be read")
	}
	x.which = f
	if p.sign('.') {
		x.sub = strings.ToLower(p.attr())
	}
	if p.space() != "" {
		return badPath("a path goes on after its end")
	}
	return nil
}

// each calls fn for the operation, or for each attribute its value names.
func (x operation) each(fn func(operation) error) error {
	if x.attr != "" {
		return fn(x)
	}
	o, ok := x.value.(object)
	if !ok {
		return badValue("an operation without a path has an object as its value")
	}
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		part := operation{op: x.op, value: o[name], has: true}
		if err := part.at(name); err != nil {
			return err
		}
		if err := fn(part); err != nil {
			return err
		}
	}
	return nil
}

// onUser carries the step out on a user.
func (x operation) onUser(u *federation.User) error {
	if x.which != nil {
		if x.attr != "emails" {
			if dropped(x.attr) {
				return nil
			}
			return badPath("only addresses are chosen by a filter")
		}
		return x.onEmails(u)
	}
	if x.op != "remove" {
		return setUser(u, x.attr, x.value, x.op == "add")
	}
	switch x.attr {
	case "username", "active", "id":
		return strongroom.Faultf(strongroom.Invalid, "mutability", "userName, active and id cannot be removed")
	case "name":
		u.Given, u.Family, u.Formatted = "", "", ""
		return nil
	}
	return setUser(u, x.attr, nil, false)
}

// onEmails carries the step out on the addresses a filter chooses.
func (x operation) onEmails(u *federation.User) error {
	var chosen []int
	for i, e := range u.Emails {
		ok, err := x.which.match(emailSource(e))
		if err != nil {
			return badPath("the filter of a path asks for what an address has not")
		}
		if ok {
			chosen = append(chosen, i)
		}
	}
	if x.op == "remove" {
		for _, i := range slices.Backward(chosen) {
			switch x.sub {
			case "", "value":
				u.Emails = slices.Delete(u.Emails, i, i+1)
			case "type":
				u.Emails[i].Type = ""
			case "primary":
				u.Emails[i].Primary = false
			}
		}
		return nil
	}
	if len(chosen) == 0 { // directories mean: make one that fits
		e, ok := fitting(x.which)
		if !ok {
			return strongroom.Faultf(strongroom.Invalid, "noTarget", "no address is chosen by the path")
		}
		u.Emails = append(u.Emails, e)
		chosen = []int{len(u.Emails) - 1}
	}
	for _, i := range chosen {
		if err := setEmail(u, i, x.sub, x.value); err != nil {
			return err
		}
	}
	u.Emails = slices.DeleteFunc(u.Emails, func(e federation.Email) bool { return e.Value == "" })
	return nil
}

// fitting returns an address that passes a filter made of equalities.
func fitting(f *filter) (e federation.Email, ok bool) {
	switch {
	case f.op == "and":
		a, ok1 := fitting(f.left)
		b, ok2 := fitting(f.right)
		if b.Type != "" {
			a.Type = b.Type
		}
		a.Primary = a.Primary || b.Primary
		return a, ok1 && ok2
	case f.op == "eq" && f.attr == "type":
		e.Type, ok = f.value.(string)
	case f.op == "eq" && f.attr == "primary":
		e.Primary, ok = truth(f.value)
	}
	return e, ok
}

func setEmail(u *federation.User, i int, sub string, v any) (err error) {
	e := &u.Emails[i]
	switch sub {
	case "value":
		e.Value, err = text(v)
	case "type":
		e.Type, err = text(v)
	case "primary":
		b, ok := truth(v)
		if !ok {
			return badValue("primary is true or false")
		}
		for j := range u.Emails {
			u.Emails[j].Primary = u.Emails[j].Primary && !b
		}
		u.Emails[i].Primary = b
	case "display":
	case "":
		list, err := emailsFrom(v)
		if err != nil || len(list) != 1 {
			return badValue("one address belongs there")
		}
		*e = list[0]
	default:
		return badPath("an address has no attribute of that name")
	}
	return err
}

// onGroup carries the step out on a group.
func (x operation) onGroup(g *federation.Group) error {
	if x.which != nil {
		if x.attr != "members" || x.op != "remove" || x.sub != "" {
			return badPath("only members to remove are chosen by a filter")
		}
		var bad error
		g.Members = slices.DeleteFunc(g.Members, func(m string) bool {
			ok, err := x.which.match(memberSource(m))
			if err != nil {
				bad = badPath("the filter of a path asks for what a member has not")
			}
			return ok
		})
		return bad
	}
	if x.op != "remove" {
		return setGroup(g, x.attr, x.value, x.op == "add")
	}
	switch x.attr {
	case "displayname", "id":
		return strongroom.Faultf(strongroom.Invalid, "mutability", "displayName and id cannot be removed")
	case "members":
		if !x.has || x.value == nil {
			g.Members = nil
			return nil
		}
		ids, err := membersFrom(x.value)
		if err != nil {
			return err
		}
		gone := map[string]bool{}
		for _, id := range ids {
			gone[id] = true
		}
		g.Members = slices.DeleteFunc(g.Members, func(m string) bool { return gone[m] })
		return nil
	}
	return setGroup(g, x.attr, nil, false)
}
