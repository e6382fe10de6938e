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
	policies  []named
	actors    map[actorKey]types.Record
	actor     types.Entity // the principal, once a policy has asked for it
}

func (e *Engine) question(s slice, r Request) (question, error) {
	kind, ok := principalType(r.Actor.Kind)
	if !ok || r.Actor.ID == "" {
		return question{}, errors.New("authz: actor has no known kind or no id")
	}
	if !resourceType(r.Resource.Type) {
		return question{}, errors.New("authz: resource has no known type")
	}
	q := question{
		r:         &r,
		policies:  s.policies,
		actors:    e.actors,
		principal: types.NewEntityUID(kind, types.String(r.Actor.ID)),
		resource:  types.NewEntityUID(types.EntityType(r.Resource.Type), types.String(r.Resource.ID)),
	}
	var err error
	if q.thing, err = attributes(r.Resource.Attrs, thingAttr); err != nil {
		return question{}, err
	}
	q.context, err = e.context(r, inScope(s.rule, r))
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
		key := actorKey{a.Door, a.AllStores}
		attrs, ok := q.actors[key]
		if !ok {
			attrs = key.record()
		}
		q.actor = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(roles...), Attributes: attrs}
		return q.actor, true
	case uid == q.resource:
		out := types.Entity{UID: uid, Attributes: q.thing}
		if q.r.Resource.Store != "" && q.r.Resource.Type != "Store" {
			out.Parents = types.NewEntityUIDSet(types.NewEntityUID("Store", types.String(q.r.Resource.Store)))
		}
		return out, true
	}
	return types.Entity{}, false
}

// actorKey is all of a principal's attributes.
type actorKey struct {
	door      string
	allStores bool
}

func (k actorKey) record() types.Record {
	return types.NewRecord(types.RecordMap{"door": types.String(k.door), "all_stores": types.Boolean(k.allStores)})
}

func principalType(k strongroom.ActorKind) (types.EntityType, bool) {
	switch k {
	case strongroom.PersonActor:
		return "Person", true
	case strongroom.ServiceActor:
		return "Service", true
	case strongroom.SystemActor:
		return "System", true
	}
	return "", false
}

func resourceType(t string) bool {
	switch t {
	case "Instance", "Store", "Record", "Log", "Key", "Job", "Case":
		return true
	}
	return false
}

// inScope says whether the actor may touch the resource's store at all. Without
// a store it depends on the action.
func inScope(rule Rule, r Request) bool {
	if r.Actor.AllStores {
		return true
	}
	store := r.Resource.Store
	if store == "" && r.Resource.Type == "Store" {
		store = r.Resource.ID
	}
	if store == "" {
		return rule.Across && r.Resource.Type != "Record"
	}
	return slices.Contains(r.Actor.Stores, store)
}

// Records that every request would build anew are built once: attributes of
// principals by door, and contexts that carry nothing but the fixed part (five
// purposes and none, with and without reference, in and out of scope).
const contextSlots = 6 * 4

func (e *Engine) prepare() {
	e.actors = make(map[actorKey]types.Record)
	for _, door := range []string{"", "http", "socket", "command", "job"} {
		for _, all := range []bool{false, true} {
			k := actorKey{door, all}
			e.actors[k] = k.record()
		}
	}
	for p := range 6 {
		for _, ref := range []bool{false, true} {
			for _, scope := range []bool{false, true} {
				e.contexts[contextSlot(p, ref, scope)] = types.NewRecord(e.fixed(purposeAt(p), ref, scope))
			}
		}
	}
}

func contextSlot(purpose int, ref, scope bool) int {
	i := purpose * 4
	if ref {
		i += 2
	}
	if scope {
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

func (e *Engine) fixed(p strongroom.Purpose, ref, scope bool) types.RecordMap {
	m := types.RecordMap{
		"environment":   types.String(e.env),
		"in_scope":      types.Boolean(scope),
		"has_reference": types.Boolean(ref),
	}
	if p != "" {
		m["purpose"] = types.String(p)
	}
	return m
}

func (e *Engine) context(r Request, scope bool) (types.Record, error) {
	i, ok := purposeIndex(r.Purpose)
	if !ok {
		return types.Record{}, errors.New("authz: purpose is not in the closed list")
	}
	if len(r.Context) == 0 {
		return e.contexts[contextSlot(i, r.HasReference, scope)], nil
	}
	m := e.fixed(r.Purpose, r.HasReference, scope)
	if err := fill(m, r.Context, contextAttr); err != nil {
		return types.Record{}, err
	}
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
	case "own":
		return boolAttr
	}
	return unknownAttr
}

func attributes(m map[string]any, want func(string) attr) (types.Record, error) {
	if len(m) == 0 {
		return types.Record{}, nil
	}
	out := make(types.RecordMap, len(m))
	if err := fill(out, m, want); err != nil {
		return types.Record{}, err
	}
	return types.NewRecord(out), nil
}

// fill adds m to out. The names come from code, not from callers, so an error
// may name them; values are not repeated.
func fill(out types.RecordMap, m map[string]any, want func(string) attr) error {
	for k, v := range m {
		val, got := value(v)
		if got == unknownAttr || got != want(k) {
			return fmt.Errorf("authz: attribute %q is unknown to the schema or has another type there", k)
		}
		out[types.String(k)] = val
	}
	return nil
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
