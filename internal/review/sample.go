package review

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Opened is what was opened in a stretch of time, and the log at its end.
type Opened struct {
	Size    int64 // how many events there are before the end
	Root    [32]byte
	Count   int // of all reveals
	Reveals []Reveal
}

// Reveal is one event of the log in which something was opened.
type Reveal struct {
	Position  int64 // in the log; orders all reveals
	Actor     string
	Owner     string // the person who answers for it, if a service opened it
	Store     string
	Record    string
	Purpose   strongroom.Purpose
	Reference string // the keyed hash of the log
	At        time.Time
}

// Judgement is what a person says of a sample.
type Judgement string

// The judgements.
const (
	Justified   Judgement = "justified"   // it had to be known
	Unjustified Judgement = "unjustified" // it had not
	Unclear     Judgement = "unclear"     // the case does not tell
)

// Judgements lists the judgements. Their places are stored.
func Judgements() []Judgement { return []Judgement{Justified, Unjustified, Unclear} }

// Sample is a reveal that somebody else than its actor is to judge (DPP 2.3.3).
type Sample struct {
	Month     string // "2026-10"
	Reveal    Reveal
	Judgement Judgement // empty until somebody judges
	Text      string    // sealed; without personal data
	Judge     string
	Judged    time.Time
}

// Month is the state of a month's samples.
type Month struct {
	Month   string
	Drawn   time.Time
	Size    int64  // the log's size at the month's end
	Root    string // its root, in hex: the seed
	Reveals int
	Samples []Sample
	// Open counts those not judged. Stale says that the month was not drawn, or not
	// judged, within the month that follows.
	Open  int
	Stale bool
}

type sampleBody struct {
	Reveal Reveal `json:"e"`
	Text   string `json:"t,omitempty"`
}

func (v *Review) sampleAD(r sampleRow) []byte {
	return v.ad("sample", r.month, r.position, r.actor, r.verdict, r.judge, r.judged)
}

func (v *Review) monthAD(r monthRow) []byte {
	return v.ad("month", r.month, r.drawn, r.size, r.root, r.reveals)
}

// parseMonth returns the first instants of a month and of the next.
func parseMonth(s string) (from, to time.Time, err error) {
	from, perr := time.Parse("2006-01", s)
	if perr != nil || len(s) != 7 {
		return from, to, strongroom.Faultf(strongroom.Invalid, "month", "a month reads like 2026-10")
	}
	return from, from.AddDate(0, 1, 0), nil
}

// Pick returns up to n reveals of each purpose, in the order of the log. Which they
// are follows from the month and the root alone: the n with the least
// SHA-256(month, root, position). Whoever has the log can pick them again.
func Pick(month string, o Opened, n int) (out []Reveal) {
	type ranked struct {
		rank [32]byte
		r    Reveal
	}
	byPurpose := map[strongroom.Purpose][]ranked{}
	for _, r := range o.Reveals {
		h := sha256.New()
		h.Write([]byte(month))
		h.Write(o.Root[:])
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(r.Position)))
		byPurpose[r.Purpose] = append(byPurpose[r.Purpose], ranked{[32]byte(h.Sum(nil)), r})
	}
	for _, list := range byPurpose {
		slices.SortFunc(list, func(a, b ranked) int { return bytes.Compare(a.rank[:], b.rank[:]) })
		for _, x := range list[:min(n, len(list))] {
			out = append(out, x.r)
		}
	}
	slices.SortFunc(out, func(a, b Reveal) int { return int(a.Position - b.Position) })
	return out
}

// Draw picks the samples of a month that is over, once: drawing again changes
// nothing, and neither does a month before the log's first event. Conflict, code "month", while the month lasts;
// Unavailable where the log cannot be read.
func (v *Review) Draw(ctx context.Context, who strongroom.Actor, month string) error {
	_, err := v.draw(ctx, who, month)
	return err
}

