package audit

import (
	"encoding/hex"
	"strconv"

	"strongroom"
	"strongroom/internal/tlog"
)

// errField says that an event was refused; what names the field, never the value.
func errField(what string) error {
	return strongroom.Faultf(strongroom.Internal, "audit-field", "the event was refused: its %s is not on the allow-list", what)
}

// maxSafe is the largest integer every JSON reader holds exactly.
const maxSafe = 1<<53 - 1

// encoder writes one leaf. The first refusal sticks.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) raw(s string) { e.b = append(e.b, s...) }
func (e *encoder) int(n int64)  { e.b = strconv.AppendInt(e.b, n, 10) }

// str writes a string that passed a grammar; no grammar admits a character that
// JSON escapes.
func (e *encoder) str(s string) {
	e.b = append(e.b, '"')
	e.b = append(e.b, s...)
	e.b = append(e.b, '"')
}

func (e *encoder) refuse(what string) {
	if e.err == nil {
		e.err = errField(what)
	}
}

// field writes key and value, or refuses a value that is not ok.
func (e *encoder) field(key, value string, ok bool, what string) {
	if !ok {
		e.refuse(what)
		return
	}
	e.raw(key)
	e.str(value)
}

// appendLeaf appends the leaf of ev at the given time, in milliseconds. The
// leaf is compact JSON in the shape of OCSF; what follows from class and activity
// is left out and added by [Entry.OCSF].
func appendLeaf(b []byte, ev *Event, ms int64) ([]byte, error) {
	e := encoder{b: b}
	if !validClass(ev.Action.Class) || ev.Action.Activity < 0 || ev.Action.Activity > 99 {
		e.refuse("action")
	}
	e.raw(`{"class_uid":`)
	e.int(int64(ev.Action.Class))
	e.raw(`,"activity_id":`)
	e.int(int64(ev.Action.Activity))
	e.raw(`,"time":`)
	e.int(ms)
	e.outcome(ev)
	e.actor(&ev.Actor)
	e.field(`,"api":{"operation":`, ev.Action.Name, validAction(ev.Action.Name), "action")
	e.raw(`}`)
	e.resource(&ev.Resource)
	e.unmapped(ev)
	e.raw(`}`)
	return e.b, e.err
}

func (e *encoder) outcome(ev *Event) {
	switch ev.Outcome {
	case Success:
		e.raw(`,"status_id":1`)
	case Failure:
		e.raw(`,"status_id":2`)
	case Denied:
		e.raw(`,"status_id":2,"action_id":2`)
	default:
		e.refuse("outcome")
	}
	if ev.Code != "" {
		e.field(`,"status_code":`, ev.Code, validCode(ev.Code), "code")
	}
}

// kindOfID tells the kind of actor an id names; it saves a field in each event.
func kindOfID(id string) strongroom.ActorKind {
	if len(id) > 4 {
		switch id[:4] {
		case "sys:":
			return strongroom.SystemActor
		case "svc_":
			return strongroom.ServiceActor
		}
	}
	return strongroom.PersonActor
}

// typeOfActor is OCSF's user.type_id.
func typeOfActor(k strongroom.ActorKind) int64 {
	switch k {
	case strongroom.PersonActor:
		return 1
	case strongroom.SystemActor:
		return 3
	case strongroom.ServiceActor:
		return 4
	}
	return 0
}

func (e *encoder) actor(a *strongroom.Actor) {
	e.field(`,"actor":{"user":{"uid":`, a.ID, validID(a.ID), "actor")
	if a.Kind != kindOfID(a.ID) {
		n := typeOfActor(a.Kind)
		if n == 0 {
			e.refuse("kind of actor")
		}
		e.raw(`,"type_id":`)
		e.int(n)
	}
	e.raw(`}`)
	if a.Session != "" {
		e.field(`,"session":{"uid":`, a.Session, validID(a.Session), "session")
		e.raw(`}`)
	}
	e.raw(`}`)
}

func (e *encoder) resource(r *strongroom.Resource) {
	if r.Type == "" && r.ID == "" && r.Store == "" {
		return
	}
	e.field(`,"resources":[{"type":`, r.Type, validType(r.Type), "type of resource")
	if r.ID != "" {
		e.field(`,"uid":`, r.ID, validID(r.ID), "resource")
	}
	if r.Store != "" && r.Store != r.ID {
		e.field(`,"namespace":`, r.Store, validID(r.Store), "store of the resource")
	}
	e.raw(`}]`)
}

