package authz

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go/types"

	"strongroom"
)

// question is one request in Cedar's words. It is also the store of entities for
// that request, built only when a policy asks: most decisions look at the
// principal's roles alone.
type question struct {
	r         *Request
	principal types.EntityUID
	resource  types.EntityUID
	context   types.Record
	thing     types.Record // the resource's attributes
	cut       *cut
	actors    map[actorKey]types.Record
	actor     types.Entity // the principal, once a policy has asked for it
}

func (e *Engine) question(s *slice, r *Request) (question, error) {
	kind, ok := kindOf(r.Actor.Kind)
	if !ok || r.Actor.ID == "" {
		return question{}, errors.New("authz: actor has no known kind or no id")
	}
	if !resourceType(r.Resource.Type) {
		return question{}, errors.New("authz: resource has no known type")
	}
	q := question{
		r:         r,
		cut:       &s.kinds[kind],
		actors:    e.actors,
		principal: types.NewEntityUID(kindTypes[kind], types.String(r.Actor.ID)),
		resource:  types.NewEntityUID(types.EntityType(r.Resource.Type), types.String(r.Resource.ID)),
	}
	var err error
	if q.thing, err = e.thing(r.Resource.Attrs); err != nil {
		return question{}, err
	}
	q.context, err = e.context(r, s.rule, q.cut.reads)
	return q, err
}

// Get returns the entity uid, if the request knows it.
func (q *question) Get(uid types.EntityUID) (types.Entity, bool) {
	switch {
	case uid == q.principal:
		if q.actor.UID == uid {
			return q.actor, true
		}
		a := &q.r.Actor
		roles := make([]types.EntityUID, len(a.Roles))
		for i, r := range a.Roles {
			roles[i] = types.NewEntityUID("Role", types.String(r))
		}
		q.actor = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(roles...), Attributes: q.about(a)}
		return q.actor, true
	case uid == q.resource:
		out := types.Entity{UID: uid, Attributes: q.thing}
		if store, ok := q.store(); ok {
			out.Parents = types.NewEntityUIDSet(store)
		}
		return out, true
	}
	return types.Entity{}, false
}

// store returns the store that the resource is in. A store is in none.
func (q *question) store() (types.EntityUID, bool) {
	if q.r.Resource.Store == "" || q.r.Resource.Type == "Store" {
		return types.EntityUID{}, false
	}
	return types.NewEntityUID("Store", types.String(q.r.Resource.Store)), true
}

func resourceType(t string) bool {
	switch t {
	case "Instance", "Store", "Record", "Log", "Key", "Job", "Case",
		"Account", "Session", "Device", "Network", "Request", "Grant", "Policy", "Campaign", "Register", "Route", "Document":
		return true
	}
	return false
}

// inScope says whether the actor may touch the resource's store at all. Without
// a store it depends on the action.
func inScope(rule Rule, r *Request) bool {
	if r.Actor.AllStores {
		return true
	}
	store := storeOf(r)
	if store == "" {
		return rule.Across && r.Resource.Type != "Record"
	}
	return slices.Contains(r.Actor.Stores, store)
}

// storeOf returns the id of the store that is touched.
func storeOf(r *Request) string {
	if r.Resource.Store == "" && r.Resource.Type == "Store" {
		return r.Resource.ID
	}
	return r.Resource.Store
}

// fixed is the part of the context that every request has.
type fixed struct {
	purpose                    strongroom.Purpose
	reference, scope, elevated bool
}

func (f fixed) slot(purpose int) int {
	i := purpose * 8
	if f.reference {
		i += 4
	}
	if f.scope {
		i += 2
	}
	if f.elevated {
		i++
	}
	return i
}

func purposeAt(i int) strongroom.Purpose {
	if i == 0 {
		return ""
	}
	return strongroom.Purposes()[i-1]
}

