package vault

import (
	"slices"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// How many records one statement takes: a statement of its own for each would be
// most of what clearing costs, and a question of its own a round trip.
const (
	clearWidth  = 64
	remainWidth = 256
	pastWidth   = 64 // two arguments each
	buryWidth   = 16 // four arguments each
)

const (
	inClearWidth = ` in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
		$17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32,
		$33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48,
		$49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64)`

	inRemainWidth = ` in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
		$17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32,
		$33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48,
		$49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64,
		$65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80,
		$81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96,
		$97, $98, $99, $100, $101, $102, $103, $104, $105, $106, $107, $108, $109, $110, $111, $112,
		$113, $114, $115, $116, $117, $118, $119, $120, $121, $122, $123, $124, $125, $126, $127, $128,
		$129, $130, $131, $132, $133, $134, $135, $136, $137, $138, $139, $140, $141, $142, $143, $144,
		$145, $146, $147, $148, $149, $150, $151, $152, $153, $154, $155, $156, $157, $158, $159, $160,
		$161, $162, $163, $164, $165, $166, $167, $168, $169, $170, $171, $172, $173, $174, $175, $176,
		$177, $178, $179, $180, $181, $182, $183, $184, $185, $186, $187, $188, $189, $190, $191, $192,
		$193, $194, $195, $196, $197, $198, $199, $200, $201, $202, $203, $204, $205, $206, $207, $208,
		$209, $210, $211, $212, $213, $214, $215, $216, $217, $218, $219, $220, $221, $222, $223, $224,
		$225, $226, $227, $228, $229, $230, $231, $232, $233, $234, $235, $236, $237, $238, $239, $240,
		$241, $242, $243, $244, $245, $246, $247, $248, $249, $250, $251, $252, $253, $254, $255, $256)`

	sqlRemains          = `select id, status, expires_at, anchor_at, facts, entries from vault_record where entries is not null and id` + inRemainWidth
	sqlReferencesRemove = `delete from vault_reference where record` + inRemainWidth
	sqlUnindex          = `delete from vault_index where record` + inRemainWidth

	// Nothing that these change stands in an index, but for the date of the erased.
	// The first line of each list gives the arguments their types.
	sqlBuryExpired = `update vault_record set status = 3, anchor_at = $129, facts = s.facts, leaf_count = 0, classes = 0,
		entries = null, body = null, leaves = null
		from (select id, facts from vault_record where 1 = 0
			union all select $1, $2 union all select $3, $4 union all select $5, $6 union all select $7, $8
			union all select $9, $10 union all select $11, $12 union all select $13, $14 union all select $15, $16
			union all select $17, $18 union all select $19, $20 union all select $21, $22 union all select $23, $24
			union all select $25, $26 union all select $27, $28 union all select $29, $30 union all select $31, $32
			union all select $33, $34 union all select $35, $36 union all select $37, $38 union all select $39, $40
			union all select $41, $42 union all select $43, $44 union all select $45, $46 union all select $47, $48
			union all select $49, $50 union all select $51, $52 union all select $53, $54 union all select $55, $56
			union all select $57, $58 union all select $59, $60 union all select $61, $62 union all select $63, $64
			union all select $65, $66 union all select $67, $68 union all select $69, $70 union all select $71, $72
			union all select $73, $74 union all select $75, $76 union all select $77, $78 union all select $79, $80
			union all select $81, $82 union all select $83, $84 union all select $85, $86 union all select $87, $88
			union all select $89, $90 union all select $91, $92 union all select $93, $94 union all select $95, $96
			union all select $97, $98 union all select $99, $100 union all select $101, $102 union all select $103, $104
			union all select $105, $106 union all select $107, $108 union all select $109, $110 union all select $111, $112
			union all select $113, $114 union all select $115, $116 union all select $117, $118 union all select $119, $120
			union all select $121, $122 union all select $123, $124 union all select $125, $126 union all select $127, $128) s
		where vault_record.id = s.id`
	sqlBuryErased = `update vault_record set status = 2, expires_at = s.expires_at, anchor_at = s.anchor_at, facts = s.facts,
		leaf_count = 0, classes = 0, entries = null, body = null, leaves = null
		from (select id, expires_at, anchor_at, facts from vault_record where 1 = 0
			union all select $1, $2, $3, $4 union all select $5, $6, $7, $8
			union all select $9, $10, $11, $12 union all select $13, $14, $15, $16
			union all select $17, $18, $19, $20 union all select $21, $22, $23, $24
			union all select $25, $26, $27, $28 union all select $29, $30, $31, $32
			union all select $33, $34, $35, $36 union all select $37, $38, $39, $40
			union all select $41, $42, $43, $44 union all select $45, $46, $47, $48
			union all select $49, $50, $51, $52 union all select $53, $54, $55, $56
			union all select $57, $58, $59, $60 union all select $61, $62, $63, $64) s
		where vault_record.id = s.id`
)

// remains is what a dead record left behind.
type remains struct {
	id      recordID
	status  status
	date    time.Time // when it would have died or died
	until   time.Time // how long its tombstone stands
	facts   []byte
	entries []byte
}

// clear buries the first of the dead in the queue and takes them off it.
func (v *Vault) clear(tx *guard.Tx, q keys.Queue) (int, error) {
	n, err := v.bury(tx, q.Dead)
	if err != nil {
		return 0, err
	}
	return n, v.keys.ForgetTx(tx, q)
}

// bury empties the rows of dead records and removes what hangs on them. It returns
// how many there were: a row that was cleared before does not count.
func (v *Vault) bury(tx *guard.Tx, dead []keys.Dead) (int, error) {
	if len(dead) == 0 {
		return 0, nil
	}
	ids := make([]uint64, len(dead))
	why := make(map[recordID]keys.Reason, len(dead))
	for i, d := range dead {
		ids[i] = d.Record
		why[recordID(d.Record)] = max(why[recordID(d.Record)], d.Reason) // twice on the queue: the graver reason
	}
	slices.Sort(ids)
	rows, err := loadRemains(&tx.Reader, slices.Compact(ids))
	if err != nil {
		return 0, err
	}
	for i := range rows {
		rows[i].bury(why[rows[i].id], tx.Now(), v.profile.Tombstone)
	}
	if err := buryRows(tx, rows, tx.Now().Add(v.profile.Tombstone)); err != nil {
		return 0, err
	}
	n, arg := inChunks(rows)
	if _, err := tx.Batch(sqlReferencesRemove, n, arg); err != nil {
		return 0, err
	}
	if err := unindex(tx, rows); err != nil {
		return 0, err
	}
	return len(rows), nil
}

// bury makes of what a record left what its tombstone says.
func (r *remains) bury(why keys.Reason, now time.Time, stands time.Duration) {
	if r.status == live {
		r.status, r.until = expired, now.Add(stands)
		if why != keys.Expired {
			r.status = erased // a ledger replayed after a restore knows no more than that
		}
	}
	if r.status == erased && r.date.After(now) {
		r.date = now // so that the tombstone is found when it has run out
	}
	f, err := parseFacts(r.facts)
	if err != nil {
		f = facts{Updated: now} // nothing older will count as new
	}
	stone := f.headstone()
	r.facts = stone.appendTo(nil)
}

// buryRows empties the rows and leaves them as tombstones.
func buryRows(tx *guard.Tx, rows []remains, until time.Time) error {
	var past, gone []*remains
	for i := range rows {
		if r := &rows[i]; r.status == expired {
			past = append(past, r)
		} else {
			gone = append(gone, r)
		}
	}
	args := make([]any, 0, 2*pastWidth+1)
	each := func(list []*remains, width int, add func(*remains)) (int, func(int) []any) {
		return (len(list) + width - 1) / width, func(i int) []any {
			args = args[:0]
			for j := range width {
				add(list[min(i*width+j, len(list)-1)]) // the last one fills up
			}
			return args
		}
	}
	n, arg := each(past, pastWidth, func(r *remains) { args = append(args, uint64(r.id), r.facts) })
	if _, err := tx.Batch(sqlBuryExpired, n, func(i int) []any { return append(arg(i), db.Micros(until)) }); err != nil {
		return err
	}
	n, arg = each(gone, buryWidth, func(r *remains) {
		args = append(args, uint64(r.id), db.Micros(r.date), db.Micros(r.until), r.facts)
	})
	_, err := tx.Batch(sqlBuryErased, n, arg)
	return err
}

// unindex takes the records out of the blind index. Each engine has one way that
// is many times quicker than the other; see the schema.
func unindex(tx *guard.Tx, rows []remains) error {
	if tx.Engine() == db.Postgres {
		n, arg := inChunks(rows)
		_, err := tx.Batch(sqlUnindex, n, arg)
		return err
	}
	var entries []indexEntry
	for i := range rows {
		for _, h := range entriesOf(rows[i].entries) {
			entries = append(entries, indexEntry{h, rows[i].id})
		}
	}
	return eachEntries(tx, entries, removeEntries)
}

// inChunks returns how many statements take all rows, remainWidth records each,
// and their arguments.
func inChunks(rows []remains) (n int, arg func(i int) []any) {
	args := make([]any, remainWidth)
	return (len(rows) + remainWidth - 1) / remainWidth, func(i int) []any {
		for j := range args {
			args[j] = uint64(rows[min(i*remainWidth+j, len(rows)-1)].id) // the last one fills up
		}
		return args
	}
}

// loadRemains reads what dead records left, each once. Rows that were cleared
// before are not among them.
func loadRemains(r *db.Reader, ids []uint64) ([]remains, error) {
	out := make([]remains, 0, len(ids))
	var args [remainWidth]any
	for len(ids) > 0 {
		n := min(remainWidth, len(ids))
		for i := range args {
			args[i] = ids[min(i, n-1)]
		}
		rows, err := r.Query(sqlRemains, args[:]...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var one remains
			var date, until int64
			if err := rows.Scan(&one.id, &one.status, &date, &until, &one.facts, &one.entries); err != nil {
				rows.Close()
				return nil, err
			}
			one.date, one.until = db.Time(date), db.Time(until)
			out = append(out, one)
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return out, nil
}
