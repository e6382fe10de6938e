package authz

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"strongroom"
)

// actorKey is all of the attributes a principal of any kind has.
type actorKey struct {
	door      string
	allStores bool
}

func (k actorKey) record() types.RecordMap {
	return types.RecordMap{"door": types.String(k.door), "all_stores": types.Boolean(k.allStores)}
}

// prepareActors builds the attributes of services and of the product once, by
// the usual doors.
func (e *Engine) prepareActors() {
	e.actors = make(map[actorKey]types.Record)
	for _, door := range []string{"", "http", "socket", "command", "job"} {
		for _, all := range []bool{false, true} {
			k := actorKey{door, all}
			e.actors[k] = types.NewRecord(k.record())
		}
	}
}

// about returns the attributes of the principal.
func (q *question) about(a *strongroom.Actor) types.Record {
	key := actorKey{a.Door, a.AllStores}
	if a.Kind != strongroom.PersonActor {
		if ready, ok := q.actors[key]; ok {
			return ready
		}
		return types.NewRecord(key.record())
	}
	m := key.record()
	m["employment"] = types.String(a.Standing.Employment)
	m["trained"] = types.Boolean(a.Standing.Trained)
	m["pledged"] = types.Boolean(a.Standing.Pledged)
	m["device"] = types.String(a.Standing.Device)
	return types.NewRecord(m)
}

// standing adds the time, the age of what was shown and the place of the call to
// the context, as far as anybody looks.
func standing(m types.RecordMap, r *Request, look reads) {
	if look&readsTime != 0 {
		m["time"] = types.Long(epochSeconds(r.Now))
	}
	if look&readsMFA != 0 {
		if age, ok := ageOf(r.Actor.Standing.Verified, r.Real); ok {
			m["mfa_age"] = types.Long(age)
		}
	}
	if look&readsSource != 0 {
		if a := r.Actor.Standing.Source.Unmap().WithZone(""); a.IsValid() {
			m["source"] = types.IPAddr(netip.PrefixFrom(a, a.BitLen()))
		}
	}
}

func epochSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// skew is how far the clocks of two processes may be apart.
const skew = time.Minute

// ageOf returns how many seconds ago something was shown. What was never shown,
// or will be shown only later, has no age.
func ageOf(shown, now time.Time) (int64, bool) {
	if shown.IsZero() || now.IsZero() {
		return 0, false
	}
	age := now.Sub(shown)
	if age < -skew {
		return 0, false
	}
	return int64(max(age, 0) / time.Second), true
}

// elevated reports whether one of the actor's elevations covers the request: its
// store, its purpose, its reference, the classes of fields asked for, and its end
// not reached. An elevation that was given for no reference covers each; one that
// is for some classes covers neither a whole original nor what names no classes.
func elevated(r *Request) bool {
	if len(r.Actor.Elevations) == 0 || r.Actor.Kind != strongroom.PersonActor {
		return false
	}
	store := storeOf(r)
	return store != "" && r.Purpose != "" && slices.ContainsFunc(r.Actor.Elevations, func(x strongroom.Elevation) bool {
		return x.Store == store && x.Purpose == r.Purpose &&
			(x.Reference == "" || x.Reference == r.Reference) &&
			!r.Now.IsZero() && r.Now.Before(x.Until) && coversClasses(x.Classes, r.Context)
	})
}

func coversClasses(classes []string, context map[string]any) bool {
	if len(classes) == 0 {
		return true
	}
	if full, _ := context["full"].(bool); full {
		return false
	}
	asked, _ := context["classes"].([]string)
	return len(asked) > 0 && !slices.ContainsFunc(asked, func(c string) bool { return !slices.Contains(classes, c) })
}
