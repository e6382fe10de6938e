package federation

import (
	"context"
	"io"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// Feed says how a feed of leavers is read.
type Feed struct {
	Format Format
	// Dry looks who would end, by the rules of a run that is none, and changes nothing.
	// Rights are not asked about line by line.
	Dry bool
	// Zone is where dates without a time of day and an offset are; nil is UTC.
	Zone *time.Location
	// Progress hears now and then how many of the people the feed names are done. It
	// must not block for long. nil is nobody.
	Progress func(done, total int)
}

// Report is what became of a feed. People are named by their ids and by lines,
// never by what the feed said of them.
type Report struct {
	Lines     int   // people the feed named
	Ended     int   // accounts that ended now (in a dry run: would end)
	Suspended int   // owners a key took out, not ended; their lines are of Failed as well
	Scheduled int   // accounts that will end on the date of the feed
	Already   int   // had ended before
	Unknown   []int // lines with nobody the product knows
	Failed    []FailedLine
	Late      []LateLine // ended, but later than [Limit] after the event: findings

	// gone is whom a dry run took for ended, by id, and for suspended.
	gone map[string]people.Fate
}

// FailedLine is a line that was not carried out, with the code of the fault.
type FailedLine struct {
	Line int
	Code string
}

// LateLine is an end that came too late.
type LateLine struct {
	Line   int
	Person string
	Took   time.Duration
}

// Feed ends the accounts a list of leavers names (DPP 2.2.12). Each line is a
// commit of its own: one that fails holds up no other, and the same feed may be
// read again. A line whose end lies ahead sets the end of the employment. Faults:
// Invalid for a feed that cannot be read at all; then nothing was done. Unavailable,
// with the report so far, where the product or the caller went away in the midst.
func (f *Federation) Feed(ctx context.Context, who strongroom.Actor, src io.Reader, o Feed) (Report, error) {
	rows, failed, err := parseFeed(src, o)
	rep := Report{Lines: len(rows) + len(failed), Failed: failed, gone: map[string]people.Fate{}}
	if e := f.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if e := tx.Allow(personFeed, instance(), guard.Context{}); e != nil {
			return e
		}
		tx.Note("count", rep.Lines)
		tx.Note("failed", len(failed))
		tx.Note("dry", o.Dry)
		return err
	}); e != nil {
		return Report{}, e
	}
	for n, row := range rows {
		if o.Progress != nil {
			o.Progress(n, len(rows))
		}
		if err := f.leave(ctx, who, row, o.Dry, &rep); err != nil {
			if strongroom.IsKind(err, strongroom.Unavailable) {
				return rep, err
			}
			if ctx.Err() != nil {
				return rep, strongroom.Faultf(strongroom.Unavailable, "feed-cut", "the feed was cut off; what was done is kept").
					Advise("send it again: what was done is not done twice").Because(err)
			}
			rep.Failed = append(rep.Failed, FailedLine{row.line, codeOf(err)})
		}
	}
	return rep, nil
}

// leave carries one line out.
func (f *Federation) leave(ctx context.Context, who strongroom.Actor, row feedRow, dry bool, rep *Report) error {
	var person string
	var past people.Departure
	var now time.Time
	var fate people.Fate
	gone := false
	err := f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		now = r.Now()
		person = row.person
		owner, err := f.namedBy(r, row)
		if person == "" {
			person = owner
		}
		if err != nil || person == "" {
			return err
		}
		if past, err = f.o.People.DepartureOf(r, person); err == nil {
			gone = true
			return nil
		}
		if err = f.o.People.Exists(r, person); strongroom.IsKind(err, strongroom.NotFound) {
			person = ""
			return nil
		}
		if err == nil && row.email != "" && owner != person {
			err = errMismatch()
		}
		if err == nil && dry {
			fate, err = rep.fateOf(r, f.o.People, who, person)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case fate == people.IsOver:
		rep.Already++
		return nil
	case person == "":
		rep.Unknown = append(rep.Unknown, row.line)
		return nil
	case gone:
		rep.Already++
		if took := past.Revoked.Sub(row.event(past.Event)); took > Limit {
			rep.Late = append(rep.Late, LateLine{row.line, person, took})
		}
		return nil
	}
	at := row.event(now)
	if !row.ends.IsZero() && row.ends.After(now) {
		rep.Scheduled++
		if dry {
			return nil
		}
		ends := row.ends
		if _, err := f.o.People.Update(ctx, who, person, people.Change{Ends: &ends}); err != nil {
			rep.Scheduled--
			return err
		}
		return nil
	}
	if at.After(now) {
		return strongroom.Faultf(strongroom.Invalid, "event-ahead", "the event lies ahead and the end does not")
	}
	if dry {
		rep.gone[person] = fate
	} else if fate, err = f.end(ctx, who, person, at); err != nil {
		return err
	}
	if fate == people.Suspends {
		rep.Suspended++
		return strongroom.Faultf(strongroom.Conflict, "owner-suspended", "an owner is suspended, not ended").
			Advise("have a person end the account")
	}
	rep.Ended++
	if took := now.Sub(at); took > Limit {
		rep.Late = append(rep.Late, LateLine{row.line, person, took})
	}
	return nil
}

// namedBy returns whose living account has the address of a line; nobody's if it has
// none. A line whose id is another's is refused: whom should it end?
func (f *Federation) namedBy(r *db.Reader, row feedRow) (owner string, err error) {
	if row.email == "" {
		return "", nil
	}
	owner, _, err = f.o.People.ExactEmailTx(r, row.email)
	if err == nil && owner != "" && row.person != "" && owner != row.person {
		err = errMismatch()
	}
	return owner, err
}

func errMismatch() error {
	return strongroom.Faultf(strongroom.Invalid, "mismatch", "the id and the address do not name the same account")
}

// fateOf says what a line of a dry run would come to, after those before it.
func (rep *Report) fateOf(r *db.Reader, p *people.People, who strongroom.Actor, person string) (people.Fate, error) {
	if fate, ok := rep.gone[person]; ok && fate == people.Ends {
		return people.IsOver, nil
	}
	return p.FateOf(r, who, person, func(id string) bool {
		_, ok := rep.gone[id]
		return ok
	})
}

// end ends an account and says what came of it: a key takes an owner out and ends
// nothing ([people.People.EndTx]).
func (f *Federation) end(ctx context.Context, who strongroom.Actor, person string, at time.Time) (fate people.Fate, err error) {
	if err := f.o.People.End(ctx, who, person, people.Cause{Kind: people.ByFeed, At: at}); err != nil {
		return fate, err
	}
	err = f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		_, err := f.o.People.DepartureOf(r, person)
		if strongroom.IsKind(err, strongroom.NotFound) {
			fate, err = people.Suspends, nil
		}
		return err
	})
	return fate, err
}
