package review

import (
	"bytes"
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Campaign is a review of all that one kind of population can reach.
type Campaign struct {
	ID     string // "cmp_…"
	Kind   Kind
	Opened time.Time
	Opener string
	Closed time.Time // zero while it goes on
	Closer string
	// Digest is SHA-256 over the frozen population, in hex; the event of the opening
	// has it too.
	Digest  string
	Entries int
	// Decided counts entries with a verdict, Due those to be changed or removed, and
	// Verified those of them that were read back as gone. They are set by
	// [Review.Campaign] alone.
	Decided, Due, Verified int
}

// Entry is one account or right of a campaign.
type Entry struct {
	Number  int // 1 to Campaign.Entries
	Item    Item
	Verdict Verdict // empty until somebody decides
	Reason  Reason
	Text    string // sealed; without personal data
	Wanted  Scope  // of a change
	Decider string
	Decided time.Time
	// Executed is when the product acted, Verified when it read the outcome, Failure
	// the code of the fault that the last attempt ended in.
	Executed, Verified time.Time
	Failure            string
}

// entryBody is what is sealed of an entry.
type entryBody struct {
	Item    Item   `json:"i"`
	Reason  Reason `json:"r,omitempty"`
	Text    string `json:"t,omitempty"`
	Wanted  *Scope `json:"w,omitempty"`
	Failure string `json:"f,omitempty"`
}

func (v *Review) entryAD(r entryRow) []byte {
	return v.ad("entry", r.campaign, r.number, r.verdict, r.decider, r.decidedAt, r.executedAt, r.verifiedAt)
}

func (v *Review) sealEntry(campaign string, e *Entry) (entryRow, error) {
	r := entryRow{
		campaign: campaign, number: int64(e.Number), verdict: db.Place(Verdicts(), e.Verdict), decider: e.Decider,
		decidedAt: db.MicrosOrZero(e.Decided), executedAt: db.MicrosOrZero(e.Executed), verifiedAt: db.MicrosOrZero(e.Verified),
	}
	b := entryBody{Item: e.Item, Reason: e.Reason, Text: e.Text, Failure: e.Failure}
	if e.Verdict == Change {
		b.Wanted = &e.Wanted
	}
	var err error
	r.sealed, err = v.pack(v.entryAD(r), b)
	return r, err
}

func (v *Review) openEntry(r entryRow) (Entry, error) {
	var b entryBody
	if err := v.unpack("reviews", v.entryAD(r), r.sealed, &b); err != nil {
		return Entry{}, err
	}
	e := Entry{
		Number: int(r.number), Item: b.Item, Verdict: db.At(Verdicts(), r.verdict), Reason: b.Reason, Text: b.Text, Failure: b.Failure,
		Decider: r.decider, Decided: db.TimeOrZero(r.decidedAt), Executed: db.TimeOrZero(r.executedAt), Verified: db.TimeOrZero(r.verifiedAt),
	}
	if b.Wanted != nil {
		e.Wanted = *b.Wanted
	}
	return e, nil
}

func (v *Review) saveEntry(tx *guard.Tx, campaign string, e *Entry) error {
	r, err := v.sealEntry(campaign, e)
	if err != nil {
		return err
	}
	n, err := tx.Exec(sqlUpdateEntry, r.args()...)
	if err == nil && n != 1 {
		return strongroom.Faultf(strongroom.Internal, "review-sealed", "an entry of the campaign is gone")
	}
	return err
}

func (v *Review) campaignAD(r campaignRow) []byte {
	return v.ad("campaign", r.id, r.kind, r.opened, r.opener, r.entries, r.digest, r.closed, r.closer)
}

func (v *Review) openCampaign(r campaignRow) (Campaign, error) {
	if err := v.unpack("reviews", v.campaignAD(r), r.sealed, new(struct{})); err != nil {
		return Campaign{}, err
	}
	return Campaign{
		ID: r.id, Kind: db.At(Kinds(), r.kind), Opened: db.TimeOrZero(r.opened), Opener: r.opener, Closed: db.TimeOrZero(r.closed), Closer: r.closer,
		Digest: hexed(r.digest), Entries: int(r.entries),
	}, nil
}

// load returns a campaign with all its entries, and refuses one that was changed
// behind the product's back.
func (v *Review) load(r *db.Reader, id string) (Campaign, []Entry, error) {
	row, err := scanCampaign(r.QueryRow(sqlLoadCampaign, id))
	if strongroom.IsKind(err, strongroom.NotFound) {
		return Campaign{}, nil, noCampaign()
	}
	if err != nil {
		return Campaign{}, nil, err
	}
	c, err := v.openCampaign(row)
	if err != nil {
		return Campaign{}, nil, err
	}
	rows, err := entriesOf(r, id)
	if err != nil {
		return Campaign{}, nil, err
	}
	entries, items := make([]Entry, len(rows)), make([]Item, len(rows))
	for i, row := range rows {
		if entries[i], err = v.openEntry(row); err != nil {
			return Campaign{}, nil, err
		}
		items[i] = entries[i].Item
		c.count(&entries[i])
	}
	sum, err := digest(items)
	if err != nil {
		return Campaign{}, nil, err
	}
	if !bytes.Equal(sum, row.digest) || len(rows) != c.Entries {
		return Campaign{}, nil, strongroom.Faultf(strongroom.Conflict, "digest", "the entries of the campaign are not what was frozen").
			Advise("somebody changed the database; open a new campaign")
	}
	return c, entries, nil
}

func (c *Campaign) count(e *Entry) {
	if e.Verdict != "" {
		c.Decided++
	}
	if e.Verdict == Change || e.Verdict == Remove {
		c.Due++
		if !e.Verified.IsZero() {
			c.Verified++
		}
	}
}

// Open freezes what a kind of population can reach now: one entry for each account
// and each right, in the same commit as the event with their digest. There is one
// campaign of a kind at a time (Conflict, code "open"). The caller's rights cover
// all stores.
func (v *Review) Open(ctx context.Context, who strongroom.Actor, kind Kind) (c Campaign, err error) {
	if db.Place(Kinds(), kind) == 0 {
		return c, v.refuse(ctx, who, reviewOpen, campaignResource("", "", false), strongroom.Faultf(strongroom.Invalid, "kind", "a review is of people or of services"))
	}
	err = v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		id := strongroom.NewID("cmp")
		if err := tx.Allow(reviewOpen, campaignResource(id, string(kind), false), guard.Context{}); err != nil {
			return err
		}
		tx.Note("kind", kindTerm(kind))
		if err := whole(who); err != nil {
			return err
		}
		if _, err := scanCampaign(tx.QueryRow(sqlOpenCampaign, db.Place(Kinds(), kind))); !strongroom.IsKind(err, strongroom.NotFound) {
			if err != nil {
				return err
			}
			return strongroom.Faultf(strongroom.Conflict, "open", "a review of this kind is going on").Advise("finish it first")
		}
		items, err := v.population(&tx.Reader, kind, tx.Now())
		if err != nil {
			return err
		}
		c, err = v.freeze(tx, id, kind, who.ID, items)
		return err
	})
	return c, err
}

