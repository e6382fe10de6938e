package identity

import (
	"slices"

	"strongroom"
	"strongroom/internal/db"
)

// hand notes that who takes a secret of an account: the person, or the persons who
// hold the service that asks for it.
func (i *Identity) hand(r *db.Reader, k *Key, who strongroom.Actor) error {
	if who.ID == k.ID {
		return nil // whoever holds it is noted already
	}
	behind, err := i.behind(r, who.ID)
	if err != nil {
		return err
	}
	for _, p := range behind {
		if !slices.Contains(k.Hands, p) {
			k.Hands = append(slices.Clip(k.Hands), p)
		}
	}
	return nil
}

// behind returns the persons who can act as an account: a person alone, of a
// service who owns it, made it or took a secret of it. There is nobody behind an OS
// user or the product itself.
func (i *Identity) behind(r *db.Reader, account string) ([]string, error) {
	if strongroom.IsID("usr", account) {
		return []string{account}, nil
	}
	if !strongroom.IsID("svc", account) {
		return nil, nil
	}
	row, err := loadKey(r, account)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k, err := i.openAccount(row)
	if err != nil {
		return nil, err
	}
	if k.Owner == "" || slices.Contains(k.Hands, k.Owner) {
		return k.Hands, nil
	}
	return append(slices.Clip(k.Hands), k.Owner), nil
}

// SameHand reports whether one person can act as both accounts, so that the second
// is no other pair of eyes for what the first asked (DPP 2.3.2): they are the same,
// or a person owns, made, or took a secret of the service, or of both services. A
// service whose row was changed is a fault: of it nothing can be told.
func (i *Identity) SameHand(r *db.Reader, a, b string) (bool, error) {
	if a == b {
		return a != "", nil
	}
	as, err := i.behind(r, a)
	if err != nil || len(as) == 0 {
		return false, err
	}
	bs, err := i.behind(r, b)
	return slices.ContainsFunc(bs, func(p string) bool { return slices.Contains(as, p) }), err
}
