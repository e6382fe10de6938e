package identity

import (
	"encoding/json"
	"net/netip"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// account is what is sealed: everything that gives a key its power, and who
// answers for it. Keys of older releases lack the later fields.
type account struct {
	Label    string         `json:"l"`
	Roles    []string       `json:"r"`
	Stores   []string       `json:"s,omitempty"`
	All      bool           `json:"a,omitempty"`
	Networks []netip.Prefix `json:"n,omitempty"`

	Owner     string        `json:"o,omitempty"`
	Purpose   string        `json:"p,omitempty"`
	Every     time.Duration `json:"e,omitempty"`
	Case      string        `json:"c,omitempty"`
	Rotated   int64         `json:"t,omitempty"`
	Suspended int64         `json:"x,omitempty"`
	Resumed   int64         `json:"y,omitempty"`
	Grace     int64         `json:"g,omitempty"`
	Hands     []string      `json:"h,omitempty"`
}

// sealAccount seals what k may do, bound to its id and dates.
func (i *Identity) sealAccount(k Key) ([]byte, error) {
	text, err := json.Marshal(account{
		Label: k.Label, Roles: k.Roles, Stores: k.Stores, All: k.AllStores, Networks: k.Networks,
		Owner: k.Owner, Purpose: k.Purpose, Every: k.RotateEvery, Case: k.Case,
		Rotated: db.MicrosOrZero(k.Rotated), Suspended: db.MicrosOrZero(k.Suspended), Resumed: db.MicrosOrZero(k.Resumed), Grace: db.MicrosOrZero(k.Grace),
		Hands: k.Hands,
	})
	if err != nil {
		return nil, err
	}
	return i.seal.Seal(nil, i.bind(k.ID, db.Micros(k.Created), db.Micros(k.Expires)), text), nil
}

func (i *Identity) bind(id string, created, expires int64) []byte {
	return seal.AD("identity_key", string(i.o.Environment), id, created, expires)
}

// save writes back what of an account may change.
func (i *Identity) save(tx *guard.Tx, k Key) error {
	sealed, err := i.sealAccount(k)
	if err != nil {
		return err
	}
	return reseal(tx, k, sealed)
}

// openAccount opens a row. One that was edited or moved does not open.
func (i *Identity) openAccount(r keyRow) (Key, error) {
	text, err := i.seal.Open(nil, i.bind(r.id, r.created, r.expires), r.sealed)
	var a account
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil || a.Owner != r.owner {
		return Key{}, strongroom.Faultf(strongroom.Internal, "key-sealed", "account %s does not open", r.id).
			Advise("its row was changed, or the keyring is another's")
	}
	k := Key{
		ID: r.id, Label: a.Label, Roles: a.Roles, Stores: a.Stores, AllStores: a.All, Networks: a.Networks,
		Created: db.Time(r.created), Expires: db.Time(r.expires), Revoked: db.TimeOrZero(r.revoked), Used: db.TimeOrZero(r.used),
		Owner: a.Owner, Purpose: a.Purpose, RotateEvery: a.Every, Case: a.Case,
		Rotated: db.TimeOrZero(a.Rotated), Suspended: db.TimeOrZero(a.Suspended), Resumed: db.TimeOrZero(a.Resumed), Grace: db.TimeOrZero(a.Grace),
		Hands: a.Hands,
	}
	if k.Rotated.IsZero() {
		k.Rotated = k.Created
	}
	return k, nil
}
