package review

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/guard"
)

// The faults of a review name entries by their numbers, so that a person finds them.

func undecided(e *Entry) bool { return e.Verdict == "" }

// maxNumbers is how many entries a fault names.
const maxNumbers = 20

// numbers lists the numbers of the entries that wanted holds for.
func numbers(entries []Entry, wanted func(*Entry) bool) string {
	var out []string
	for i := range entries {
		if !wanted(&entries[i]) {
			continue
		}
		if len(out) == maxNumbers {
			out = append(out, "…")
			break
		}
		out = append(out, strconv.Itoa(entries[i].Number))
	}
	return strings.Join(out, ", ")
}

func count(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}

func have(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

// ownEntries refuses to decide about entries that concern who decides.
func ownEntries(list ...int) error {
	which := make([]string, len(list))
	for i, n := range list {
		which[i] = strconv.Itoa(n)
	}
	what := "entry " + which[0]
	if len(list) > 1 {
		what = fmt.Sprintf("%s (%s)", count(len(list)), strings.Join(which, ", "))
	}
	return strongroom.Faultf(strongroom.Denied, "own", "nobody reviews their own access: %s of the call", what).
		Advise("leave it to another person; who may: strongroom review holders review.decide")
}

func isOwn(err error) bool {
	f, ok := errors.AsType[*strongroom.Fault](err)
	return ok && f.Kind == strongroom.Denied && f.Code == "own"
}

// ownAmong is the fault of decisions of which the first concerns the own access. It
// names all that do.
func (v *Review) ownAmong(tx *guard.Tx, who strongroom.Actor, campaign string, list []Decision) error {
	own := []int{list[0].Entry}
	for _, d := range list[1:] {
		r, err := scanEntry(tx.QueryRow(sqlLoadEntry, campaign, d.Entry))
		if there, err := found(err); err != nil {
			return err
		} else if !there {
			continue
		}
		e, err := v.openEntry(r)
		if err != nil {
			return err
		}
		if mine, err := v.own(&tx.Reader, who.ID, &e.Item); err != nil {
			return err
		} else if mine {
			own = append(own, d.Entry)
		}
	}
	return ownEntries(own...)
}
