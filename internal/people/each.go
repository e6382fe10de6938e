package people

import (
	"strongroom/internal/db"
)

// Each calls fn for every account that has not ended, in order of their ids, from the
// state that r sees. One that does not open comes as damaged. It decides nothing: it
// is for reviews and counts of a package that has.
func (p *People) Each(r *db.Reader, fn func(Person) error) error {
	const page = 500
	for after := ""; ; {
		rows, err := listPersons(r, after, page, "")
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.id
			x, _, err := p.open(row)
			if isDamaged(err) {
				x, err = Person{ID: row.id, Damaged: true, State: State(row.state)}, nil
			}
			if err != nil {
				return err
			}
			if x.State == Ended {
				continue
			}
			if err := fn(x); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}
