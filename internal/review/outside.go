package review

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Listed is an account of a system outside the product, as an import gives it.
type Listed struct {
	Account   string `json:"account"`             // its name there; may be personal
	Privilege string `json:"privilege,omitempty"` // what it may do there, in a word or two
	Bound     string `json:"bound,omitempty"`     // the person or service it belongs to
}

// System is where an import comes from.
type System struct {
	// Name is the operator's name of it: "db-1", "bucket-backup", "okta".
	Name string
	Sort SystemSort
}

// SystemSort is what a system is.
type SystemSort string

// The systems through which information can be reached past the product.
const (
	Database SystemSort = "database"
	Host     SystemSort = "host"
	KMS      SystemSort = "kms"
	Bucket   SystemSort = "bucket"
	Provider SystemSort = "provider" // administrators of an identity provider
	Portal   SystemSort = "portal"   // users of the EcartAPI portal
)

// SystemSorts lists the sorts of systems.
func SystemSorts() []SystemSort {
	return []SystemSort{Database, Host, KMS, Bucket, Provider, Portal}
}

// Way is a way to information outside the product (DPP 2.2.6, 2.2.10, 2.2.11).
type Way struct {
	ID     string // "ext_…"
	System System
	Listed // Bound is a living or former person or service, or empty
	First  time.Time
	Seen   time.Time // when it was last imported
	Ended  time.Time // zero while it is there
	// Stated says that a person gave the end; else an import did not list it any more.
	Stated bool
}

type wayBody struct {
	System    System    `json:"s"`
	Account   string    `json:"a"`
	Privilege string    `json:"p,omitempty"`
	First     time.Time `json:"f"`
	Stated    bool      `json:"t,omitempty"`
}

func (w *Way) item(owner string) Item {
	return Item{
		ID: w.ID, Sort: Outside, Account: w.Bound, Owner: owner, System: w.System.Name, Privilege: w.Privilege, From: w.First,
	}
}

func (v *Review) wayAD(r wayRow) []byte {
	return v.ad("way", r.id, r.mark, r.system, r.bound, r.seen, r.ended)
}

func (v *Review) openWay(r wayRow) (Way, error) {
	var b wayBody
	if err := v.unpack("register of ways outside", v.wayAD(r), r.sealed, &b); err != nil {
		return Way{}, err
	}
	return Way{
		ID: r.id, System: b.System, Listed: Listed{b.Account, b.Privilege, r.bound}, First: b.First, Stated: b.Stated,
		Seen: db.TimeOrZero(r.seen), Ended: db.TimeOrZero(r.ended),
	}, nil
}

func (v *Review) sealWay(w *Way) (r wayRow, err error) {
	r = wayRow{id: w.ID, mark: v.wayMark(w.System, w.Account), system: v.systemMark(w.System), bound: w.Bound, seen: db.MicrosOrZero(w.Seen), ended: db.MicrosOrZero(w.Ended)}
	r.sealed, err = v.pack(v.wayAD(r), wayBody{w.System, w.Account, w.Privilege, w.First, w.Stated})
	return r, err
}

func (v *Review) systemMark(s System) []byte {
	m := v.mark.MAC([]byte("system"), []byte(s.Sort), []byte(s.Name))
	return m[:]
}

func (v *Review) wayMark(s System, account string) []byte {
	m := v.mark.MAC([]byte("way"), []byte(s.Sort), []byte(s.Name), []byte(account))
	return m[:]
}

// liveWays returns what of the register is there now.
func (v *Review) liveWays(r *db.Reader) ([]Way, error) {
	rows, err := r.Query(sqlLiveWays)
	return v.openWays(db.Collect(rows, err, scanWay))
}

