package vault

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Reveals that come at the same time ask for their rows together, before any of
// them is decided. What they find is sealed; a row that changed since then shows at
// the commit, where its key says another version or date.

// How many records sqlSealed, sqlSealed32 and sqlSealed64 name. A name too many costs
// as much as a tenth of a row.
const (
	sealedWidth     = 16
	sealedHalfWidth = 32
	sealedWideWidth = 64
)

const (
	// What a reveal needs of many records.
	sealedColumns = `id, store, kind, status, version, provider, platform, api, how, fetched_at, anchor, anchor_at, expires_at,
		leaf_count, leaf_next, classes, ident, body, leaves`
	sqlSealed   = `select ` + sealedColumns + ` from vault_record where id in (` + sealedIDs + `)`
	sqlSealed32 = `select ` + sealedColumns + ` from vault_record where id in (` + sealedIDs + sealedIDs32 + `)`
	sqlSealed64 = `select ` + sealedColumns + ` from vault_record where id in (` + sealedIDs + sealedIDs32 + sealedIDs64 + `)`
	sealedIDs   = `$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16`
	sealedIDs32 = `, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32`
	sealedIDs64 = `, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48,
		$49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64`
)

// run decides and confirms. The first time the record is asked for together with
// those of other callers.
func (r *reveal) run(ctx context.Context, who strongroom.Actor) error {
	if r.again {
		return r.v.guard.Read(ctx, who, r.decide)
	}
	return r.v.guard.ReadTogether(ctx, who, guard.Together{Key: revealKey{r.v}, Item: r, Load: loadTogether}, r.decide)
}

// revealKey names the reveals of one vault to the guard.
type revealKey struct{ v *Vault }

// loadTogether finds the rows of many reveals. One that is not there, or that was
// damaged, is for its own call to look at.
func loadTogether(r *db.Reader, items []any) (leave func(), err error) {
	wanted := make(map[recordID][]*reveal, len(items))
	ids := make([]recordID, 0, len(items))
	for _, item := range items {
		one := item.(*reveal)
		if wanted[one.id] == nil {
			ids = append(ids, one.id)
		}
		wanted[one.id] = append(wanted[one.id], one)
	}
	rows := make([]*row, 0, len(ids))
	err = loadSealed(r, ids, func(found *row) { rows = append(rows, found) })
	return func() {
		for _, found := range rows {
			for _, one := range wanted[found.id] {
				one.early = found
			}
		}
	}, err
}

// loadSealed calls found with what a reveal needs of those of the records that are
// there and sound. It ends at the first row that cannot be read.
func loadSealed(r *db.Reader, ids []recordID, found func(*row)) error {
	var room [sealedWideWidth]any
	for len(ids) > 0 {
		n := min(len(ids), sealedWideWidth)
		var rows *db.Rows
		var err error
		switch {
		case n <= sealedWidth:
			rows, err = r.Query(sqlSealed, sealedArgs(room[:sealedWidth], ids[:n])...)
		case n <= sealedHalfWidth:
			rows, err = r.Query(sqlSealed32, sealedArgs(room[:sealedHalfWidth], ids[:n])...)
		default:
			rows, err = r.Query(sqlSealed64, sealedArgs(room[:], ids[:n])...)
		}
		if err != nil {
			return err
		}
		for rows.Next() {
			one, err := scanSealed(rows.Scan)
			if one == nil {
				rows.Close()
				return err
			}
			if err == nil {
				found(one)
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// sealedArgs fills args with ids; a short chunk repeats its last.
func sealedArgs(args []any, ids []recordID) []any {
	for i := range args {
		args[i] = int64(ids[min(i, len(ids)-1)])
	}
	return args
}

// scanSealed is scanRow for sealedColumns.
func scanSealed(scan func(...any) error) (*row, error) {
	var r row
	var n [15]int64
	var ident []byte
	err := scan(&n[0], &r.store, &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11], &n[12], &n[13], &n[14], &ident, &r.body, &r.leaves)
	if err != nil {
		return nil, err
	}
	r.fill(numbers{id: n[0], kind: n[1], status: n[2], version: n[3], provider: n[4], platform: n[5], api: n[6], how: n[7],
		fetched: n[8], anchor: n[9], anchorAt: n[10], expires: n[11], leafCount: n[12], leafNext: n[13], classes: n[14]})
	if r.broken = r.broken || len(ident) != len(r.ident); r.broken {
		return &r, badRow("numbers")
	}
	r.ident = hash(ident)
	return &r, nil
}
