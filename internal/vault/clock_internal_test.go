package vault

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestClockTable goes through the table of the documentation: the first matching
// row from the top counts.
func TestClockTable(t *testing.T) {
	p := DefaultProfile()
	created, received := at("2026-10-01T08:00:00Z"), at("2026-10-02T08:00:00Z")
	base := facts{Created: created, Received: received, Seen: received}
	with := func(change func(f *facts)) facts {
		f := base
		change(&f)
		return f
	}
	d := func(n int) time.Time { return created.Add(time.Duration(n) * day) }
	for name, c := range map[string]struct {
		f    facts
		want verdict
	}{
		"nothing":             {base, verdict{Created, created, d(60)}},
		"not even a creation": {facts{Received: received, Seen: received}, verdict{Received, received, received.Add(60 * day)}},
		"delivered":           {with(func(f *facts) { f.Delivered = d(3) }), verdict{Delivered, d(3), d(33)}},
		"delivered beats all": {with(func(f *facts) {
			f.Delivered, f.Cancelled, f.HasRefund, f.Closed, f.Shipped = d(3), d(4), true, d(5), d(1)
		}), verdict{Delivered, d(3), d(33)}},
		"parcels delivered":       {with(func(f *facts) { f.ParcelsShipped, f.ParcelsDelivered = d(2), d(6) }), verdict{Delivered, d(6), d(36)}},
		"cancelled, never paid":   {with(func(f *facts) { f.Cancelled = d(4) }), verdict{Cancelled, d(4), d(11)}},
		"cancelled and refunded":  {with(func(f *facts) { f.Cancelled, f.HasPaid, f.HasRefund = d(4), true, true }), verdict{Cancelled, d(4), d(11)}},
		"refunded later":          {with(func(f *facts) { f.Cancelled, f.HasPaid, f.HasRefund, f.Refunded = d(4), true, true, d(6) }), verdict{Cancelled, d(6), d(13)}},
		"cancelled, refund owed":  {with(func(f *facts) { f.Cancelled, f.HasPaid = d(4), true }), verdict{Created, created, d(60)}},
		"cancelled beats closed":  {with(func(f *facts) { f.Cancelled, f.Closed = d(4), d(5) }), verdict{Cancelled, d(4), d(11)}},
		"closed":                  {with(func(f *facts) { f.Closed = d(5) }), verdict{Closed, d(5), d(35)}},
		"closed beats shipped":    {with(func(f *facts) { f.Closed, f.Shipped = d(5), d(2) }), verdict{Closed, d(5), d(35)}},
		"digital and paid":        {with(func(f *facts) { f.Digital, f.Paid, f.HasPaid = true, d(1), true }), verdict{Closed, d(1), d(31)}},
		"digital and unpaid":      {with(func(f *facts) { f.Digital = true }), verdict{Created, created, d(60)}},
		"shipped":                 {with(func(f *facts) { f.Shipped = d(2) }), verdict{Shipped, d(2), d(47)}},
		"the last ship date":      {with(func(f *facts) { f.Shipped, f.ParcelsShipped = d(2), d(9) }), verdict{Shipped, d(9), d(54)}},
		"delivered before it was": {with(func(f *facts) { f.Delivered = created.Add(-day) }), verdict{Created, created, d(60)}},
		"renewed":                 {with(func(f *facts) { f.Renewed = d(50) }), verdict{Renewed, d(50), d(110)}},
		"renewed to the cap":      {with(func(f *facts) { f.Renewed = d(150) }), verdict{Renewed, d(150), d(180)}},
	} {
		if got := p.orderClock(c.f); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestSane drops the dates that cannot be believed.
func TestSane(t *testing.T) {
	received := at("2026-11-20T12:00:00Z")
	created := at("2026-11-10T12:00:00Z")
	for name, c := range map[string]struct {
		t    time.Time
		kept bool
	}{
		"plausible":          {created.Add(day), true},
		"within a day ahead": {received.Add(23 * time.Hour), true},
		"ahead of receipt":   {received.Add(25 * time.Hour), false},
		"before creation":    {created.Add(-time.Second), false},
		"epoch":              {time.Unix(0, 0), false},
		"unreadable":         {time.Time{}, false},
	} {
		f := facts{Created: created, Delivered: c.t}.sane(received)
		if kept := !f.Delivered.IsZero(); kept != c.kept {
			t.Errorf("%s: kept %v, want %v", name, kept, c.kept)
		}
	}
}

// TestProfile refuses the numbers that break the policy.
func TestProfile(t *testing.T) {
	if err := (Profile{}).Check(); err != nil {
		t.Errorf("the shipped profile: %v", err)
	}
	for name, p := range map[string]Profile{
		"31 days after delivery": {Delivered: 31 * day}, "cancelled beyond 30": {Cancelled: 31 * day},
		"open beyond 180": {OpenCap: 181 * day}, "negative": {Closed: -day},
	} {
		if p.Check() == nil {
			t.Errorf("%s passes", name)
		}
	}
	policy := 0
	for _, n := range DefaultProfile().Numbers() {
		if n.Policy {
			policy++
		}
	}
	if policy != 1 {
		t.Errorf("%d numbers are labelled as the policy's; only the 30 days after delivery are", policy)
	}
}

func drawFacts(t *rapid.T) (f facts) {
	for _, slot := range f.slots() {
		if rapid.Bool().Draw(t, "has") {
			*slot = time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC()
		}
	}
	f.HasPaid, f.HasRefund, f.Digital = rapid.Bool().Draw(t, "paid"), rapid.Bool().Draw(t, "refund"), rapid.Bool().Draw(t, "digital")
	return f
}

func TestFactsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		got, err := parseFacts(f.appendTo(nil))
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("%+v came back as %+v (%v)", f, got, err)
		}
	})
}

