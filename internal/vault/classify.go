package vault

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// Classification is a person's decision about one unknown field.
type Classification struct {
	Store, Field string // ids
	// As is "clear" or the class of the value: "email", "text", "payment", … see
	// fieldmap.Class. A class may be followed by " pseudonym".
	As string
}

// Classified says what a decision means for what is stored already.
type Classified struct {
	Field Field
	// Reseal is set when stored records have to be treated anew by
	// ReclassifyStep, which Job does.
	Reseal bool
	Job    string
	// ClearUntil is until when copies of the database hold versions in which the
	// field stood in the tokenised part; zero if it never did. Those parts are
	// sealed too, and die with their records and after the next epoch roll.
	ClearUntil time.Time
}

// Classify decides how a field is treated from now on. Stored records follow by
// ReclassifyStep.
func (v *Vault) Classify(ctx context.Context, who strongroom.Actor, c Classification) (Classified, error) {
	err := checkAs(c.As)
	switch {
	case err != nil:
	case !checkStoreID(c.Store):
		err = noStore()
	case checkedField(c.Field) == "":
		err = noField()
	}
	if err != nil {
		return Classified{}, v.refuse(ctx, who, actionFieldClassify, v.storeOr(c.Store), err)
	}
	var out Classified
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionFieldClassify, storeResource(c.Store), guard.Context{}); err != nil {
			return err
		}
		v.turns.end(tx, c.Store)
		st, err := v.keptStore(&tx.Reader, c.Store)
		if err != nil {
			return err
		}
		f, err := scanField(tx.QueryRow(sqlField, c.Field).Scan)
		if strongroom.IsKind(err, strongroom.NotFound) || err == nil && f.store != st.num {
			return noField()
		}
		if err != nil {
			return err
		}
		if err := v.openField(c.Store, f); err != nil {
			return err
		}
		was := f.card.As
		f.card.As = c.As
		if err := v.decideField(tx, st, f); err != nil {
			return err
		}
		out = Classified{Field: f.field(c.Store), Reseal: was != c.As}
		if was == clearWord && c.As != clearWord {
			out.ClearUntil = tx.Now()
		}
		if out.Reseal && v.chores != nil {
			out.Job, err = v.chores.Reclassify(tx, c.Store, f.card.Resource)
		}
		return err
	})
	return out, err
}

const clearWord = "clear"

func noField() error {
	return strongroom.Faultf(strongroom.NotFound, "field", "no such field")
}

// checkAs reads a decision.
func checkAs(s string) error {
	_, err := specOf(s, "string")
	return err
}

// specOf turns a decision about values of a JSON type into the words of a map
// file. A value that can be found by is indexed; a personal number or boolean
// becomes null, as everywhere.
func specOf(s, jsonType string) (string, error) {
	scalar := jsonType == "string" || jsonType == "number" || jsonType == "boolean"
	name, rest, _ := strings.Cut(s, " ")
	class, ok := fieldmap.ParseClass(name)
	switch {
	case !scalar:
		return "", strongroom.Faultf(strongroom.Conflict, "field", "an object or a list is decided key by key")
	case s == clearWord && jsonType == "string":
		return "clear text", nil
	case s == clearWord && jsonType == "number":
		return "clear number", nil
	case s == clearWord:
		return "clear bool", nil
	case !ok || class == fieldmap.Unknown || class == fieldmap.Key || rest != "" && rest != "pseudonym":
		return "", strongroom.Faultf(strongroom.Invalid, "class", "a field is decided to be clear or of one of the classes of personal data")
	case rest == "pseudonym":
		return "pseudonym", nil
	case jsonType != "string":
		return "null " + name, nil
	}
	switch class {
	case fieldmap.Email, fieldmap.Phone, fieldmap.Name, fieldmap.PostalCode, fieldmap.NationalID:
		return "token " + name + " index:" + name, nil
	}
	return "token " + name, nil
}

// decideField writes a decision after proving that the maps take it.
func (v *Vault) decideField(tx *guard.Tx, st *store, f *fieldRow) error {
	if f.card.Name == "" {
		return strongroom.Faultf(strongroom.Conflict, "field", "the name of the field is not known, so nothing can be decided about it")
	}
	if f.card.Why == reasonName(fieldmap.Drifted) {
		return strongroom.Faultf(strongroom.Conflict, "field", "the maps know this field and its value had another shape, so there is nothing to decide").
			Advise("lay a field map of your own over it")
	}
	own, err := overrideOf(&f.card)
	if err != nil {
		return err
	}
	overrides, err := v.decisions(&tx.Reader, st)
	if err != nil {
		return err
	}
	if _, err := v.maps.base.With(append(overrides, own)...); err != nil {
		return err
	}
	key, err := v.keys.StoreKey(st.id, keys.Merchant)
	if err != nil {
		return err
	}
	text, err := json.Marshal(f.card)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(sqlFieldDecide, f.hash[:], key.Seal(nil, v.fieldAD(st.id, f.hash), text)); err != nil {
		return err
	}
	// Every process that holds the store's maps sees the new number with the next
	// record it takes in, and lays them anew.
	forgetStores(tx)
	_, err = tx.Exec(sqlStoreFields, st.num)
	return err
}

