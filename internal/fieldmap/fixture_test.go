package fieldmap_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fieldmap"
)

// parsed calls fn for every fixture that holds records.
func parsed(t *testing.T, fn func(t *testing.T, f entry, m *fieldmap.Map, e *fieldmap.Envelope)) {
	set := load(t)
	for _, f := range manifest(t) {
		if f.Records == 0 {
			continue
		}
		t.Run(f.File, func(t *testing.T) {
			m := find(t, set, f.Resource, f.Version, f.Platform)
			e, err := m.Parse(read(t, f.File), fieldmap.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			fn(t, f, m, e)
		})
	}
}

// leaks returns the values that occur in body, as they are or JSON-escaped, in
// any letter case, or as a JSON number.
func leaks(body []byte, values []string) (found []string) {
	lower := bytes.ToLower(body)
	for _, v := range values {
		quoted, _ := json.Marshal(v)
		ascii := escapeASCII(v)
		for _, form := range []string{v, string(quoted[1 : len(quoted)-1]), ascii} {
			if bytes.Contains(lower, bytes.ToLower([]byte(form))) {
				found = append(found, v)
				break
			}
		}
	}
	return found
}

func escapeASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			q, _ := json.Marshal(string(r))
			b.WriteString(strings.Trim(string(q), `"`))
		}
	}
	return b.String()
}

func TestFixturesLeakNothing(t *testing.T) {
	parsed(t, func(t *testing.T, f entry, m *fieldmap.Map, e *fieldmap.Envelope) {
		personal := slices.Concat(f.PII, f.Derived, f.Linkable, f.Secrets)
		out := answer(t, e)
		if got := leaks(out, personal); len(got) > 0 {
			t.Errorf("the answer holds %q", got)
		}
		for i := range e.Objects {
			if got := leaks(template(&e.Objects[i]), personal); len(got) > 0 {
				t.Errorf("the template holds %q", got)
			}
		}
		if !json.Valid(out) {
			t.Errorf("the answer is no JSON: %s", out)
		}
		for _, v := range f.NotPII {
			if len(leaks(out, []string{v})) == 0 {
				t.Errorf("the answer lost %q", v)
			}
		}
	})
	// The check can fail: the body itself is full of them.
	f := manifest(t)[0]
	if got := leaks(read(t, f.File), f.PII); len(got) != len(f.PII) {
		t.Errorf("the check finds %d of %d values in the open", len(got), len(f.PII))
	}
}

func TestFixturesComeBackExactly(t *testing.T) {
	parsed(t, func(t *testing.T, f entry, m *fieldmap.Map, e *fieldmap.Envelope) {
		objects := make([][]byte, len(e.Objects))
		for i := range e.Objects {
			o := &e.Objects[i]
			objects[i] = restored(t, o, template(o))
			if !bytes.Equal(objects[i], o.Raw) {
				t.Errorf("object %d came back different", i)
			}
		}
		if len(e.Leaves) == 0 && !bytes.Equal(e.Render(nil, objects, nil), read(t, f.File)) {
			t.Error("the body came back different")
		}
	})
}

func TestFixturesNameTheirRecords(t *testing.T) {
	parsed(t, func(t *testing.T, f entry, m *fieldmap.Map, e *fieldmap.Envelope) {
		var ids []string
		for i := range e.Objects {
			ids = append(ids, e.Objects[i].ExternalID)
		}
		if !slices.Equal(ids, f.RecordIDs) {
			t.Errorf("records %q, want %q", ids, f.RecordIDs)
		}
	})
}

func TestNoticeHoldsNoRecord(t *testing.T) {
	body := read(t, "webhook_delivery_id_only.json")
	e := parse(t, find(t, load(t), "webhook_delivery", "v2", "shopify"), string(body))
	if len(e.Objects) != 0 || !bytes.Equal(answer(t, e), body) {
		t.Errorf("%d records, answer %s", len(e.Objects), answer(t, e))
	}
}

func TestFixturesStateTheirClocks(t *testing.T) {
	parsed(t, func(t *testing.T, f entry, m *fieldmap.Map, e *fieldmap.Envelope) {
		for i := range e.Objects {
			o := &e.Objects[i]
			want, ok := f.Clock[o.ExternalID]
			if !ok {
				continue
			}
			anchor, at := clock(&o.Anchors)
			if anchor != want.Anchor || at.Format(time.RFC3339Nano) != want.At {
				t.Errorf("%s: %s %s, want %s %s", o.ExternalID, anchor, at, want.Anchor, want.At)
			}
			if o.Anchors.Unreadable > 0 {
				t.Errorf("%s: %d dates unreadable", o.ExternalID, o.Anchors.Unreadable)
			}
		}
	})
}

// clock applies the order of the cases to the bare facts; the rules themselves
// are the vault's.
func clock(a *fieldmap.Anchors) (string, time.Time) {
	if at, ok := a.DeliveredAt(); ok {
		return "delivered", at
	}
	if !a.Cancelled.IsZero() {
		return "cancelled", a.Cancelled
	}
	if !a.Closed.IsZero() {
		return "closed", a.Closed
	}
	if at, ok := a.ShippedAt(); ok {
		return "shipped", at
	}
	return "created", a.Created
}
