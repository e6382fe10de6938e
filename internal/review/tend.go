package review

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Deadline says when a kind of population is to be reviewed.
type Deadline struct {
	Kind    Kind
	Last    time.Time // when the last campaign was closed; zero if none was
	Due     time.Time // zero while there is nobody to review
	Overdue bool
	Open    string // the campaign that is going on, or empty
}

// Deadlines says for each kind when it is to be reviewed: [Quarter] months after the
// last campaign was closed, or after the first account was made. It names nobody and
// is for gauges and the doctor.
func (v *Review) Deadlines(ctx context.Context) (out []Deadline, err error) {
	err = v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		out = nil
		for _, k := range Kinds() {
			d, err := v.deadline(r, k, r.Now())
			if err != nil {
				return err
			}
			out = append(out, d)
		}
		return nil
	})
	return out, err
}

func (v *Review) deadline(r *db.Reader, kind Kind, now time.Time) (d Deadline, err error) {
	d.Kind = kind
	n := db.Place(Kinds(), kind)
	row, err := scanCampaign(r.QueryRow(sqlOpenCampaign, n))
	if there, err := found(err); err != nil {
		return d, err
	} else if there {
		d.Open = row.id
	}
	row, err = scanCampaign(r.QueryRow(sqlLastClosed, n))
	there, err := found(err)
	if err != nil {
		return d, err
	}
	from := time.Time{}
	if there {
		c, err := v.openCampaign(row)
		if err != nil {
			return d, err
		}
		d.Last, from = c.Closed, c.Closed
	} else {
		items, err := v.o.Registers.Items(r, kind, now)
		if err != nil {
			return d, err
		}
		for _, it := range items {
			if !it.From.IsZero() && (from.IsZero() || it.From.Before(from)) {
				from = it.From
			}
		}
	}
	if !from.IsZero() {
		d.Due = from.AddDate(0, Quarter, 0)
		d.Overdue = now.After(d.Due)
	}
	return d, nil
}

// Tended says what [Review.Tend] did.
type Tended struct{ Suspended, Ended, Failed int }

// act is one thing to be done by the product itself.
type act struct {
	item Item
	why  Why
	end  bool
}

// Tend does what the profile says about drift and about reviews that are overdue.
// Of those who can review others the last that is in use stays, and a lapse leaves
// all of them. An account that somebody lets go on is left alone for [Dormant]. Each
// suspension is an event. The sweeper calls it; doing it again does nothing more.
func (v *Review) Tend(ctx context.Context) (t Tended, err error) {
	if v.o.Profile == (Profile{}) {
		return t, nil
	}
	shown, err := v.approvals(ctx)
	if err != nil {
		return t, err
	}
	var acts []act
	if err := v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		acts = nil
		for _, k := range Kinds() {
			list, err := v.plan(r, k, r.Now(), shown)
			if err != nil {
				return err
			}
			acts = append(acts, list...)
		}
		return nil
	}); err != nil {
		return t, err
	}
	who := strongroom.System("review")
	for _, a := range acts {
		switch err := v.do(ctx, who, a); {
		case err != nil && (strongroom.IsKind(err, strongroom.Unavailable) || ctx.Err() != nil):
			return t, err
		case err != nil:
			t.Failed++
			v.o.Log.WarnContext(ctx, "review: what the profile asks for was refused", "item", a.item.ID, "why", string(a.why), "code", codeOf(err))
		case a.end:
			t.Ended++
		default:
			t.Suspended++
		}
	}
	return t, nil
}

