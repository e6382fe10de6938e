package vault

import (
	"bytes"
	"cmp"
	"slices"

	"strongroom/internal/guard"
)

// indexEntry is one row of the blind index.
type indexEntry struct {
	hash   hash
	record recordID
}

// entriesNew has the entries of a new record written with it.
func (p *placing) entriesNew(id recordID, links, entries []hash) {
	for _, hs := range [...][]hash{links, entries} {
		for _, h := range hs {
			p.in.index = append(p.in.index, indexEntry{h, id})
		}
	}
}

// entriesChange removes the index entries that are no longer and adds the new
// ones. What before leaves out may be there all the same, if somebody changed the
// row.
func (p *placing) entriesChange(id recordID, before, links, entries []hash) error {
	for _, h := range before {
		if !slices.Contains(links, h) && !slices.Contains(entries, h) {
			if err := p.tx.Queue(sqlEntryRemove, bytes.Clone(h[:]), uint64(id)); err != nil {
				return err
			}
		}
	}
	for _, hs := range [...][]hash{links, entries} {
		for _, h := range hs {
			if !slices.Contains(before, h) {
				if err := p.tx.Queue(sqlEntryAdd, bytes.Clone(h[:]), uint64(id)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// entryWidth is how many entries one statement takes. A statement of its own for
// each would be most of what an order costs.
const entryWidth = 8

const (
	sqlEntryAdd = `insert into vault_index (hash, record) values ($1, $2) on conflict do nothing`
	// To look out for a conflict costs PostgreSQL as much as the row itself; the
	// entries of a new record cannot meet one.
	sqlEntryNew      = `insert into vault_index (hash, record) values ($1, $2)`
	sqlEntriesNew    = sqlEntryNew + `, ($3, $4), ($5, $6), ($7, $8), ($9, $10), ($11, $12), ($13, $14), ($15, $16)`
	sqlEntriesRemove = `delete from vault_index where (hash = $1 and record = $2) or (hash = $3 and record = $4)
		or (hash = $5 and record = $6) or (hash = $7 and record = $8) or (hash = $9 and record = $10)
		or (hash = $11 and record = $12) or (hash = $13 and record = $14) or (hash = $15 and record = $16)`
)

// addNew adds the entries of new records in the order of the index. It sorts
// entries in place.
func addNew(tx *guard.Tx, entries []indexEntry) error {
	slices.SortFunc(entries, func(a, b indexEntry) int {
		return cmp.Or(compareHash(a.hash, b.hash), cmp.Compare(a.record, b.record))
	})
	entries = slices.Compact(entries)
	args := make([]any, 0, 2*len(entries))
	for i := range entries {
		args = append(args, entries[i].hash[:], int64(entries[i].record))
	}
	for ; len(args) >= 2*entryWidth; args = args[2*entryWidth:] {
		if err := tx.Queue(sqlEntriesNew, args[:2*entryWidth]...); err != nil {
			return err
		}
	}
	for ; len(args) > 0; args = args[2:] {
		if err := tx.Queue(sqlEntryNew, args[:2]...); err != nil {
			return err
		}
	}
	return nil
}

func removeEntries(tx *guard.Tx, n int, arg func(int) []any) error {
	_, err := tx.Batch(sqlEntriesRemove, n, arg)
	return err
}

// eachEntries hands entries to do, entryWidth to a statement, in the order of
// the index: neighbours share the pages they touch. The last statement repeats
// its last entry, which changes nothing. It sorts entries in place.
func eachEntries(tx *guard.Tx, entries []indexEntry, do func(tx *guard.Tx, n int, arg func(int) []any) error) error {
	if len(entries) == 0 {
		return nil
	}
	slices.SortFunc(entries, func(a, b indexEntry) int { return compareHash(a.hash, b.hash) })
	n := (len(entries) + entryWidth - 1) / entryWidth
	args := make([]any, 0, 2*entryWidth*n)
	for i := range entryWidth * n {
		e := &entries[min(i, len(entries)-1)]
		args = append(args, e.hash[:], int64(e.record))
	}
	return do(tx, n, func(i int) []any { return args[2*entryWidth*i : 2*entryWidth*(i+1)] })
}

// entriesBlob keeps a record's index entries with it, links first, so that they
// can be removed when nothing else of it can be read any more.
func entriesBlob(links, entries []hash) []byte {
	out := make([]byte, 0, 1+16*(len(links)+len(entries)))
	out = append(out, byte(len(links)))
	for _, h := range links {
		out = append(out, h[:]...)
	}
	for _, h := range entries {
		out = append(out, h[:]...)
	}
	return out
}

func entriesOf(blob []byte) []hash {
	if len(blob) == 0 {
		return nil
	}
	var out []hash
	for b := blob[1:]; len(b) >= 16; b = b[16:] {
		out = append(out, hash(b))
	}
	return out
}

func linksOf(blob []byte) []hash {
	if len(blob) == 0 {
		return nil
	}
	all := entriesOf(blob)
	return all[:min(int(blob[0]), len(all))]
}
