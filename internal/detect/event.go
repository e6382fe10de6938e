package detect

import (
	"bytes"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
)

// mayConcern reports whether a leaf could be about a person. Most are not, and
// taking a leaf apart costs far more than looking at it.
func mayConcern(leaf []byte) bool { return bytes.Contains(leaf, []byte(`"usr_`)) }

// settled returns about whom an event says that what was before is dealt with: the
// account was locked completely, or another person has unlocked it.
func settled(e *audit.Event) (person string, ok bool) {
	if e.Outcome != audit.Success || e.Action.Name != "session.unlock" && e.Action.Name != "session.lock" {
		return "", false
	}
	return e.Resource.ID, e.Action.Name == "session.unlock" || slices.ContainsFunc(e.Notes, func(n audit.Note) bool {
		return n.Key == "full" && n.Value == true
	})
}

// signal returns what an event says against a person; zero is nothing.
func signal(e *audit.Event) (person string, s Signal) {
	switch {
	case e.Outcome == audit.Denied && e.Actor.Kind == strongroom.PersonActor && !harmless(e):
		return e.Actor.ID, ManyDenials
	case e.Outcome != audit.Success:
		return "", 0
	case e.Action.Name == "session.revoke" && slices.Contains(words(e, "reason"), "network-device"):
		return word(e, "account"), TokensMoved
	case e.Action.Name == "session.open":
		kinds := words(e, "kinds")
		for _, k := range []string{"new-network", "new-device", "concurrent"} {
			if !slices.Contains(kinds, k) {
				return "", 0
			}
		}
		if e.Actor.Kind != strongroom.PersonActor {
			return word(e, "account"), SignInsElsewhere
		}
		return e.Actor.ID, SignInsElsewhere
	}
	return "", 0
}

// harmless is a denial that comes with ordinary work: factors are to be shown anew,
// or rights changed in the midst of a call.
func harmless(e *audit.Event) bool {
	return e.Code == "step-up" || e.Code == "rights-changed" || slices.Equal(e.Policies, []string{"guards/step-up"})
}

// word returns a note that holds one word or id, empty if it is not there.
func word(e *audit.Event, key string) string {
	if list := words(e, key); len(list) == 1 {
		return list[0]
	}
	return ""
}

// words returns the words of a note.
func words(e *audit.Event, key string) []string {
	for _, n := range e.Notes {
		if n.Key != key {
			continue
		}
		switch v := n.Value.(type) {
		case string:
			return []string{v}
		case audit.Term:
			return []string{v.String()}
		case []string:
			return v
		case []audit.Term:
			out := make([]string, len(v))
			for i, t := range v {
				out[i] = t.String()
			}
			return out
		}
	}
	return nil
}