// TestClockNeverExceedsThePolicy: whatever is stated, nothing lives longer than
// the profile's outer dates.
func TestClockNeverExceedsThePolicy(t *testing.T) {
	p := DefaultProfile()
	rapid.Check(t, func(t *rapid.T) {
		received := time.UnixMicro(rapid.Int64Range(1.7e15, 1.9e15).Draw(t, "received")).UTC()
		f := drawFacts(t).sane(received)
		v := p.orderClock(f)
		if v.eraseBy.After(received.Add(day).Add(p.OpenCap)) {
			t.Fatalf("lives until %v, %v after receipt", v.eraseBy, v.eraseBy.Sub(received))
		}
		if d := f.Delivered; !d.IsZero() && !v.eraseBy.Equal(d.Add(30*day)) {
			t.Fatalf("delivered %v, lives until %v", d, v.eraseBy)
		}
	})
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte{})
	seed := facts{Created: time.UnixMicro(1), Closed: time.UnixMicro(5), HasPaid: true}
	f.Add(seed.appendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFacts(b)
		if err != nil {
			return
		}
		again, err := parseFacts(got.appendTo(nil))
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatal("facts do not come back")
		}
	})
}

func FuzzParseBody(f *testing.F) {
	b := body{ExternalID: "1", Endpoint: "v2/orders", Pseudonyms: []pseudonym{{leaf: 3}}, Template: []byte("{}")}
	f.Add(b.appendTo(nil), uint8(1))
	f.Fuzz(func(t *testing.T, p []byte, n uint8) {
		if got, err := parseBody(p); err == nil {
			again, err := parseBody(got.appendTo(nil))
			if err != nil || again.ExternalID != got.ExternalID || string(again.Template) != string(got.Template) {
				t.Fatal("a body does not come back")
			}
		}
		_, _ = parseLeaves(p, int(n))
		_ = entriesOf(p)
		_ = linksOf(p)
	})
}

func FuzzParseRecordID(f *testing.F) {
	f.Add(recordID(12345).String())
	f.Add("rec_0000000000000zzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseRecordID(s)
		if err == nil && id.String() != s {
			t.Fatalf("%q is another spelling of %q", s, id)
		}
	})
}

// TestRecordIDsNeverMeet: many ids of one instant differ and rise.
func TestRecordIDsNeverMeet(t *testing.T) {
	var g recordIDs
	now := at("2026-11-20T12:00:00Z")
	last := g.next(now)
	if !last.time().Equal(now) {
		t.Errorf("the id says %v", last.time())
	}
	for range 100_000 {
		id := g.next(now)
		if id <= last {
			t.Fatal("an id does not rise")
		}
		last = id
	}
	if id := g.next(now.Add(-48 * time.Hour)); id.time().After(now.Add(-47 * time.Hour)) {
		t.Error("a clock that was set back is not followed")
	}
}

// A call that takes long asks for ids of its beginning while others ask for those of
// now: no id comes twice.
func TestRecordIDsOfASlowCall(t *testing.T) {
	var g recordIDs
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	seen := make(map[recordID]bool)
	var last recordID
	for range 20_000 {
		for _, at := range []time.Time{now, now.Add(-10 * time.Minute)} {
			id := g.next(at)
			if seen[id] || id < last {
				t.Fatal("an id came twice, or in front of an older one")
			}
			seen[id], last = true, id
		}
		now = now.Add(time.Millisecond)
	}
}
