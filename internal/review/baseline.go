package review

import (
	"bytes"
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Baseline is the approved set of accounts and rights of a kind (DPP 2.2.6).
type Baseline struct {
	Kind    Kind
	Version int
	Made    time.Time
	Maker   string
	Digest  string // SHA-256 over the items, in hex
	Items   []Item
	// Waits says that it is not approved yet: see [Review.Approve].
	Waits bool
}

func (v *Review) baselineAD(b baselineRow) []byte {
	return v.ad("baseline", b.kind, b.version, b.made, b.maker, b.digest)
}

// baseline returns the baseline of a kind; the zero value, and false, if none was ever
// approved. shown is what the log shows of approvals: a row that is gone, or is not of
// the last one, is a fault ([lost]).
func (v *Review) baseline(r *db.Reader, kind Kind, shown map[Kind]Approved) (out Baseline, ok bool, err error) {
	row, err := loadBaseline(r, db.Place(Kinds(), kind))
	if ok, err = found(err); err != nil {
		return out, false, err
	}
	last := shown[kind]
	if !ok {
		if last.Version > 0 {
			err = notShown()
		}
		return out, false, err
	}
	out = Baseline{Kind: kind, Version: int(row.version), Made: db.TimeOrZero(row.made), Maker: row.maker, Digest: hexed(row.digest)}
	if err := v.unpack("baseline", v.baselineAD(row), row.sealed, &out.Items); err != nil {
		return Baseline{}, false, err
	}
	// A newer one was approved since the log was read: nothing else makes one that opens.
	if out.Version < last.Version || out.Version == last.Version && out.Digest != last.Digest {
		return Baseline{}, false, notShown()
	}
	sum, err := digest(out.Items)
	if err == nil && !bytes.Equal(sum, row.digest) {
		err = strongroom.Faultf(strongroom.Conflict, "digest", "the baseline is not what was approved")
	}
	return out, err == nil, err
}

// standing leaves out rights for hours: they end before anybody could miss them.
func standing(items []Item) (out []Item) {
	for _, i := range items {
		if !i.Elevated {
			out = append(out, i)
		}
	}
	return out
}

// Present returns what a kind of population can reach now, as a baseline that is
// not approved: to look at before [Review.Approve].
func (v *Review) Present(ctx context.Context, who strongroom.Actor, kind Kind) (out Baseline, err error) {
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource("", string(kind), false), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		out, err = v.present(&w.Reader, kind, w.Now())
		return err
	})
	return out, err
}

func (v *Review) present(r *db.Reader, kind Kind, now time.Time) (Baseline, error) {
	items, err := v.population(r, kind, now)
	if err != nil {
		return Baseline{}, err
	}
	items = standing(items)
	sum, err := digest(items)
	return Baseline{Kind: kind, Digest: hexed(sum), Items: items}, err
}

// Approve makes what is there the baseline, if it still has the digest that who has
// seen (Conflict, code "digest"). What is new in it, or wider, and concerns who is
// for somebody else to approve (Denied). Where the approved one is damaged, gone, or
// not the last that the log shows, nobody can tell what is new: then it waits until
// two people have approved the same digest within [SecondWithin].
func (v *Review) Approve(ctx context.Context, who strongroom.Actor, kind Kind, seen string) (out Baseline, err error) {
	if db.Place(Kinds(), kind) == 0 {
		return out, v.refuse(ctx, who, reviewClose, campaignResource("", "", false), strongroom.Faultf(strongroom.Invalid, "kind", "a baseline is of people or of services"))
	}
	shown, err := v.approvals(ctx)
	if err != nil {
		return out, err
	}
	err = v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		before, known, err := v.baseline(&tx.Reader, kind, shown)
		gone := lost(err)
		if err != nil && !gone {
			return err
		}
		if out, err = v.present(&tx.Reader, kind, tx.Now()); err != nil {
			return err
		}
		if err := tx.Allow(reviewClose, campaignResource("", string(kind), false), guard.Context{}); err != nil {
			return err
		}
		tx.Note("kind", kindTerm(kind))
		if err := whole(who); err != nil {
			return err
		}
		if out.Digest != seen {
			return strongroom.Faultf(strongroom.Conflict, "digest", "what is there is not what you have seen").Advise("look again")
		}
		if gone {
			if second, err := v.second(tx, who.ID, &out); err != nil || !second {
				return err
			}
		}
		wider := false
		if known {
			if wider, err = v.widens(&tx.Reader, before.Items, out.Items, who.ID); err != nil {
				return err
			}
		}
		if wider {
			return strongroom.Faultf(strongroom.Denied, "own", "nobody approves their own new access")
		}
		out.Version, out.Made, out.Maker = max(before.Version, shown[kind].Version)+1, tx.Now(), who.ID
		return v.saveBaseline(tx, &out)
	})
	return out, err
}

func (v *Review) saveBaseline(tx *guard.Tx, b *Baseline) error {
	sum, err := digest(b.Items)
	if err != nil {
		return err
	}
	row := baselineRow{kind: db.Place(Kinds(), b.Kind), version: int64(b.Version), made: db.MicrosOrZero(b.Made), maker: b.Maker, digest: sum}
	if row.sealed, err = v.pack(v.baselineAD(row), b.Items); err != nil {
		return err
	}
	tx.Note("stage", stageBaseline())
	tx.Note("digest", b.Digest)
	tx.Note("version", b.Version)
	tx.Note("count", len(b.Items))
	if _, err = tx.Exec(sqlPutBaseline, row.kind, row.version, row.made, row.maker, row.digest, row.sealed); err != nil {
		return err
	}
	_, err = tx.Exec(sqlDropFirst, row.kind)
	return err
}

// widens reports whether something of who is new or wider than before.
func (v *Review) widens(r *db.Reader, before, after []Item, who string) (bool, error) {
	known := byID(before)
	for i := range after {
		was, ok := known[after[i].ID]
		if ok && after[i].scope().Within(was.scope()) {
			continue
		}
		if own, err := v.own(r, who, &after[i]); own || err != nil {
			return own, err
		}
	}
	return false, nil
}

// Baseline returns the approved baseline of a kind; the fault is NotFound where
// there is none, Conflict, code "baseline-lost", where the log shows another.
func (v *Review) Baseline(ctx context.Context, who strongroom.Actor, kind Kind) (out Baseline, err error) {
	shown, err := v.approvals(ctx)
	if err != nil {
		return out, err
	}
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource("", string(kind), false), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		var ok bool
		if out, ok, err = v.baseline(&w.Reader, kind, shown); err == nil && !ok {
			err = strongroom.Faultf(strongroom.NotFound, "baseline", "there is no baseline yet")
		}
		return err
	})
	return out, err
}
