package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/tlog"
)

// Entry is a stored event: its place and its leaf, verbatim.
type Entry struct {
	// Position orders all events of a database, across logs; it is the cursor of
	// [Log.Events]. In the first log it is the index of the leaf.
	Position int64
	// Origin names the log the event belongs to.
	Origin string
	// Leaf is what was hashed: compact JSON.
	Leaf []byte
}

// Index returns the event's index in its log.
func (e Entry) Index() int64 { _, i := splitPosition(e.Position); return i }

// LogNumber returns 0 for the first log, and one more for each continuation.
func (e Entry) LogNumber() int64 { n, _ := splitPosition(e.Position); return n }

// Hash returns the hash of the leaf in the tree.
func (e Entry) Hash() tlog.Hash { return tlog.LeafHash(e.Leaf) }

// leaf is the stored shape of an event.
type leaf struct {
	Class     int             `json:"class_uid"`
	Activity  int             `json:"activity_id"`
	Time      int64           `json:"time"`
	Status    int             `json:"status_id"`
	Action    int             `json:"action_id"`
	Code      string          `json:"status_code"`
	Actor     leafActor       `json:"actor"`
	API       fullAPI         `json:"api"`
	Resources []leafResource  `json:"resources"`
	Unmapped  json.RawMessage `json:"unmapped"`
}

type leafUID struct {
	UID string `json:"uid"`
}

type leafActor struct {
	User struct {
		UID    string `json:"uid"`
		TypeID int64  `json:"type_id"`
	} `json:"user"`
	Session *leafUID `json:"session"`
}

type leafResource struct {
	Type      string `json:"type"`
	UID       string `json:"uid,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

type leafBreak struct {
	Reason string         `json:"reason"`
	Lost   leafCheckpoint `json:"lost"`
	Found  leafCheckpoint `json:"found"`
}

type leafCheckpoint struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

func errLeaf(position int64) error {
	return strongroom.Faultf(strongroom.Internal, "audit-leaf", "the event at position %d is not in the stored form", position)
}

// Event decodes the leaf. Roles, stores and attributes are not stored; notes come
// back sorted as they were written, integers as int64 and lists as []string. A
// leaf that this package would not have written in these very bytes is an error.
func (e Entry) Event() (Event, error) {
	var l leaf
	d := json.NewDecoder(bytes.NewReader(e.Leaf))
	d.DisallowUnknownFields()
	if d.Decode(&l) != nil {
		return Event{}, errLeaf(e.Position)
	}
	ev := Event{
		Time:    time.UnixMilli(l.Time).UTC(),
		Action:  strongroom.Action{Name: l.API.Operation, Class: l.Class, Activity: l.Activity},
		Actor:   strongroom.Actor{ID: l.Actor.User.UID, Kind: kindOfID(l.Actor.User.UID), Door: "http"},
		Outcome: Outcome(l.Status),
		Code:    l.Code,
	}
	if l.Action == 2 {
		ev.Outcome = Denied
	}
	for _, k := range []strongroom.ActorKind{strongroom.PersonActor, strongroom.SystemActor, strongroom.ServiceActor} {
		if typeOfActor(k) == l.Actor.User.TypeID {
			ev.Actor.Kind = k
		}
	}
	if l.Actor.Session != nil {
		ev.Actor.Session = l.Actor.Session.UID
	}
	if len(l.Resources) == 1 {
		r := l.Resources[0]
		ev.Resource = strongroom.Resource{Type: r.Type, ID: r.UID, Store: r.Namespace}
		if r.Type == "Store" && r.Namespace == "" {
			ev.Resource.Store = r.UID
		}
	}
	if l.Unmapped != nil && !decodeUnmapped(l.Unmapped, &ev) {
		return Event{}, errLeaf(e.Position)
	}
	if again, err := appendLeaf(nil, &ev, l.Time); err != nil || !bytes.Equal(again, e.Leaf) {
		return Event{}, errLeaf(e.Position)
	}
	return ev, nil
}

// decodeUnmapped walks the object in its order, which the leaf's bytes depend on.
func decodeUnmapped(raw []byte, ev *Event) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok || !decodeMember(d, key, ev) {
			return false
		}
	}
	return true
}

func decodeMember(d *json.Decoder, key string, ev *Event) bool {
	switch key {
	case "door":
		return d.Decode(&ev.Actor.Door) == nil
	case "purpose":
		return d.Decode(&ev.Purpose) == nil
	case "ref":
		return d.Decode(&ev.Reference) == nil
	case "policies":
		return d.Decode(&ev.Policies) == nil
	case "names":
		return d.Decode(&ev.Names) == nil
	case "break":
		var b leafBreak
		if d.Decode(&b) != nil {
			return false
		}
		lost, ok1 := b.Lost.checkpoint()
		found, ok2 := b.Found.checkpoint()
		ev.Break = &Break{Lost: lost, Found: found, Reason: b.Reason}
		return ok1 && ok2
	}
	var v any
	if d.Decode(&v) != nil {
		return false
	}
	kind := kindOfNote(key)
	value, ok := decodeNote(kind, v)
	ev.Notes = append(ev.Notes, Note{Key: key, Value: value})
	return ok && kind != noteNone
}

// decodeNote turns what JSON gave into what a note may hold.
func decodeNote(kind noteKind, v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		if kind == noteWord && !knownWord(v) {
			return Term{v}, true // it was a term when it was written
		}
		return v, true
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case []any:
		list := make([]string, len(v))
		for i := range v {
			s, ok := v[i].(string)
			if !ok {
				return nil, false
			}
			list[i] = s
		}
		if kind == noteWords && slices.ContainsFunc(list, func(s string) bool { return !knownWord(s) }) {
			terms := make([]Term, len(list))
			for i, s := range list {
				terms[i] = Term{s}
			}
			return terms, true
		}
		return list, true
	}
	return nil, false
}

func (c leafCheckpoint) checkpoint() (tlog.Checkpoint, bool) {
	if c.Origin == "" {
		return tlog.Checkpoint{}, c.Size == 0 && c.Root == ""
	}
	root, err := hex.DecodeString(c.Root)
	if err != nil || len(root) != tlog.HashSize || strings.ToLower(c.Root) != c.Root {
		return tlog.Checkpoint{}, false
	}
	return tlog.Checkpoint{Origin: c.Origin, Size: c.Size, Root: tlog.Hash(root)}, true
}
