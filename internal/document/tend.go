package document

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// tendStep is how many documents are looked at, and removed, at a time.
const tendStep = 500

// Tend removes what is left of documents whose record is no more, and links that are
// over. What it removes opens for nobody before. It returns how many documents went.
func (b *Book) Tend(ctx context.Context) (removed int64, err error) {
	for after := ""; ; {
		var dead []string
		var links int64
		last := ""
		err := b.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
			dead, last = nil, ""
			now := b.o.Clock.Now()
			rows, err := walkFiles(r, after, tendStep)
			if err != nil {
				return err
			}
			for _, f := range rows {
				lives, err := b.o.Vault.Stands(r, now, f.record)
				if err != nil {
					return err
				}
				if !lives {
					dead = append(dead, f.id)
				}
				last = f.id
			}
			if len(rows) < tendStep {
				last = ""
			}
			links, err = count(r.QueryRow(sqlLinksCount, db.Micros(now)))
			return err
		})
		if err != nil {
			return removed, err
		}
		if len(dead) > 0 || links > 0 && last == "" {
			if err := b.expire(ctx, dead); err != nil {
				return removed, err
			}
			removed += int64(len(dead))
		}
		if after = last; after == "" {
			return removed, nil
		}
	}
}

// expire removes documents and the links that are over.
func (b *Book) expire(ctx context.Context, dead []string) error {
	return b.o.Guard.Do(ctx, strongroom.System("documents"), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionExpire, instance(), guard.Context{}); err != nil {
			return err
		}
		tx.Note("records", int64(len(dead)))
		for _, id := range dead {
			if _, err := tx.Exec(sqlFileDrop, id); err != nil {
				return err
			}
		}
		_, err := tx.Exec(sqlLinksOver, db.Micros(tx.Now()))
		return err
	})
}