// draw is [Review.Draw]; it reports whether the month had not been drawn.
func (v *Review) draw(ctx context.Context, who strongroom.Actor, month string) (drew bool, err error) {
	res := campaignResource("", "sample", false)
	from, to, err := parseMonth(month)
	if err == nil && v.o.Events == nil {
		err = strongroom.Faultf(strongroom.Unavailable, "events", "the log cannot be read for samples")
	}
	if err != nil {
		return false, v.refuse(ctx, who, reviewOpen, res, err)
	}
	var known, over bool
	if err := v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		over = !r.Now().Before(to)
		_, err := loadMonth(r, month)
		known, err = found(err)
		return err
	}); err != nil || known {
		return false, err
	}
	if !over {
		return false, v.refuse(ctx, who, reviewOpen, res, strongroom.Faultf(strongroom.Conflict, "month", "the month is not over"))
	}
	opened, err := v.o.Events.Opened(ctx, from, to, v.o.Samples)
	if err != nil || opened.Size == 0 { // the log had not begun
		return false, err
	}
	picked := Pick(month, opened, v.o.Samples)
	err = v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(reviewOpen, res, guard.Context{}); err != nil {
			return err
		}
		tx.Note("kind", audit.Word("sample"))
		if _, err := loadMonth(&tx.Reader, month); !strongroom.IsKind(err, strongroom.NotFound) {
			return err // nil: another process drew it
		}
		if err := v.answerable(tx, picked); err != nil {
			return err
		}
		tx.Note("digest", hexed(opened.Root[:]))
		tx.Note("size", opened.Size)
		tx.Note("count", len(picked))
		return v.saveDraw(tx, month, opened, picked)
	})
	return err == nil, err
}

// answerable fills in who answers for the services that opened something: they do
// not judge it.
func (v *Review) answerable(tx *guard.Tx, picked []Reveal) error {
	items, err := v.o.Registers.Items(&tx.Reader, Services, tx.Now())
	if err != nil {
		return err
	}
	services := byID(items)
	for i, p := range picked {
		if it, ok := services[p.Actor]; ok && p.Owner == "" {
			picked[i].Owner = it.Owner
		}
	}
	return nil
}

func (v *Review) saveDraw(tx *guard.Tx, month string, opened Opened, picked []Reveal) (err error) {
	m := monthRow{month: month, drawn: db.Micros(tx.Now()), size: opened.Size, root: opened.Root[:], reveals: int64(opened.Count)}
	if m.sealed, err = v.pack(v.monthAD(m), len(picked)); err != nil {
		return err
	}
	if _, err := tx.Exec(sqlInsertMonth, m.month, m.drawn, m.size, m.root, m.reveals, m.sealed); err != nil {
		return err
	}
	for _, p := range picked {
		r := sampleRow{month: month, position: p.Position, actor: p.Actor}
		if r.sealed, err = v.pack(v.sampleAD(r), sampleBody{Reveal: p}); err != nil {
			return err
		}
		if _, err := tx.Exec(sqlInsertSample, r.month, r.position, r.actor, r.verdict, r.judge, r.judged, r.sealed); err != nil {
			return err
		}
	}
	return nil
}

func (v *Review) openSample(r sampleRow) (Sample, error) {
	var b sampleBody
	if err := v.unpack("samples", v.sampleAD(r), r.sealed, &b); err != nil {
		return Sample{}, err
	}
	return Sample{
		Month: r.month, Reveal: b.Reveal, Text: b.Text, Judgement: db.At(Judgements(), r.verdict), Judge: r.judge, Judged: db.TimeOrZero(r.judged),
	}, nil
}

