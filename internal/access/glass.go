package access

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

// What the events of a broken glass say.
func glassAsked() audit.Term                { return audit.Word("asked") }
func glassAlone() audit.Term                { return audit.Word("alone") }
func founding() audit.Term                  { return audit.Word("founding") }
func contains(list []string, s string) bool { return slices.Contains(list, s) }

// Break opens the glass that who asked for, alone, once the delay is over. Before
// that, another person does with [Access.Approve], or stops it with
// [Access.Refuse].
func (a *Access) Break(ctx context.Context, who strongroom.Actor, id string) (Request, error) {
	return a.change(ctx, who, glassBreak, id, func(tx *guard.Tx, q *Request) error {
		if q.Spec.Kind != BreakGlass || q.Asker != who.ID {
			return strongroom.Faultf(strongroom.Denied, "four-eyes", "who asked to break the glass opens it, after the delay")
		}
		if opens := q.Asked.Add(a.o.GlassDelay); tx.Now().Before(opens) {
			return strongroom.Faultf(strongroom.Conflict, "glass-delay", "one person alone waits; another can approve at once").
				Advise("it opens %d minutes after it was asked for", int(a.o.GlassDelay.Minutes()))
		}
		tx.Note("stage", glassAlone())
		q.State, q.Alone = Approved, true
		return a.make(tx, q)
	})
}
