package lifecycle

import (
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/seal"
)

const requestPrefix = "erq"

// requestBody is what is sealed of a request. Whom it is about goes when it is done.
type requestBody struct {
	Stores      []string  `json:"s,omitempty"`
	Shoppers    []Shopper `json:"p,omitempty"`
	Orders      []string  `json:"o,omitempty"`
	Shop        string    `json:"h,omitempty"`
	Reference   string    `json:"r,omitempty"`
	Citation    string    `json:"c,omitempty"`
	Certificate bool      `json:"w,omitempty"`
	Confirmed   bool      `json:"y,omitempty"` // a person looked: however much it takes
	Failed      int64     `json:"f,omitempty"`
	Proof       int64     `json:"x,omitempty"`
	Epoch       uint32    `json:"z,omitempty"` // current when it was done
}

// forget removes whom it is about.
func (b *requestBody) forget() { b.Shoppers, b.Orders, b.Shop = nil, nil, "" }

// held is a request with what is sealed of it and its mark.
type held struct {
	Request
	body requestBody
	mark []byte
}

// bind returns the context of a row's seal: everything the row says.
func (rs *Requests) bind(r *requestRow) []byte {
	return seal.AD("strongroom/request/1", string(rs.o.Environment), r.id, r.kind, r.scope, r.source, r.wait, r.store, r.mark,
		r.received, r.issued, r.deleteBy, r.goneBy, r.eraseAt, r.erased, r.closed, r.closedFor, r.answer, r.records)
}

// row seals a request for its table.
func (rs *Requests) row(q *held) (*requestRow, error) {
	q.body.Stores = q.Stores
	r := &requestRow{
		id: q.ID, kind: db.Place(RequestKinds(), q.Kind), scope: db.Place(RequestScopes(), q.Scope), source: db.Place(RequestSources(), q.Source),
		wait: bitsOf(q.Waits), store: q.store(), mark: q.mark, received: db.Micros(q.Received), issued: db.Micros(q.Issued),
		deleteBy: db.Micros(q.DeleteBy), goneBy: db.MicrosOrZero(q.GoneBy), eraseAt: db.MicrosOrZero(q.EraseAt), erased: db.MicrosOrZero(q.Erased),
		closed: db.MicrosOrZero(q.Closed), closedFor: db.Place(DismissReasons(), q.ClosedFor), answer: q.Case, records: q.Records,
	}
	text, err := json.Marshal(&q.body)
	if err != nil {
		return nil, err
	}
	r.sealed = rs.seal.Seal(nil, rs.bind(r), text)
	return r, nil
}

// open opens a row. One that was edited or moved does not open.
func (rs *Requests) open(r *requestRow, now time.Time) (*held, error) {
	q := &held{mark: r.mark}
	text, err := rs.seal.Open(nil, rs.bind(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &q.body)
	}
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Internal, "request-sealed", "a request does not open").
			Advise("its row was changed, or the keyring is another's")
	}
	b := &q.body
	q.Request = Request{
		ID: r.id, Kind: db.At(RequestKinds(), r.kind), Scope: db.At(RequestScopes(), r.scope), Source: db.At(RequestSources(), r.source),
		Waits: waitsOf(r.wait), Stores: b.Stores, Reference: b.Reference, Received: db.Time(r.received), Issued: db.Time(r.issued),
		DeleteBy: db.Time(r.deleteBy), GoneBy: db.TimeOrZero(r.goneBy), EraseAt: db.TimeOrZero(r.eraseAt), Erased: db.TimeOrZero(r.erased),
		Closed: db.TimeOrZero(r.closed), ClosedFor: db.At(DismissReasons(), r.closedFor), Case: r.answer, Records: r.records,
		Failed: b.Failed, Proof: b.Proof, Certificate: b.Certificate,
	}
	q.settle(rs, now)
	return q, nil
}

// settle sets what depends on the instant.
func (q *held) settle(rs *Requests, now time.Time) {
	q.State = q.state(now)
	if !q.Erased.IsZero() {
		epoch, waits := rs.o.Epoch()
		q.CopiesDead = !q.Closed.IsZero() || epoch > q.body.Epoch && !waits
	}
	switch {
	case q.ClosedFor != "" || q.State == RequestAnswered:
	case q.Erased.IsZero():
		q.Overdue = !now.Before(q.DeleteBy)
	default:
		q.Overdue = !q.CopiesDead && !now.Before(q.GoneBy)
	}
}