func (v *Review) freeze(tx *guard.Tx, id string, kind Kind, opener string, items []Item) (Campaign, error) {
	sum, err := digest(items)
	if err != nil {
		return Campaign{}, err
	}
	row := campaignRow{id: id, kind: db.Place(Kinds(), kind), opened: db.Micros(tx.Now()), opener: opener, entries: int64(len(items)), digest: sum}
	if row.sealed, err = v.pack(v.campaignAD(row), struct{}{}); err != nil {
		return Campaign{}, err
	}
	if err := insertCampaign(tx, row); err != nil {
		return Campaign{}, err
	}
	rows := make([][]any, len(items))
	for i := range items {
		r, err := v.sealEntry(id, &Entry{Number: i + 1, Item: items[i]})
		if err != nil {
			return Campaign{}, err
		}
		rows[i] = r.args()
	}
	if len(rows) > 0 {
		if _, err := tx.Batch(sqlInsertEntry, len(rows), func(i int) []any { return rows[i] }); err != nil {
			return Campaign{}, err
		}
	}
	tx.Note("digest", hexed(sum))
	tx.Note("count", len(items))
	return v.openCampaign(row)
}

// Campaign returns a campaign with its entries.
func (v *Review) Campaign(ctx context.Context, who strongroom.Actor, id string) (c Campaign, entries []Entry, err error) {
	if !strongroom.IsID("cmp", id) {
		return c, nil, v.refuse(ctx, who, reviewRead, campaignResource("", "", false), noCampaign())
	}
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource(id, "", false), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		c, entries, err = v.load(&w.Reader, id)
		return err
	})
	if err != nil {
		return Campaign{}, nil, err
	}
	return c, entries, nil
}

// EntryQuery says which entries of a campaign are asked for.
type EntryQuery struct {
	Open  bool // those without a verdict
	After int  // those with higher numbers
	Limit int  // at most this many, up to [MaxPage]
}

// Entries returns a page of a campaign's entries by their numbers. more says that
// there are others behind it. It does not hold the entries against the digest:
// [Review.Campaign] does.
func (v *Review) Entries(ctx context.Context, who strongroom.Actor, id string, q EntryQuery) (out []Entry, more bool, err error) {
	if !strongroom.IsID("cmp", id) {
		return nil, false, v.refuse(ctx, who, reviewRead, campaignResource("", "", false), noCampaign())
	}
	limit := min(max(q.Limit, 1), MaxPage)
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource(id, "", false), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		if _, err := scanCampaign(w.QueryRow(sqlLoadCampaign, id)); strongroom.IsKind(err, strongroom.NotFound) {
			return noCampaign()
		} else if err != nil {
			return err
		}
		rows, err := entryPage(&w.Reader, id, q, limit+1)
		if err != nil {
			return err
		}
		if more = len(rows) > limit; more {
			rows = rows[:limit]
		}
		out = make([]Entry, len(rows))
		for i, row := range rows {
			if out[i], err = v.openEntry(row); err != nil {
				return err
			}
		}
		return nil
	})
	return out, more, err
}

// Campaigns lists the newest campaigns, up to 100, without their counts.
func (v *Review) Campaigns(ctx context.Context, who strongroom.Actor) (out []Campaign, err error) {
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource("", "", false), guard.Context{}); err != nil {
			return err
		}
		out = nil
		rows, err := listCampaigns(&w.Reader, 100)
		if err != nil {
			return err
		}
		for _, r := range rows {
			c, err := v.openCampaign(r)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return whole(who)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
