package federation

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// Ways lists what a probe tries. sign-in and link are this package's own; the
// others are handed over by their owners.
func Ways() []string {
	return []string{"sign-in", "link", "password", "session", "key", "grant", "request", "device"}
}

// wayWord returns the log's word for a way in.
func wayWord(name string) (audit.Term, bool) {
	switch name {
	case "sign-in":
		return audit.Word("sign-in"), true
	case "link":
		return audit.Word("link"), true
	case "password":
		return audit.Word("password"), true
	case "session":
		return audit.Word("session"), true
	case "key":
		return audit.Word("key"), true
	case "grant":
		return audit.Word("grant"), true
	case "request":
		return audit.Word("request"), true
	case "device":
		return audit.Word("device"), true
	}
	return audit.Term{}, false
}

// Ended is a [people.Hook] for the commit that ends an account: it forgets the links
// to providers and notes that a proof of the 24 hours is due.
func (f *Federation) Ended(tx *guard.Tx, person string) error {
	if err := dropLinks(tx, person); err != nil {
		return err
	}
	row := leaverRow{person: person, left: db.Micros(tx.Now())}
	row.proof = f.leaverProof(row)
	return putLeaver(tx, row)
}

// Suspended is a [people.Hook] for the commit that suspends or resets a person: it
// forgets the links to providers, so that one that was made by somebody else does
// not outlive the reset.
func (f *Federation) Suspended(tx *guard.Tx, person string) error { return dropLinks(tx, person) }

func (f *Federation) leaverProof(r leaverRow) []byte {
	return f.mark("leaver row", r.person, strconv.FormatInt(r.left, 10), strconv.FormatInt(r.probed, 10), r.ways)
}

// Proof is what is known of somebody's leaving (DPP 2.2.12).
type Proof struct {
	Person string
	Cause  people.CauseKind
	// Event is when the reason to end came about, Revoked when everything was dead
	// here, Took the time between.
	Event, Revoked time.Time
	Took           time.Duration
	Late           bool // it took longer than [Limit]: a finding
	// Probed is when the ways in were tried last; zero: not yet. Open lists those
	// that were open, which none should be.
	Probed time.Time
	Open   []string
}

// Refused reports whether a probe has shown that no way in is left.
func (p Proof) Refused() bool { return !p.Probed.IsZero() && len(p.Open) == 0 }

// Probe tries now whether somebody who left has a way in, records what it found and
// returns the proof. It changes nothing else. The fault is NotFound for who has not
// left.
func (f *Federation) Probe(ctx context.Context, who strongroom.Actor, person string) (Proof, error) {
	var out Proof
	err := f.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		r := instance()
		if people.IsID(person) {
			r = account(person, strongroom.Actor{})
		}
		if err := tx.Allow(personProbe, r, guard.Context{}); err != nil {
			return err
		}
		row, err := f.loadLeaver(&tx.Reader, person)
		if err != nil {
			return err
		}
		open, err := f.tryAll(&tx.Reader, person, tx.Now())
		if err != nil {
			return err
		}
		row.probed, row.ways = db.Micros(tx.Now()), strings.Join(open, " ")
		row.proof = f.leaverProof(row)
		if err := putLeaver(tx, row); err != nil {
			return err
		}
		if out, err = f.proof(&tx.Reader, row); err != nil {
			return err
		}
		tx.Note("took_us", out.Took.Microseconds())
		tx.Note("open", len(open))
		if len(open) > 0 {
			var words []audit.Term
			for _, name := range open {
				w, _ := wayWord(name)
				words = append(words, w)
			}
			tx.Note("kinds", words)
		}
		return nil
	})
	if err != nil {
		return Proof{}, err
	}
	return out, nil
}

// tryAll returns the names of the ways that are open.
func (f *Federation) tryAll(r *db.Reader, person string, now time.Time) (open []string, err error) {
	ways := append([]Way{
		{"sign-in", func(r *db.Reader, person string, now time.Time) (bool, error) {
			err := f.o.People.MaySignIn(r, person, now)
			if strongroom.IsKind(err, strongroom.Unauthenticated) {
				return false, nil
			}
			return true, err
		}},
		{"link", func(r *db.Reader, person string, _ time.Time) (bool, error) { return anyLink(r, person) }},
	}, f.o.Ways...)
	for _, w := range ways {
		is, err := w.Open(r, person, now)
		if err != nil {
			return nil, err
		}
		if is && !slices.Contains(open, w.Name) {
			open = append(open, w.Name)
		}
	}
	return open, nil
}