func purposeIndex(p strongroom.Purpose) (int, bool) {
	switch p {
	case "":
		return 0, true
	case strongroom.Fulfilment:
		return 1, true
	case strongroom.Tax:
		return 2, true
	case strongroom.Invoice:
		return 3, true
	case strongroom.LegalDuty:
		return 4, true
	case strongroom.SubjectRequest:
		return 5, true
	}
	return 0, false
}

func (e *Engine) record(f fixed) types.RecordMap {
	m := types.RecordMap{
		"environment":   types.String(e.env),
		"in_scope":      types.Boolean(f.scope),
		"elevated":      types.Boolean(f.elevated),
		"has_reference": types.Boolean(f.reference),
	}
	if f.purpose != "" {
		m["purpose"] = types.String(f.purpose)
	}
	return m
}

// context builds what the policies of a cut look at. All of it is held against
// the schema, looked at or not.
func (e *Engine) context(r *Request, rule Rule, look reads) (types.Record, error) {
	i, ok := purposeIndex(r.Purpose)
	if !ok {
		return types.Record{}, errors.New("authz: purpose is not in the closed list")
	}
	for k, v := range r.Context {
		if got := typeOf(v); got == unknownAttr || got != contextAttr(k) {
			return types.Record{}, errAttribute(k)
		}
	}
	f := fixed{purpose: r.Purpose, reference: r.HasReference, elevated: elevated(r)}
	f.scope = f.elevated || inScope(rule, r)
	switch age, shown := ageOf(r.Actor.Standing.Verified, r.Real); {
	case look == 0 || look == readsMFA && !shown:
		return e.contexts[f.slot(i)], nil
	case look == readsMFA:
		return e.aged(f, f.slot(i), age), nil
	}
	m := e.record(f)
	for k, v := range r.Context {
		if look&readsName(types.String(k)) != 0 {
			m[types.String(k)], _ = value(v)
		}
	}
	standing(m, r, look)
	return types.NewRecord(m), nil
}

// attr is the type the schema gives an optional attribute.
type attr uint8

const (
	unknownAttr attr = iota
	stringAttr
	longAttr
	boolAttr
	setAttr
)

func contextAttr(name string) attr {
	switch name {
	case "classes":
		return setAttr
	case "fields", "records":
		return longAttr
	case "full":
		return boolAttr
	}
	return unknownAttr
}

func thingAttr(name string) attr {
	switch name {
	case "kind", "platform":
		return stringAttr
	case "roles":
		return setAttr
	case "own", "widens", "founding":
		return boolAttr
	}
	return unknownAttr
}

func attributes(m map[string]any, want func(string) attr) (types.Record, error) {
	if len(m) == 0 {
		return types.Record{}, nil
	}
	out := make(types.RecordMap, len(m))
	for k, v := range m {
		val, got := value(v)
		if got == unknownAttr || got != want(k) {
			return types.Record{}, errAttribute(k)
		}
		out[types.String(k)] = val
	}
	return types.NewRecord(out), nil
}

// errAttribute names an attribute: the names come from code, not from callers.
// Values are not repeated.
func errAttribute(name string) error {
	return fmt.Errorf("authz: attribute %q is unknown to the schema or has another type there", name)
}

func typeOf(v any) attr {
	switch v.(type) {
	case string:
		return stringAttr
	case bool:
		return boolAttr
	case int, int64:
		return longAttr
	case []string:
		return setAttr
	}
	return unknownAttr
}

func value(v any) (types.Value, attr) {
	switch v := v.(type) {
	case string:
		return types.String(v), stringAttr
	case bool:
		return types.Boolean(v), boolAttr
	case int:
		return types.Long(v), longAttr
	case int64:
		return types.Long(v), longAttr
	case []string:
		vals := make([]types.Value, len(v))
		for i, s := range v {
			vals[i] = types.String(s)
		}
		return types.NewSet(vals...), setAttr
	}
	return nil, unknownAttr
}
