package authz

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"strongroom"
)

// actorKey is all of the attributes of a principal.
type actorKey struct {
	person     bool
	door       string
	allStores  bool
	employment string
	trained    bool
	pledged    bool
	device     string
}

func keyOf(a *strongroom.Actor) actorKey {
	k := actorKey{door: a.Door, allStores: a.AllStores}
	if a.Kind == strongroom.PersonActor {
		st := &a.Standing
		k.person, k.employment, k.trained, k.pledged, k.device = true, st.Employment, st.Trained, st.Pledged, st.Device
	}
	return k
}

func (k actorKey) record() types.Record {
	m := types.RecordMap{"door": types.String(k.door), "all_stores": types.Boolean(k.allStores)}
	if k.person {
		m["employment"], m["device"] = types.String(k.employment), types.String(k.device)
		m["trained"], m["pledged"] = types.Boolean(k.trained), types.Boolean(k.pledged)
	}
	return types.NewRecord(m)
}

// prepareActors builds the attributes of the usual principals once.
func (e *Engine) prepareActors() {
	e.actors = make(map[actorKey]types.Record)
	put := func(k actorKey) { e.actors[k] = k.record() }
	yesNo := []bool{false, true}
	for _, all := range yesNo {
		for _, door := range []string{"", "http", "socket", "command", "job"} {
			put(actorKey{door: door, allStores: all})
		}
		for _, employment := range []string{"", "employee", "contractor", "agency", "intern"} {
			for _, device := range []string{"", "managed", "unmanaged", "unknown"} {
				for i := range 4 {
					put(actorKey{true, "http", all, employment, yesNo[i&1], yesNo[i>>1], device})
				}
			}
		}
	}
}

// about returns the attributes of the principal.
func (q *question) about(a *strongroom.Actor) types.Record {
	key := keyOf(a)
	if ready, ok := q.actors[key]; ok {
		return ready
	}
	return key.record()
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
