package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
)

// In is one body on its way in: any EcartAPI JSON of a known resource.
type In struct {
	Store    string // id
	Resource string // singular or plural
	Version  string // v1, v2, v3
	Platform string // "" if unknown
	Order    string // external id of the order, where a fulfilment's body has none
	How      string // sync, webhook, proxy, import, api, portal
	Endpoint string // where it was fetched; "" if unknown
	Body     []byte // must not change until the call returns
}

// Ref names a record that was stored.
type Ref struct{ ID, Kind string }

// Ingested is the answer to one body.
type Ingested struct {
	// Body is the same JSON with tokens in place of personal values. The tokens
	// of objects that were not kept never open.
	Body []byte
	// Stored counts new records and new versions, Unchanged bodies that were
	// known or stale, Dead the objects past their date or erased before.
	Stored, Unchanged, Dead int
	Records                 []Ref // of Stored and Unchanged, in document order
}

// Outcome is the answer to one body of many.
type Outcome struct {
	*Ingested
	Err error
}

// doc is one body at work.
type doc struct {
	in   *In
	from origin
	env  *fieldmap.Envelope
	work []*work
	err  error

	generation int64 // of the field decisions it was treated with
}

// work is one object at work. What stands above the line is made outside the
// transaction and never changes; what stands below is made anew each time the
// transaction runs.
type work struct {
	doc      *doc
	obj      *fieldmap.Object
	m        *fieldmap.Map
	ident    hash
	links    []hash // of its order and its shopper, under the lasting key
	terms    []term
	entries  []hash // index entries and links
	facts    facts
	period   period
	classes  uint64
	sealed   *sealed // as the first version of a new record, on trust
	external string

	result result
}

// result is what became of an object.
type result struct {
	id      recordID
	body    *body  // what the answer is made from
	cut     uint32 // leaf numbers from here on are not the record's; 0: all are
	outcome outcomeKind
}

type outcomeKind uint8

const (
	outcomeDead outcomeKind = iota
	outcomeStored
	outcomeUnchanged
)

// origin is an In's origin in numbers.
type origin struct {
	provider provider
	platform platform
	api      apiVersion
	how      how
	fetched  time.Time
	endpoint string
	spelt    string // the platform's name where it has no number
}

// Ingest takes one body in: seals its records, or replaces them by new versions,
// and answers the same JSON with tokens. Taking the same body in again changes
// nothing. The records, their index and their keys are durable on return.
//
// Faults: Invalid for a body or an origin that is refused, TooLarge over a
// limit, NotFound and Erased for a store that is unknown or disconnected.
func (v *Vault) Ingest(ctx context.Context, who strongroom.Actor, in In) (*Ingested, error) {
	out, err := v.IngestMany(ctx, who, []In{in})
	if err != nil {
		return nil, err
	}
	return out[0].Ingested, out[0].Err
}

// IngestMany takes many bodies in, all of one store in one transaction with one
// event; some hundred are a good number. A body that is refused does not keep
// the others out: its error stands in its Outcome, and so does the error of a
// store where there are several. An error returned means that nothing was stored.
func (v *Vault) IngestMany(ctx context.Context, who strongroom.Actor, ins []In) ([]Outcome, error) {
	docs := v.prepareAll(ins)
	out := make([]Outcome, len(ins))
	ids := storesOf(ins)
	for _, id := range ids {
		mine := slices.DeleteFunc(slices.Clone(docs), func(d *doc) bool { return d.in.Store != id })
		err := v.ingestStore(ctx, who, id, mine)
		if err != nil && len(ids) == 1 {
			return nil, err
		}
		for _, d := range mine { // another store's bodies may be durable already
			if err != nil {
				d.err = err
			}
		}
	}
	for i, d := range docs {
		if d.err != nil {
			out[i].Err = d.err
			continue
		}
		out[i].Ingested, out[i].Err = v.answer(d)
	}
	return out, nil
}

func storesOf(ins []In) []string {
	var ids []string
	for i := range ins {
		if !slices.Contains(ids, ins[i].Store) {
			ids = append(ids, ins[i].Store)
		}
	}
	return ids
}

// prepareAll parses, hashes and seals the bodies outside any transaction, on as
// many cores as there are.
func (v *Vault) prepareAll(ins []In) []*doc {
	docs := make([]*doc, len(ins))
	now := v.clock.Now()
	workers := min(runtime.GOMAXPROCS(0), (len(ins)+15)/16)
	if workers <= 1 {
		for i := range ins {
			docs[i] = v.prepare(&ins[i], now)
		}
		return docs
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(ins); i += workers {
				docs[i] = v.prepare(&ins[i], now)
			}
		})
	}
	wg.Wait()
	return docs
}