// unmapped writes what OCSF has no place for.
func (e *encoder) unmapped(ev *Event) {
	start := len(e.b)
	if d := ev.Actor.Door; d != "" && d != "http" {
		e.field(`,"door":`, d, validDoor(d), "door")
	}
	if ev.Purpose != "" {
		e.field(`,"purpose":`, string(ev.Purpose), validPurpose(ev.Purpose), "purpose")
	}
	if ev.Reference != "" {
		e.field(`,"ref":`, ev.Reference, validHash(ev.Reference), "reference")
	}
	if len(ev.Policies) > 0 {
		e.policies(ev.Policies)
	}
	if ev.Names != nil {
		if *ev.Names > maxSafe {
			e.refuse("earlier event")
		}
		e.raw(`,"names":`)
		e.b = strconv.AppendUint(e.b, *ev.Names, 10)
	}
	for i := range ev.Notes {
		for j := range i {
			if ev.Notes[j].Key == ev.Notes[i].Key {
				e.refuse("second note of one key")
			}
		}
		e.note(&ev.Notes[i])
	}
	if ev.Break != nil {
		e.brk(ev.Break)
	}
	if len(e.b) == start {
		return
	}
	// The first member's comma makes room for the opening of the object.
	const open = `,"unmapped":{`
	e.b = append(e.b, open[1:]...)
	copy(e.b[start+len(open):], e.b[start+1:])
	copy(e.b[start:], open)
	e.raw(`}`)
}

// MaxPolicies bounds the policies of an event. Who has more names the first.
const MaxPolicies = 8

func (e *encoder) policies(ids []string) {
	if len(ids) > MaxPolicies {
		e.refuse("number of policies")
		return
	}
	sep := `,"policies":[`
	for _, id := range ids {
		e.field(sep, id, validPolicy(id), "policy")
		sep = ","
	}
	e.raw(`]`)
}

// brk writes what a continued log commits to.
func (e *encoder) brk(b *Break) {
	ok := false
	for _, r := range Reasons() {
		ok = ok || r == b.Reason
	}
	e.field(`,"break":{"reason":`, b.Reason, ok, "reason")
	e.checkpoint(`,"lost":{`, b.Lost)
	e.checkpoint(`,"found":{`, b.Found)
	e.raw(`}`)
}

func (e *encoder) checkpoint(key string, c tlog.Checkpoint) {
	e.raw(key)
	if c.Origin != "" {
		e.field(`"origin":`, c.Origin, validOrigin(c.Origin), "origin")
		e.raw(`,"size":`)
		e.int(c.Size)
		e.raw(`,"root":"`)
		e.b = hex.AppendEncode(e.b, c.Root[:])
		e.raw(`"`)
	}
	e.raw(`}`)
}

// note writes one note after the rules of its key.
func (e *encoder) note(n *Note) {
	kind := kindOfNote(n.Key)
	if kind == noteNone {
		e.refuse("note")
		return
	}
	e.b = append(e.b, ',')
	e.str(n.Key)
	e.b = append(e.b, ':')
	if !e.noteValue(kind, n.Value) {
		// Only a key of our own list is ever named.
		e.refuse("note " + n.Key)
	}
}

func (e *encoder) noteValue(kind noteKind, value any) bool {
	switch v := value.(type) {
	case bool:
		e.b = strconv.AppendBool(e.b, v)
		return kind == noteFlag
	case int64:
		return e.number(kind, v)
	case int:
		return e.number(kind, int64(v))
	case uint32:
		return e.number(kind, int64(v))
	case uint64:
		return v <= maxSafe && e.number(kind, int64(v))
	case string:
		e.str(v)
		return kind == noteID && validID(v) || kind == noteHash && validHash(v) || kind == noteWord && knownWord(v)
	case Term:
		e.str(v.word)
		return kind == noteWord && validWord(v.word)
	case []string:
		ok := kind == noteIDs && len(v) <= 64 || kind == noteWords && len(v) <= 32
		return e.list(len(v), func(i int) (string, bool) {
			return v[i], ok && (kind == noteIDs && validID(v[i]) || kind == noteWords && knownWord(v[i]))
		}) && ok
	case []Term:
		return e.list(len(v), func(i int) (string, bool) {
			return v[i].word, validWord(v[i].word)
		}) && kind == noteWords && len(v) <= 32
	}
	return false
}

func (e *encoder) number(kind noteKind, n int64) bool {
	e.int(n)
	switch kind {
	case noteCount:
		return n >= 0 && n < 1_000_000_000
	case noteNumber:
		return n >= -maxSafe && n <= maxSafe
	default:
		return false
	}
}

func (e *encoder) list(n int, item func(i int) (string, bool)) bool {
	e.b = append(e.b, '[')
	for i := range n {
		s, ok := item(i)
		if !ok {
			return false
		}
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.str(s)
	}
	e.b = append(e.b, ']')
	return true
}
