package review

import (
	"context"
	"errors"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

// Execution says what [Review.Execute] came to.
type Execution struct {
	Executed int // removals and changes made by this call
	Verified int // of all, those that were read back as gone, in this call or before
	Failed   int // those that were refused; the entries have the codes
	Waiting  int // those that are still there: of ways outside, until they are ended there
	Left     int // those that this call has not come to: call again
}

// Execute takes away what the campaign decided, entry by entry, and then reads in
// another transaction whether it is gone. One that fails keeps none of the others;
// calling it again goes on with what is left. One call comes to [MaxExecute] of them. It
// gives nothing to anybody. who must be allowed to end the accounts and rights too. For
// a way outside the product nothing can be done from here: it waits until
// [Review.Import] or [Review.EndWay] says that it has ended.
func (v *Review) Execute(ctx context.Context, who strongroom.Actor, id string) (x Execution, err error) {
	if !strongroom.IsID("cmp", id) {
		return x, v.refuse(ctx, who, reviewClose, campaignResource("", "", false), noCampaign())
	}
	todo, err := v.readBack(ctx, who, id, &x)
	if err != nil {
		return x, err
	}
	// What was tried before comes last, so that it holds up nothing else.
	slices.SortStableFunc(todo, func(a, b Entry) int { return a.tried() - b.tried() })
	x.Left = max(0, len(todo)-MaxExecute)
	todo = todo[:len(todo)-x.Left]
	for i := range todo {
		e := &todo[i]
		failure := ""
		if e.Item.Sort != Outside {
			if err := v.apply(ctx, who, e); err != nil {
				if strongroom.IsKind(err, strongroom.Unavailable) || ctx.Err() != nil {
					return x, err
				}
				failure = codeOf(err)
			}
		}
		if err := v.noteExecuted(ctx, who, id, e, failure); err != nil {
			return x, err
		}
		if failure != "" {
			x.Failed++
		} else {
			x.Executed++
		}
	}
	if _, err := v.readBack(ctx, who, id, &x); err != nil {
		return x, err
	}
	return x, nil
}

// tried is 1 for an entry that was executed or failed before.
func (e *Entry) tried() int {
	if e.Failure != "" || !e.Executed.IsZero() {
		return 1
	}
	return 0
}

// apply does what was decided about one entry.
func (v *Review) apply(ctx context.Context, who strongroom.Actor, e *Entry) error {
	if e.Verdict == Remove {
		return v.o.Registers.Remove(ctx, who, e.Item)
	}
	return v.o.Registers.Narrow(ctx, who, e.Item, e.Wanted)
}

// readBack compares what is there with the verdicts, notes what is gone, and returns
// what is still to be done. A change that was made is not made again.
func (v *Review) readBack(ctx context.Context, who strongroom.Actor, id string, x *Execution) (todo []Entry, err error) {
	shown, err := v.decided(ctx, id)
	if err != nil {
		return nil, err
	}
	err = v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(reviewClose, campaignResource(id, "", false), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", audit.Word("read-back"))
		if err := whole(who); err != nil {
			return err
		}
		todo, x.Verified, x.Waiting = nil, 0, 0
		c, entries, err := v.load(&tx.Reader, id)
		if err != nil {
			return err
		}
		if !c.Closed.IsZero() {
			return closed()
		}
		if err := asDecided(entries, shown); err != nil {
			return err
		}
		items, err := v.population(&tx.Reader, c.Kind, tx.Now())
		if err != nil {
			return err
		}
		live := byID(items)
		for i := range entries {
			e := &entries[i]
			if !e.due() {
				continue
			}
			if err := v.verify(tx, id, e, live, x); err != nil {
				return err
			}
			if e.Verified.IsZero() && (e.Executed.IsZero() || e.Verdict == Remove && e.Item.Sort != Outside) {
				todo = append(todo, *e)
			}
		}
		tx.Note("cleared", x.Verified)
		tx.Note("open", x.Waiting)
		return nil
	})
	return todo, err
}

// verify notes whether an entry is gone. One that came back counts no more.
func (v *Review) verify(tx *guard.Tx, id string, e *Entry, live map[string]Item, x *Execution) error {
	was := e.Verified
	switch {
	case !e.gone(live):
		e.Verified = time.Time{}
		x.Waiting++
	default:
		x.Verified++
		if e.Verified.IsZero() {
			e.Verified, e.Failure = tx.Now(), ""
		}
		if e.Executed.IsZero() {
			e.Executed = tx.Now()
		}
	}
	if e.Verified.Equal(was) {
		return nil
	}
	return v.saveEntry(tx, id, e)
}

// noteExecuted keeps what became of one entry. Where somebody decided anew
// meanwhile, the next call goes by that.
func (v *Review) noteExecuted(ctx context.Context, who strongroom.Actor, id string, did *Entry, failure string) error {
	return v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(reviewClose, campaignResource(id, "", false), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", stageTerm(failure))
		tx.Note("mode", verdictTerm(did.Verdict))
		tx.Note("number", did.Number)
		if isAccount(did.Item.Account) {
			tx.Note("account", did.Item.Account)
		}
		r, err := scanEntry(tx.QueryRow(sqlLoadEntry, id, did.Number))
		if err != nil {
			return err
		}
		e, err := v.openEntry(r)
		if err != nil {
			return err
		}
		if !e.Decided.Equal(did.Decided) {
			return nil
		}
		e.Failure = failure
		if failure == "" {
			e.Executed = tx.Now()
		}
		return v.saveEntry(tx, id, &e)
	})
}

// codeOf returns the code of a fault, "internal" for what is none.
func codeOf(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && f.Code != "" {
		return f.Code
	}
	return "internal"
}
