package vault

import (
	"strongroom"
	"strongroom/internal/fieldmap"
	"strongroom/internal/seal"
)

// numbering gives the leaves of an object their numbers. A number belongs to one
// place for the life of the record: a leaf whose place and class the last
// version knew keeps its number, every other leaf takes a number that no
// version ever had. So an old token opens its own place or nothing.
type numbering struct {
	known map[placeKey]uint32 // of the last version; nil for a first one
	next  uint32              // the first number never given
}

type placeKey struct {
	place string
	class fieldmap.Class
}

// remember fills the numbering from the places of the stored version.
func remember(places []fieldmap.Place, next uint32) numbering {
	n := numbering{known: make(map[placeKey]uint32, len(places)), next: next}
	for i := range places {
		n.known[placeKey{places[i].Place, places[i].Class}] = places[i].Number
	}
	return n
}

// number returns one number per leaf. Two leaves never share one, even if a map
// should give them the same place.
func (n *numbering) number(o *fieldmap.Object) ([]uint32, error) {
	out := make([]uint32, len(o.Leaves))
	for i := range o.Leaves {
		if n.known != nil {
			key := placeKey{o.Leaves[i].Place, o.Leaves[i].Class}
			if old, ok := n.known[key]; ok {
				out[i] = old
				delete(n.known, key)
				continue
			}
		}
		if n.next > seal.MaxLeaf {
			return nil, strongroom.Faultf(strongroom.TooLarge, "leaves", "a record has used up its %d leaf numbers", seal.MaxLeaf+1).
				Advise("erase it and take it in again")
		}
		out[i] = n.next
		n.next++
	}
	return out, nil
}
