package vault

import (
	"bytes"
	"slices"
)

// indexEntry is one row of the blind index.
type indexEntry struct {
	hash   hash
	record recordID
}

// entriesChange removes the index entries that are no longer and adds the new.
// Links go at once, because the objects that follow in this call look for them;
// the others wait and are added in the order of the index.
func (p *placing) entriesChange(id recordID, before, links, entries []hash) error {
	for _, h := range before {
		if !slices.Contains(links, h) && !slices.Contains(entries, h) {
			if err := p.tx.Queue(sqlEntryRemove, bytes.Clone(h[:]), uint64(id)); err != nil {
				return err
			}
		}
	}
	for _, h := range links {
		if !slices.Contains(before, h) {
			if err := p.tx.Queue(sqlEntryAdd, bytes.Clone(h[:]), uint64(id)); err != nil {
				return err
			}
		}
	}
	for _, h := range entries {
		if !slices.Contains(before, h) {
			p.entries = append(p.entries, indexEntry{h, id})
		}
	}
	return nil
}

// writeEntries adds the entries that waited. In order, neighbours share the
// pages they touch.
func (p *placing) writeEntries() error {
	slices.SortFunc(p.entries, func(a, b indexEntry) int { return compareHash(a.hash, b.hash) })
	if len(p.entries) <= 16 { // a record or two: not worth a round trip of their own
		for i := range p.entries {
			if err := p.tx.Queue(sqlEntryAdd, p.entries[i].hash[:], uint64(p.entries[i].record)); err != nil {
				return err
			}
		}
		return nil
	}
	args := make([]any, 2*len(p.entries))
	for i := range p.entries {
		args[2*i], args[2*i+1] = p.entries[i].hash[:], int64(p.entries[i].record)
	}
	_, err := p.tx.Batch(sqlEntryAdd, len(p.entries), func(i int) []any { return args[2*i : 2*i+2] })
	return err
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
