package review

import (
	"context"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// CheckListed refuses a list that cannot be an import: too long, an account named
// twice or with control characters, bound to what is no id. The fault names the line.
func CheckListed(list []Listed) error { return checkListed(list, 1) }

// checkListed is [CheckListed] for a text whose list begins in a line.
func checkListed(list []Listed, first int) error {
	if len(list) > MaxImport {
		return strongroom.Faultf(strongroom.TooLarge, "import", "an import has at most %d lines", MaxImport)
	}
	seen := map[string]bool{}
	for i, l := range list {
		control := func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }
		switch {
		case l.Account == "" || len(l.Account) > 200 || strings.ContainsFunc(l.Account, control),
			len(l.Privilege) > 64 || strings.ContainsFunc(l.Privilege, control):
			return strongroom.Faultf(strongroom.Invalid, "import", "line %d names no account", i+first)
		case l.Bound != "" && !isAccount(l.Bound):
			return strongroom.Faultf(strongroom.Invalid, "import", "line %d is bound to no id of a person or service", i+first)
		case seen[l.Account]:
			return strongroom.Faultf(strongroom.Invalid, "import", "line %d names an account again", i+first)
		}
		seen[l.Account] = true
	}
	return nil
}

// Imported says what an import came to.
type Imported struct {
	Added, Kept, Ended, Unbound int
	// Sweeping says that it ends all ways of the system, or more than half of them and
	// at least [ManyEnd]: the list may be a part of it, or empty by mistake.
	Sweeping bool
}

// Import takes the whole list of who can reach a system. Accounts that are not
// listed any more have ended; where that is sweeping it wants confirm. An account keeps
// the person or service it is bound to unless the list names another. Faults: Invalid,
// TooLarge, NotFound for one bound to nobody there, Conflict, code "confirm".
func (v *Review) Import(ctx context.Context, who strongroom.Actor, s System, list []Listed, confirm bool) (n Imported, err error) {
	if err = checkSystem(s); err == nil {
		err = CheckListed(list)
	}
	if err != nil {
		return n, v.refuse(ctx, who, registerEdit, register(), err)
	}
	err = v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := v.allowEdit(tx, who, audit.Word("import")); err != nil {
			return err
		}
		var ways []Way
		if ways, n, err = v.merge(&tx.Reader, s, list, tx.Now()); err != nil {
			return err
		}
		if n.Sweeping && !confirm {
			return strongroom.Faultf(strongroom.Conflict, "confirm", "the list would end %d ways of the system, and leave few or none", n.Ended).
				Advise("make sure that it is the whole list; then import it again with --confirm (confirm: true)")
		}
		if err := v.saveWays(tx, ways); err != nil {
			return err
		}
		tx.Note("count", len(list))
		tx.Note("cleared", n.Ended)
		tx.Note("open", n.Unbound)
		return nil
	})
	return n, err
}

// Preview says what [Review.Import] of the same list would come to, and changes
// nothing. Faults: as of Import.
func (v *Review) Preview(ctx context.Context, who strongroom.Actor, s System, list []Listed) (n Imported, err error) {
	if err = checkSystem(s); err == nil {
		err = CheckListed(list)
	}
	if err != nil {
		return n, v.refuse(ctx, who, registerEdit, register(), err)
	}
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(registerEdit, register(), guard.Context{}); err != nil {
			return err
		}
		w.Note("stage", audit.Word("dry-run"))
		if err := whole(who); err != nil {
			return err
		}
		_, n, err = v.merge(&w.Reader, s, list, w.Now())
		return err
	})
	return n, err
}

func (n *Imported) count(known, unbound bool) {
	if known {
		n.Kept++
	} else {
		n.Added++
	}
	if unbound {
		n.Unbound++
	}
}

// merge returns the ways that an import leads to, and what it comes to. One that had
// ended and is listed again is there again.
func (v *Review) merge(r *db.Reader, s System, list []Listed, now time.Time) (out []Way, n Imported, err error) {
	rows, err := r.Query(sqlWaysIn, v.systemMark(s))
	there, err := v.openWays(db.Collect(rows, err, scanWay))
	if err != nil {
		return nil, n, err
	}
	known, live := make(map[string]*Way, len(there)), 0
	for i := range there {
		known[there[i].Account] = &there[i]
		if there[i].Ended.IsZero() {
			live++
		}
	}
	alive := map[string]bool{"": true}
	for _, l := range list {
		if !alive[l.Bound] {
			if err := v.o.Registers.Exists(r, l.Bound); err != nil {
				return nil, n, err
			}
			alive[l.Bound] = true
		}
		w := Way{ID: strongroom.NewID("ext"), System: s, Listed: l, First: now}
		if was := known[l.Account]; was != nil {
			w = *was
			w.Privilege = l.Privilege
			if l.Bound != "" {
				w.Bound = l.Bound
			}
		}
		n.count(known[l.Account] != nil, w.Bound == "")
		w.Seen, w.Ended, w.Stated = now, time.Time{}, false
		out = append(out, w)
		delete(known, l.Account)
	}
	for i := range there {
		if w := there[i]; known[w.Account] != nil && w.Ended.IsZero() {
			w.Ended, w.Stated = now, false
			n.Ended++
			out = append(out, w)
		}
	}
	n.Sweeping = n.Ended > 0 && (n.Ended == live || n.Ended >= ManyEnd && 2*n.Ended > live)
	return out, n, nil
}

// saveWays writes ways in one batch.
func (v *Review) saveWays(tx *guard.Tx, ways []Way) error {
	rows := make([]wayRow, len(ways))
	for i := range ways {
		var err error
		if rows[i], err = v.sealWay(&ways[i]); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.Batch(sqlPutWay, len(rows), func(i int) []any { return rows[i].args() })
	return err
}
