package lifecycle

import (
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/seal"
)

// load returns the case of an id; a fault of kind NotFound if there is none.
func (cs *Cases) load(r *db.Reader, id string, now time.Time) (Case, error) {
	row, err := loadCase(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return Case{}, noCase()
	}
	if err != nil {
		return Case{}, err
	}
	return cs.open(&row, now)
}

// bind returns the context of a row's seal: everything the row says.
func (cs *Cases) bind(r *caseRow) []byte {
	return seal.AD("strongroom/case/1", string(cs.o.Environment), r.id, r.purpose, r.store, r.opener, r.opened, r.due,
		r.extended, r.extendedFor, r.closed, r.closedFor)
}

// row seals a case for its table.
func (cs *Cases) row(c *Case) (*caseRow, error) {
	r := &caseRow{
		id: c.ID, purpose: db.Place(casePurposes(), c.Purpose), store: c.Store, opener: c.Opener,
		opened: db.Micros(c.Opened), due: db.Micros(c.Due), extended: db.MicrosOrZero(c.Extended), extendedFor: db.Place(ExtendReasons(), c.ExtendedFor),
		closed: db.MicrosOrZero(c.Closed), closedFor: db.Place(CloseReasons(), c.ClosedFor),
	}
	text, err := json.Marshal(caseBody{Citation: c.Citation, Stores: c.Stores, All: c.All})
	if err != nil {
		return nil, err
	}
	r.sealed = cs.seal.Seal(nil, cs.bind(r), text)
	return r, nil
}

// open opens a row. One that was edited or moved does not open.
func (cs *Cases) open(r *caseRow, now time.Time) (Case, error) {
	var b caseBody
	text, err := cs.seal.Open(nil, cs.bind(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return Case{}, strongroom.Faultf(strongroom.Internal, "case-sealed", "a case does not open").
			Advise("its row was changed, or the keyring is another's")
	}
	c := Case{
		ID: r.id, Purpose: db.At(casePurposes(), r.purpose), Citation: b.Citation, Store: r.store, Stores: b.Stores, All: b.All,
		Opener: r.opener, Opened: db.Time(r.opened), Due: db.Time(r.due), Extended: db.TimeOrZero(r.extended), Closed: db.TimeOrZero(r.closed),
		ExtendedFor: db.At(ExtendReasons(), r.extendedFor), ClosedFor: db.At(CloseReasons(), r.closedFor),
	}
	c.State = c.state(now)
	return c, nil
}
