package people

import (
	"context"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Gaps counts active accounts that the gates hold back.
type Gaps struct {
	Active    int64
	Untrained int64 // without both trainings (DPP 2.1.6)
	Unpledged int64 // without both pledges (DPP 3.2.13, 2.2.7)
}

// Gaps looks at every active account and counts. It names nobody and is for the
// doctor; its work grows with the number of accounts.
func (p *People) Gaps(ctx context.Context) (g Gaps, err error) {
	for cursor, more := "", true; more; {
		err := p.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
			rows, err := listPersons(r, cursor, step, Active)
			if err != nil {
				return err
			}
			for _, row := range rows {
				s, err := p.Standing(r, row.id, r.Now())
				if err != nil {
					return err
				}
				g.Active++
				if !s.Trained {
					g.Untrained++
				}
				if !s.Pledged {
					g.Unpledged++
				}
				cursor = row.id
			}
			more = len(rows) == step
			return nil
		})
		if err != nil {
			return Gaps{}, err
		}
	}
	return g, nil
}
