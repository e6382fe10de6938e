package vault

import (
	"slices"
	"strings"
	"time"

	"strongroom/internal/classify"
	"strongroom/internal/fieldmap"
	"strongroom/internal/seal"
)

// entryKind separates the blind index: each has a key of its own per store and
// month. The numbers go into key names: append only.
type entryKind uint8

const (
	entryEmail     entryKind = 1 // plus-tag dropped, so that either spelling finds
	entryPhone     entryKind = 2 // E.164, or ~ and the last digits where no country is known
	entryPhoneTail entryKind = 3 // the last digits, for a question without a country
	entryName      entryKind = 4
	entryPostal    entryKind = 5
	entryNational  entryKind = 6
)

// term is one thing a record can be found by: a kind and a normal form.
type term struct {
	kind entryKind
	text string
}

// terms returns the normal forms of an object's identifiers, each once.
func terms(ids []fieldmap.Identifier) []term {
	out := make([]term, 0, len(ids)+4)
	add := func(k entryKind, text string) {
		t := term{k, text}
		if text != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, id := range ids {
		switch id.Kind {
		case fieldmap.EmailIndex:
			if _, dropped, ok := classify.Email(id.Raw); ok {
				add(entryEmail, dropped)
			}
		case fieldmap.PhoneIndex:
			if n, ok := classify.Phone(id.Raw, ""); ok {
				add(entryPhone, n)
			}
			if tail, ok := classify.PhoneTail(id.Raw); ok {
				add(entryPhoneTail, tail)
			}
		case fieldmap.NameIndex:
			add(entryName, classify.Name(id.Raw))
		case fieldmap.PostalIndex:
			add(entryPostal, classify.PostalCode(id.Raw))
		case fieldmap.NationalIndex:
			add(entryNational, classify.NationalID(id.Raw))
		case fieldmap.NoIndex:
		}
	}
	return out
}

// questionTerms returns the terms that answer a search; any of them may match.
func questionTerms(q FindQuery) []term {
	var out []term
	switch {
	case q.Email != "":
		if _, dropped, ok := classify.Email(q.Email); ok {
			out = append(out, term{entryEmail, dropped})
		}
	case q.Phone != "":
		out = phoneTerms(q.Phone)
	case q.Name != "":
		out = append(out, term{entryName, classify.Name(q.Name)})
	case q.PostalCode != "":
		out = append(out, term{entryPostal, classify.PostalCode(q.PostalCode)})
	case q.NationalID != "":
		out = append(out, term{entryNational, classify.NationalID(q.NationalID)})
	}
	return slices.DeleteFunc(out, func(t term) bool { return t.text == "" })
}

// phoneTerms: a number with its country finds the same number, and the numbers
// written without country that end alike. A number without country finds every
// number that ends alike.
func phoneTerms(s string) []term {
	n, ok := classify.Phone(s, "")
	tail, hasTail := classify.PhoneTail(s)
	switch {
	case !ok || !hasTail:
		return nil
	case strings.HasPrefix(n, "~"):
		return []term{{entryPhoneTail, tail}}
	}
	return []term{{entryPhone, n}, {entryPhone, "~" + tail}}
}

// period is a calendar month in UTC, counted from year 0.
type period int

func periodOf(t time.Time) period {
	t = t.UTC()
	return period(t.Year()*12 + int(t.Month()) - 1)
}

func (p period) String() string {
	return time.Date(int(p/12), time.Month(p%12)+1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

// Links are index entries under the store's lasting key: a fulfilment names its
// order and an order its shopper by them, whichever comes first.
type linkKind string

const (
	linkOrder    linkKind = "order"
	linkCustomer linkKind = "customer"
)

func linkHash(ident seal.Key, k linkKind, externalID string) hash {
	return short(ident.MAC([]byte("link"), []byte(k), []byte(externalID)))
}

// identOf names an object by what the platform calls it.
func identOf(ident seal.Key, k kind, externalID string) hash {
	return short(ident.MAC([]byte("record"), []byte{byte(k)}, []byte(externalID)))
}

// graveHash marks an identifier of an erased shopper. It lies under the lasting
// key, because it has to work when the month's index key is long gone.
func graveHash(ident seal.Key, t term) hash {
	return short(ident.MAC([]byte("tombstone"), []byte{byte(t.kind)}, []byte(t.text)))
}