// Judge notes what who says of a sample. Who opened it, or answers for the service
// that did or holds its key, does not judge it (Denied). A judgement stands (Conflict, code "judged").
func (v *Review) Judge(ctx context.Context, who strongroom.Actor, month string, position int64, j Judgement, text string) error {
	res := campaignResource("", "sample", false)
	_, _, err := parseMonth(month)
	if err == nil && db.Place(Judgements(), j) == 0 {
		err = strongroom.Faultf(strongroom.Invalid, "judgement", "a sample is justified, unjustified or unclear")
	}
	if err == nil {
		err = checkText(text)
	}
	if err != nil {
		return v.refuse(ctx, who, reviewDecide, res, err)
	}
	return v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		row, err := scanSample(tx.QueryRow(sqlLoadSample, month, position))
		there, err := found(err)
		if err != nil {
			return err
		}
		var s Sample
		if there {
			if s, err = v.openSample(row); err != nil {
				return err
			}
		}
		own, err := v.own(&tx.Reader, who.ID, &Item{Account: s.Reveal.Actor, Owner: s.Reveal.Owner})
		if err != nil {
			return err
		}
		if err := tx.Allow(reviewDecide, campaignResource("", "sample", own), guard.Context{}); err != nil {
			return err
		}
		switch {
		case own:
			return strongroom.Faultf(strongroom.Denied, "own", "nobody judges what they opened")
		case !there:
			return strongroom.Faultf(strongroom.NotFound, "sample", "there is no such sample")
		case !who.AllStores && !slices.Contains(who.Stores, s.Reveal.Store):
			return strongroom.Faultf(strongroom.Denied, "stores", "the sample is of a store that is not yours")
		case s.Judgement != "":
			return strongroom.Faultf(strongroom.Conflict, "judged", "the sample has been judged")
		}
		tx.Note("kind", audit.Word("sample"))
		tx.Note("position", position)
		tx.Note("mode", judgementTerm(j))
		if isAccount(s.Reveal.Actor) {
			tx.Note("account", s.Reveal.Actor)
		}
		row.verdict, row.judge, row.judged = db.Place(Judgements(), j), who.ID, db.Micros(tx.Now())
		if row.sealed, err = v.pack(v.sampleAD(row), sampleBody{Reveal: s.Reveal, Text: text}); err != nil {
			return err
		}
		_, err = tx.Exec(sqlJudgeSample, month, position, row.verdict, row.judge, row.judged, row.sealed)
		return err
	})
}

// SamplesOf returns the samples of a month and where they stand. The fault is
// Conflict, code "samples", where rows were taken away.
func (v *Review) SamplesOf(ctx context.Context, who strongroom.Actor, month string) (m Month, err error) {
	if _, _, err := parseMonth(month); err != nil {
		return m, v.refuse(ctx, who, reviewRead, campaignResource("", "sample", false), err)
	}
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource("", "sample", false), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		m, err = v.month(&w.Reader, month, w.Now())
		return err
	})
	return m, err
}

func (v *Review) month(r *db.Reader, month string, now time.Time) (m Month, err error) {
	_, to, err := parseMonth(month)
	if err != nil {
		return m, err
	}
	m.Month = month
	late := now.After(to.AddDate(0, 1, 0))
	row, err := loadMonth(r, month)
	there, err := found(err)
	if err != nil {
		return m, err
	}
	if !there { // a month before the first that could be drawn is none to draw
		missing, err := undrawn(r)
		m.Stale = late && slices.Contains(missing, month)
		return m, err
	}
	n := 0
	if err := v.unpack("samples", v.monthAD(row), row.sealed, &n); err != nil {
		return m, err
	}
	m.Drawn, m.Size, m.Root, m.Reveals = db.TimeOrZero(row.drawn), row.size, hexed(row.root), int(row.reveals)
	rows, err := samplesOf(r, month)
	if err != nil {
		return m, err
	}
	if len(rows) != n {
		return m, strongroom.Faultf(strongroom.Conflict, "samples", "%d samples were drawn and %d are there", n, len(rows))
	}
	for _, x := range rows {
		s, err := v.openSample(x)
		if err != nil {
			return m, err
		}
		if s.Judgement == "" {
			m.Open++
		}
		m.Samples = append(m.Samples, s)
	}
	m.Stale = late && m.Open > 0
	return m, nil
}

func judgementTerm(j Judgement) audit.Term {
	switch j {
	case Justified:
		return audit.Word("justified")
	case Unjustified:
		return audit.Word("unjustified")
	}
	return audit.Word("unclear")
}