// ingestStore stores the bodies of one store.
func (v *Vault) ingestStore(ctx context.Context, who strongroom.Actor, id string, docs []*doc) error {
	good, refused := 0, error(nil)
	for _, d := range docs {
		if d.err == nil {
			good++
		} else {
			refused = d.err
		}
	}
	res := storeResource(id)
	if !checkStoreID(id) {
		res, refused = instance(), noStore()
		for _, d := range docs {
			d.err = refused
		}
		good = 0
	}
	if good == 0 {
		// Nothing to store: the refusal itself is recorded. A denial or a failure
		// to record counts more than what was wrong with the bodies.
		if err := v.refuse(ctx, who, actionIngest, res, refused); err != refused {
			return err
		}
		return nil
	}
	with := guard.Joint{Key: intakeKey{v}, Item: &bringing{id, docs}, Begin: v.begin, End: v.end}
	for {
		var damaged []*doc
		err := v.guard.DoJointly(ctx, who, with, func(_ context.Context, tx *guard.Tx) error {
			for _, d := range damaged {
				d.err = nil // the turn is run again and begins from nothing
			}
			damaged = nil
			if err := tx.Allow(actionIngest, res, guard.Context{}); err != nil {
				return err
			}
			p, err := v.newPlacing(tx, id)
			if err != nil {
				return err
			}
			err = p.placeAll(docs)
			if damaged = p.damaged; err != nil {
				return err
			}
			p.note(len(docs) - good)
			if p.stored > 0 {
				v.turns.end(tx, id)
			}
			return nil
		})
		if len(damaged) == 0 || !IsDamaged(err) {
			return err
		}
		// The event of the failure is durable. A row that somebody damaged keeps out
		// the bodies it belongs to, and no others: these come again without them.
		if good -= len(damaged); good <= 0 {
			return nil
		}
	}
}

// note writes the counts of a placing and a digest of the records it touched
// into its one event.
func (p *placing) note(refused int) {
	p.tx.Note("records", int64(p.stored))
	for _, n := range [...]struct {
		key   string
		count int
	}{{"unchanged", p.unchanged}, {"dead", p.dead}, {"refused", refused}} {
		if n.count > 0 {
			p.tx.Note(n.key, int64(n.count))
		}
	}
	switch len(p.touched) {
	case 0:
	case 1:
		p.tx.Note("record", p.touched[0].String())
	default:
		p.tx.Note("digest", digest(p.touched))
	}
}

// digest commits to a list of records, so that an event of many can be proved
// against the list later.
func digest(ids []recordID) string {
	h := sha256.New()
	var b [8]byte
	for _, id := range ids {
		binary.BigEndian.PutUint64(b[:], uint64(id))
		h.Write(b[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// refuse records that something was refused before it began and returns err. A
// denial, or a log that cannot be written, is returned in its place.
func (v *Vault) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, err error) error {
	if a.Name == actionReveal.Name { // a reveal without a purpose cannot even be asked for
		return v.guard.Refused(ctx, who, a, r, 0, err)
	}
	return v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, r, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

// answer renders a body with the tokens of its records.
func (v *Vault) answer(d *doc) (*Ingested, error) {
	out := &Ingested{}
	texts := make([][]byte, len(d.work))
	st := v.cachedStore(d.in.Store)
	if st == nil {
		return nil, noStore()
	}
	for i, w := range d.work {
		text, err := v.renderResult(st, w)
		if err != nil {
			return nil, err
		}
		texts[i] = text
		ref := Ref{ID: w.result.id.String(), Kind: w.obj.Kind.String()}
		switch w.result.outcome {
		case outcomeStored:
			out.Stored++
			out.Records = append(out.Records, ref)
		case outcomeUnchanged:
			out.Unchanged++
			out.Records = append(out.Records, ref)
		case outcomeDead:
			out.Dead++
		}
	}
	// What stands around the objects is never stored, so its tokens never open.
	nowhere := v.ids.next(v.clock.Now())
	out.Body = d.env.Render(make([]byte, 0, len(d.in.Body)*5/4), texts, func(dst []byte, i int) []byte {
		return st.token.AppendToken(dst, uint64(nowhere), uint32(i))
	})
	return out, nil
}

// renderResult renders one object as it came in, with the tokens it got.
func (v *Vault) renderResult(st *store, w *work) ([]byte, error) {
	r := &w.result
	dst := make([]byte, 0, len(w.obj.Raw)+32*len(w.obj.Leaves))
	nowhere := v.ids.next(w.doc.from.fetched)
	return fieldmap.Render(dst, r.body.Template, fieldmap.Fill{Token: r.body.tokens(st, r.id, nowhere, r.cut)})
}
