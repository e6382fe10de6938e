package authz

import (
	"sync/atomic"

	"github.com/cedar-policy/cedar-go/types"
)

// What Cedar is given is built again for each decision only where it differs each
// time: to make one of its records takes longer than to ask most policies. What is
// kept here is a function of its key and of nothing else, so it cannot grow old.

// Contexts that carry nothing but the fixed part are built once: five purposes
// and none, with and without reference, in and out of scope, elevated or not.
const contextSlots = 6 * 8

func (e *Engine) prepare() {
	e.prepareActors()
	e.prepareThings()
	for p := range 6 {
		for i := range 8 {
			f := fixed{purposeAt(p), i&4 != 0, i&2 != 0, i&1 != 0}
			e.contexts[f.slot(p)] = types.NewRecord(e.record(f))
		}
	}
}

// ageSlots is for how many ages in seconds a context is kept: a little more than
// the guards let a second factor be old.
const ageSlots = 1024

// agedContexts are those of one fixed part, by the age of the second factor.
type agedContexts [ageSlots]atomic.Pointer[types.Record]

// aged returns the context of a fixed part and of an age in seconds.
func (e *Engine) aged(f fixed, slot int, age int64) types.Record {
	build := func() types.Record {
		m := e.record(f)
		m["mfa_age"] = types.Long(age)
		return types.NewRecord(m)
	}
	if age < 0 || age >= ageSlots {
		return build()
	}
	known := e.ages[slot].Load()
	if known == nil {
		e.ages[slot].CompareAndSwap(nil, new(agedContexts))
		known = e.ages[slot].Load()
	}
	if r := known[age].Load(); r != nil {
		return *r
	}
	r := build()
	known[age].Store(&r)
	return r
}

// prepareThings builds the attributes of the usual records once.
func (e *Engine) prepareThings() {
	e.things = make(map[string]types.Record)
	for _, kind := range []string{"order", "fulfilment", "customer", "store"} {
		e.things[kind] = types.NewRecord(types.RecordMap{"kind": types.String(kind)})
	}
}

// thing returns the attributes of the resource, held against the schema.
func (e *Engine) thing(attrs map[string]any) (types.Record, error) {
	if len(attrs) == 1 {
		if kind, ok := attrs["kind"].(string); ok {
			if r, ok := e.things[kind]; ok {
				return r, nil
			}
		}
	}
	return attributes(attrs, thingAttr)
}