func (v *Review) openWays(rows []wayRow, err error) ([]Way, error) {
	if err != nil {
		return nil, err
	}
	out := make([]Way, len(rows))
	for i, row := range rows {
		if out[i], err = v.openWay(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func checkSystem(s System) error {
	if err := strongroom.CheckName("system", s.Name); err != nil {
		return err
	}
	if !slices.Contains(SystemSorts(), s.Sort) {
		return strongroom.Faultf(strongroom.Invalid, "system", "the sort of the system is none of the list")
	}
	return nil
}

func (v *Review) allowEdit(tx *guard.Tx, who strongroom.Actor, stage audit.Term) error {
	if err := tx.Allow(registerEdit, register(), guard.Context{}); err != nil {
		return err
	}
	tx.Note("stage", stage)
	return whole(who)
}

// Bind says whose a way is: a person or a service that has not ended. Nobody binds
// one to somebody else that is bound to themselves or to a service of their hand (Denied).
func (v *Review) Bind(ctx context.Context, who strongroom.Actor, id, account string) error {
	if !strongroom.IsID("ext", id) || !isAccount(account) {
		return v.refuse(ctx, who, registerEdit, register(), noWay())
	}
	return v.editWay(ctx, who, id, audit.Word("bind"), func(tx *guard.Tx, w *Way) error {
		if err := v.o.Registers.Exists(&tx.Reader, account); err != nil {
			return err
		}
		mine, err := v.own(&tx.Reader, who.ID, &Item{Account: w.Bound})
		if err != nil {
			return err
		}
		stays, err := v.own(&tx.Reader, who.ID, &Item{Account: account})
		if err != nil {
			return err
		}
		if mine && !stays {
			return strongroom.Faultf(strongroom.Denied, "own", "nobody gives away what was bound to them")
		}
		tx.Note("account", account)
		w.Bound = account
		return nil
	})
}

// EndWay says that a way has been closed in its system at a time that is not in the
// future, zero for now. An import that lists it still opens it again. Nobody states the
// end of one that is bound to themselves or to a service of their hand (Denied): that is
// for somebody else, or for an import.
func (v *Review) EndWay(ctx context.Context, who strongroom.Actor, id string, when time.Time) error {
	if !strongroom.IsID("ext", id) {
		return v.refuse(ctx, who, registerEdit, register(), noWay())
	}
	return v.editWay(ctx, who, id, audit.Word("end"), func(tx *guard.Tx, w *Way) error {
		if mine, err := v.own(&tx.Reader, who.ID, &Item{Account: w.Bound}); err != nil {
			return err
		} else if mine {
			return strongroom.Faultf(strongroom.Denied, "own", "nobody states the end of what is bound to them").
				Advise("have somebody else state it, or import a list without it")
		}
		if when.IsZero() {
			when = tx.Now()
		}
		if when.After(tx.Now()) || when.Before(w.First) {
			return strongroom.Faultf(strongroom.Invalid, "when", "a way ends between its first import and now")
		}
		if w.Ended.IsZero() {
			w.Ended, w.Stated = when, true
		}
		if isAccount(w.Bound) {
			tx.Note("account", w.Bound)
		}
		return nil
	})
}

func (v *Review) editWay(ctx context.Context, who strongroom.Actor, id string, stage audit.Term, fn func(tx *guard.Tx, w *Way) error) error {
	return v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := v.allowEdit(tx, who, stage); err != nil {
			return err
		}
		row, err := scanWay(tx.QueryRow(sqlLoadWay, id))
		if there, err := found(err); err != nil {
			return err
		} else if !there {
			return noWay()
		}
		w, err := v.openWay(row)
		if err != nil {
			return err
		}
		if err := fn(tx, &w); err != nil {
			return err
		}
		return v.saveWays(tx, []Way{w})
	})
}

func noWay() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "way", "there is no such way outside, person or service")
}

// WayQuery says which part of the register is asked for.
type WayQuery struct {
	Live   bool   // what is there now, and not what has ended
	Cursor string // behind this way; empty for the first page
	Limit  int    // at most this many, up to [MaxPage]
}

// Ways lists the register by the ids of the ways. next is empty at the end.
func (v *Review) Ways(ctx context.Context, who strongroom.Actor, q WayQuery) (out []Way, next string, err error) {
	limit := min(max(q.Limit, 1), MaxPage)
	err = v.readRegister(ctx, who, func(r *db.Reader) error {
		rows, err := wayPage(r, q, limit+1)
		if out, err = v.openWays(rows, err); err != nil {
			return err
		}
		if next = ""; len(out) > limit {
			out, next = out[:limit], out[limit-1].ID
		}
		return nil
	})
	return out, next, err
}

func wayPage(r *db.Reader, q WayQuery, limit int) ([]wayRow, error) {
	if q.Live {
		rows, err := r.Query(sqlLivePage, q.Cursor, limit)
		return db.Collect(rows, err, scanWay)
	}
	rows, err := r.Query(sqlWayPage, q.Cursor, limit)
	return db.Collect(rows, err, scanWay)
}

// WaysOf returns every way that is or was a person's or a service's: what a leaver
// had outside, and when each was closed (DPP 2.2.12). One without Ended is open.
func (v *Review) WaysOf(ctx context.Context, who strongroom.Actor, account string) (out []Way, err error) {
	if !isAccount(account) {
		return nil, v.refuse(ctx, who, registerRead, register(), noWay())
	}
	err = v.readRegister(ctx, who, func(r *db.Reader) error {
		rows, err := r.Query(sqlWaysOf, account)
		out, err = v.openWays(db.Collect(rows, err, scanWay))
		return err
	})
	return out, err
}

func (v *Review) readRegister(ctx context.Context, who strongroom.Actor, fn func(r *db.Reader) error) error {
	return v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(registerRead, register(), guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		return fn(&w.Reader)
	})
}

// Catalogue returns the roles of PostgreSQL that can log in to the database this
// product runs on, for [Review.Import]. ok is false on an engine without roles.
func (v *Review) Catalogue(ctx context.Context, who strongroom.Actor) (list []Listed, ok bool, err error) {
	err = v.readRegister(ctx, who, func(r *db.Reader) error {
		if ok = r.Engine() == db.Postgres; !ok {
			return nil
		}
		list, err = catalogue(r)
		return err
	})
	return list, ok, err
}