func (f *Federation) loadLeaver(r *db.Reader, person string) (leaverRow, error) {
	row, err := loadLeaver(r, person)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return row, strongroom.Faultf(strongroom.NotFound, "leaver", "nobody of that id has left")
	}
	if err == nil && subtle.ConstantTimeCompare(f.leaverProof(row), row.proof) != 1 {
		err = damaged("leaver")
	}
	return row, err
}

func (f *Federation) proof(r *db.Reader, row leaverRow) (Proof, error) {
	d, err := f.o.People.DepartureOf(r, row.person)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Person: row.person, Cause: d.Cause, Event: d.Event, Revoked: d.Revoked, Took: d.Revoked.Sub(d.Event), Probed: db.TimeOrZero(row.probed)}
	p.Late = p.Took > Limit
	if row.ways != "" {
		p.Open = strings.Split(row.ways, " ")
	}
	return p, nil
}

// ProofQuery says which proofs are asked for.
type ProofQuery struct {
	Since  time.Time // who left from then on; zero: everybody
	Cursor string    // as the page before gave it
	Limit  int       // of a page; 1,000 if out of bounds
}

// Proofs returns a page of the proofs of who left, the oldest first, and the cursor
// of the page after, empty at the end. The fault is Invalid for a cursor that is
// none of ours.
func (f *Federation) Proofs(ctx context.Context, who strongroom.Actor, q ProofQuery) (out []Proof, next string, err error) {
	if q.Limit <= 0 || q.Limit > 1000 {
		q.Limit = 1000
	}
	err = f.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personProbe, instance(), guard.Context{}); err != nil {
			return err
		}
		rows, err := f.leavers(&v.Reader, q)
		if err != nil {
			return err
		}
		if len(rows) > q.Limit {
			rows = rows[:q.Limit]
			next = rows[q.Limit-1].person
		}
		late := 0
		for _, row := range rows {
			if subtle.ConstantTimeCompare(f.leaverProof(row), row.proof) != 1 {
				return damaged("leaver")
			}
			p, err := f.proof(&v.Reader, row)
			if err != nil {
				return err
			}
			if p.Late {
				late++
			}
			out = append(out, p)
		}
		v.Note("count", len(out))
		v.Note("overdue", late)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// leavers loads a page, and one more to tell whether there is another.
func (f *Federation) leavers(r *db.Reader, q ProofQuery) ([]leaverRow, error) {
	if q.Cursor == "" {
		return leaversSince(r, db.MicrosOrZero(q.Since), q.Limit+1)
	}
	after, err := loadLeaver(r, q.Cursor)
	if strongroom.IsKind(err, strongroom.NotFound) {
		err = strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor is none of ours")
	}
	if err != nil {
		return nil, err
	}
	return leaversAfter(r, db.MicrosOrZero(q.Since), after, q.Limit+1)
}

// Tally counts who left.
type Tally struct {
	Unprobed int64 // not probed yet
	Open     int64 // the newest probe found a way in: must be none
}

// Tally counts who left and was not probed, or had a way in when they were.
func (f *Federation) Tally(ctx context.Context) (t Tally, err error) {
	err = f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		t.Unprobed, t.Open, err = tally(r)
		return err
	})
	return t, err
}

// probesAtOnce is how many leavers one call of ProbeDue tries.
const probesAtOnce = 100

// lowestDate is before every date.
const lowestDate = math.MinInt64

// ProbeDue probes those who left and have not been probed, and returns how many
// there were and how many of them had a way in left. Where some cannot be probed the
// next call begins after them, so that they keep nobody waiting, and at the first
// again in the end.
func (f *Federation) ProbeDue(ctx context.Context) (n, open int, err error) {
	f.probing.Lock()
	defer f.probing.Unlock()
	var due []leaverRow
	if err := f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		var err error
		due, err = unprobed(r, f.probed, probesAtOnce)
		return err
	}); err != nil {
		return 0, 0, err
	}
	f.probed = leaverRow{left: lowestDate}
	for _, row := range due {
		id := row.person
		p, err := f.Probe(ctx, strongroom.System("sweeper"), id)
		switch {
		case strongroom.IsKind(err, strongroom.Unavailable):
			return n, open, err
		case err != nil:
			if len(due) == probesAtOnce {
				f.probed = due[len(due)-1]
			}
			f.o.Log.LogAttrs(ctx, slog.LevelError, "somebody who left could not be probed", slog.String("account", id),
				slog.String("kind", strongroom.KindOf(err).String()))
		default:
			n++
			if !p.Refused() {
				open++
			}
		}
	}
	return n, open, nil
}
