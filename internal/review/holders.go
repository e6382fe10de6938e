package review

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/guard"
)

// opens is the action that an elevation is for.
const opens = "record.reveal"

// Holders names who can do an action now: the rights and services whose roles permit
// it, elevations where it is to open a record, and every way outside, which knows no
// actions (DPP 2.4.9). Suspended accounts hold nothing. Each of them is an entry of
// the next campaign. Unavailable where the roles are not known.
func (v *Review) Holders(ctx context.Context, who strongroom.Actor, action string) (out []Item, err error) {
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, campaignResource("", "holders", false), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		if v.o.Verbs == nil {
			return strongroom.Faultf(strongroom.Unavailable, "verbs", "what the roles permit is not known")
		}
		out = nil
		for _, k := range Kinds() {
			items, err := v.population(&w.Reader, k, w.Now())
			if err != nil {
				return err
			}
			out = append(out, v.holders(items, action)...)
		}
		w.Note("count", len(out))
		return nil
	})
	return out, err
}

func (v *Review) holders(items []Item, action string) (out []Item) {
	away := map[string]bool{}
	for _, i := range items {
		if i.Sort == Account && i.Suspended {
			away[i.ID] = true
		}
	}
	for _, i := range items {
		permits := slices.ContainsFunc(i.Roles, func(r string) bool { return slices.Contains(v.o.Verbs(r), action) })
		if i.Sort == Outside || !away[i.Account] && (permits || i.Elevated && action == opens) {
			out = append(out, i)
		}
	}
	return out
}
