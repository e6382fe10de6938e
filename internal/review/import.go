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
type Imported struct{ Added, Kept, Ended, Unbound int }

// Import takes the whole list of who can reach a system. Accounts that are not
// listed any more have ended. An account keeps the person or service it is bound to
// unless the list names another. Faults: Invalid, TooLarge, NotFound for one bound
// to nobody there.
func (v *Review) Import(ctx context.Context, who strongroom.Actor, s System, list []Listed) (n Imported, err error) {
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
		n = Imported{}
		rows, err := tx.Query(sqlWaysIn, v.systemMark(s))
		there, err := v.openWays(db.Collect(rows, err, scanWay))
		if err != nil {
			return err
		}
		listed := map[string]bool{}
		for _, l := range list {
			listed[l.Account] = true
			if err := v.merge(tx, s, l, &n); err != nil {
				return err
			}
		}
		for i := range there {
			if w := &there[i]; !listed[w.Account] {
				w.Ended, w.Stated = tx.Now(), false
				n.Ended++
				if err := v.saveWay(tx, w); err != nil {
					return err
				}
			}
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
		n, err = v.preview(&w.Reader, s, list)
		return err
	})
	return n, err
}

func (v *Review) preview(r *db.Reader, s System, list []Listed) (n Imported, err error) {
	listed := map[string]bool{}
	for _, l := range list {
		listed[l.Account] = true
		w, known, err := v.known(r, s, l)
		if err != nil {
			return n, err
		}
		n.count(known, w.Bound == "")
	}
	rows, err := r.Query(sqlWaysIn, v.systemMark(s))
	there, err := v.openWays(db.Collect(rows, err, scanWay))
	for _, w := range there {
		if !listed[w.Account] {
			n.Ended++
		}
	}
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

// merge writes one line of an import. One that had ended and is listed again is
// there again.
func (v *Review) merge(tx *guard.Tx, s System, l Listed, n *Imported) error {
	w, known, err := v.known(&tx.Reader, s, l)
	if err != nil {
		return err
	}
	if !known {
		w.ID, w.First = strongroom.NewID("ext"), tx.Now()
	}
	n.count(known, w.Bound == "")
	w.Seen, w.Ended, w.Stated = tx.Now(), time.Time{}, false
	return v.saveWay(tx, &w)
}

// known returns the way of a line with what the line says of it, and whether the
// register had it before.
func (v *Review) known(r *db.Reader, s System, l Listed) (w Way, known bool, err error) {
	if l.Bound != "" {
		if err := v.o.Registers.Exists(r, l.Bound); err != nil {
			return w, false, err
		}
	}
	row, err := scanWay(r.QueryRow(sqlWayByMark, v.wayMark(s, l.Account)))
	if known, err = found(err); err != nil || !known {
		return Way{System: s, Listed: l}, false, err
	}
	if w, err = v.openWay(row); err != nil {
		return w, true, err
	}
	w.Privilege = l.Privilege
	if l.Bound != "" {
		w.Bound = l.Bound
	}
	return w, true, nil
}