// plan says what is to be done about one kind.
func (v *Review) plan(r *db.Reader, kind Kind, now time.Time, shown map[Kind]Approved) (acts []act, err error) {
	items, err := v.population(r, kind, now)
	if err != nil {
		return nil, err
	}
	findings, _, err := v.driftOf(r, kind, items, now, past{shown: shown})
	if err != nil {
		return nil, err
	}
	admins := map[string]bool{}
	for i := range items {
		if items[i].decides() {
			admins[items[i].Account] = true
		}
	}
	dormant := map[string]bool{}
	for _, f := range findings {
		if f.Flaw == FlawDormant {
			dormant[f.Item.ID] = true
		}
	}
	awake := false
	for _, it := range items {
		awake = awake || it.Sort == Account && admins[it.ID] && !it.Suspended && !dormant[it.ID]
	}
	for _, f := range findings {
		switch {
		case f.Item.Suspended || f.Item.Sort == Outside || f.Item.Sort == Connector:
		case f.Flaw == FlawDormant && v.o.Profile.Dormant == Suspend && (!admins[f.Item.ID] || awake):
			acts = append(acts, act{f.Item, WhyDormant, false})
		case f.Flaw == FlawUnapproved && v.o.Profile.Unapproved == Suspend:
			acts = append(acts, act{f.Item, WhyUnapproved, f.Item.Sort == Right})
		}
	}
	lapsed, err := v.lapsed(r, kind, items, now)
	if err != nil {
		return nil, err
	}
	for _, it := range lapsed {
		if !admins[it.ID] {
			acts = append(acts, act{it, WhyLapse, false})
		}
	}
	return v.spare(r, acts, now)
}

// spare leaves out accounts that were suspended lately: somebody let them go on, and
// they need time to show that they are in use.
func (v *Review) spare(r *db.Reader, acts []act, now time.Time) (out []act, err error) {
	rows, err := r.Query(sqlActs, db.MicrosOrZero(now.Add(-v.o.Dormant)))
	lately, err := db.Collect(rows, err, func(s db.Scanner) (a actRow, err error) { return a, s.Scan(&a.account, &a.at, &a.sealed) })
	if err != nil {
		return nil, err
	}
	spared := map[string]bool{}
	for _, a := range lately {
		// A row written by hand spares nobody.
		if v.unpack("acts", v.ad("act", a.account, a.at), a.sealed, new(struct{})) == nil {
			spared[a.account] = true
		}
	}
	for _, a := range acts {
		if a.end || !spared[a.item.ID] {
			spared[a.item.ID] = spared[a.item.ID] || !a.end // one suspension for all its flaws
			out = append(out, a)
		}
	}
	return out, nil
}

type actRow struct {
	account string
	at      int64
	sealed  []byte
}

// lapsed returns the accounts that an overdue review has not looked at.
func (v *Review) lapsed(r *db.Reader, kind Kind, items []Item, now time.Time) (out []Item, err error) {
	if v.o.Profile.Lapse != Suspend {
		return nil, nil
	}
	d, err := v.deadline(r, kind, now)
	if err != nil || !d.Overdue {
		return nil, err
	}
	looked := map[string]bool{}
	if d.Open != "" {
		_, entries, err := v.load(r, d.Open)
		if err != nil && !strongroom.IsKind(err, strongroom.Conflict) && !strongroom.IsKind(err, strongroom.Internal) {
			return nil, err
		}
		for _, e := range entries { // none of a campaign that was tampered with
			looked[e.Item.Account] = true
		}
		for _, e := range entries {
			if e.Verdict == "" {
				delete(looked, e.Item.Account)
			}
		}
	}
	for _, it := range items {
		if it.Sort == Account && !it.Suspended && !looked[it.ID] {
			out = append(out, it)
		}
	}
	return out, nil
}

// do does one thing, with an event of its own.
func (v *Review) do(ctx context.Context, who strongroom.Actor, a act) error {
	if a.end {
		return v.o.Registers.Remove(ctx, who, a.item)
	}
	service := strongroom.IsID("svc", a.item.ID)
	if service {
		if err := v.o.Registers.SuspendService(ctx, who, a.item.ID); err != nil {
			return err
		}
	}
	kind := People
	if service {
		kind = Services
	}
	return v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(reviewClose, campaignResource("", string(kind), false), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", audit.Word("suspend"))
		tx.Note("account", a.item.ID)
		tx.Note("reason", whyTerm(a.why))
		now := db.Micros(tx.Now())
		sealed, err := v.pack(v.ad("act", a.item.ID, now), struct{}{})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(sqlPutAct, a.item.ID, now, sealed); err != nil || service {
			return err
		}
		return v.o.Registers.SuspendPerson(tx, a.item.ID, a.why)
	})
}

func whyTerm(w Why) audit.Term {
	switch w {
	case WhyDormant:
		return audit.Word("dormant")
	case WhyUnapproved:
		return audit.Word("unapproved")
	}
	return audit.Word("lapse")
}