// overrideOf lays a decision over a field map.
func overrideOf(c *fieldCard) (fieldmap.Override, error) {
	spec, err := specOf(c.As, c.Type)
	o := fieldmap.Override{Resource: c.Resource, Version: c.Version, Platform: c.Platform, Path: c.Name, Spec: spec}
	if o.Platform == "" {
		o.Platform = "any"
	}
	if o.Version == "v3" {
		o.Version = "v2" // v3 bodies have the maps of v2
	}
	return o, err
}

// decisions returns a store's decisions as overrides.
func (v *Vault) decisions(r *db.Reader, st *store) ([]fieldmap.Override, error) {
	rows, err := fieldRows(r.Query(sqlFieldDecided, st.num))
	if err != nil {
		return nil, err
	}
	var out []fieldmap.Override
	for _, f := range rows {
		if err := v.openField(st.id, f); err != nil {
			return nil, err
		}
		o, err := overrideOf(&f.card)
		if err != nil {
			return nil, badRow("field")
		}
		out = append(out, o)
	}
	return out, nil
}

// layMaps makes the store's maps agree with its decisions. It reports whether
// they changed, so that bodies treated before are treated again.
func (v *Vault) layMaps(r *db.Reader, st *store) (changed bool, err error) {
	if v.maps.generation(st.id) == st.fields {
		return false, nil
	}
	overrides, err := v.decisions(r, st)
	if err != nil {
		return false, err
	}
	set, err := v.maps.base.With(overrides...)
	if err != nil {
		return false, err
	}
	v.maps.set(st.id, set, st.fields)
	return true, nil
}

// ReclassifyStep treats up to limit stored records of one kind anew, after a
// cursor, and seals a new version of those that come out differently. next is
// the cursor to go on with; it is empty at the end.
func (v *Vault) ReclassifyStep(ctx context.Context, who strongroom.Actor, store, kindName, cursor string, limit int) (n int, next string, err error) {
	kinds, after, err := checkList(ListQuery{Store: store, Kind: kindName, Cursor: cursor})
	if err != nil {
		return 0, "", v.refuse(ctx, who, actionFieldClassify, v.storeOr(store), err)
	}
	limit = clampLimit(limit)
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n, next = 0, ""
		if err := tx.Allow(actionFieldClassify, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		v.turns.end(tx, store)
		p, err := v.newPlacing(tx, store)
		if err != nil {
			return err
		}
		rows, err := listKinds(&tx.Reader, p.st.num, kinds, after, tx.Now(), limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := p.retreat(r); err != nil {
				return err
			}
		}
		if len(rows) == limit {
			next = rows[limit-1].id.cursor()
		}
		n = p.stored
		tx.Note("records", int64(n))
		return p.finish()
	})
	return n, next, err
}

// retreat treats one stored record with the present maps.
func (p *placing) retreat(r *row) error {
	key, err := p.openKey(r)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	o, err := p.v.openRow(p.st.id, r, key)
	if err != nil {
		return err
	}
	d, err := p.v.redoc(p.st, r, o)
	if err != nil {
		return err
	}
	w := d.work[0]
	if w.obj.OrderID == "" && o.OrderID != "" { // the caller named it, not the body
		w.obj.OrderID = o.OrderID
		w.links = linksOf(r.entries)
	}
	places, err := w.m.Places(o.Template, func(n uint32) []byte { return o.leaves[n] })
	if err != nil {
		return err
	}
	n := remember(places, r.leafNext)
	numbers, err := n.number(w.obj)
	if err != nil {
		return err
	}
	b, err := p.v.bodyOf(w, numbers)
	if err != nil {
		return err
	}
	if string(b.Template) == string(o.Template) {
		return nil
	}
	f, err := parseFacts(r.facts)
	if err != nil {
		return err
	}
	n = remember(places, r.leafNext)
	w.doc.from = r.origin()
	w.doc.from.endpoint, w.doc.from.spelt = o.Endpoint, o.Platform
	return p.newVersion(w, r, key, f, &n)
}

// rebody makes the body of a stored original as a shop would send it.
func (v *Vault) rebody(st *store, r *row, o *opened) ([]byte, error) {
	raw, err := v.renderOpen(nil, st, r.id, o, nil)
	if err != nil {
		return nil, err
	}
	text := make([]byte, 0, len(raw)+24)
	text = append(append(append(text, `{"`...), r.kind.String()...), `":`...)
	return append(append(text, raw...), '}'), nil
}

// redoc takes a stored original in again, as if it had just come.
func (v *Vault) redoc(st *store, r *row, o *opened) (*doc, error) {
	text, err := v.rebody(st, r, o)
	if err != nil {
		return nil, err
	}
	name := r.platform.String()
	if r.platform == 0 {
		name = o.Platform
	}
	d := v.prepare(&In{
		Store: st.id, Resource: r.kind.String(), Version: r.api.String(), Platform: name,
		How: r.how.String(), Endpoint: o.Endpoint, Body: text,
	}, v.clock.Now())
	if d.err != nil {
		return nil, d.err
	}
	if len(d.work) != 1 {
		return nil, badRow("body")
	}
	return d, nil
}

// reparse returns a stored original taken apart again.
func (v *Vault) reparse(st *store, r *row, o *opened) (*fieldmap.Object, error) {
	m, err := v.mapOf(st.id, r, o.body)
	if err != nil {
		return nil, err
	}
	text, err := v.rebody(st, r, o)
	if err != nil {
		return nil, err
	}
	env, err := m.Parse(text, v.limits)
	if err != nil {
		return nil, err
	}
	if len(env.Objects) != 1 {
		return nil, badRow("body")
	}
	return &env.Objects[0], nil
}
