package document

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

// Numbers; all are ours.
const (
	MaxBytes  = 8 << 20          // of a file
	MaxFiles  = 32               // of a record
	LinkLife  = 15 * time.Minute // of a link
	maxLinks  = 16               // of a file at a time
	listLimit = 200
)

// Vault is what documents need of the vault.
type Vault interface {
	SealBesideTx(tx *guard.Tx, store, record, name string, secret []byte) error
	BesideTx(tx *guard.Tx, store, record, name string) (*vault.Beside, error)
	Stands(r *db.Reader, now time.Time, record string) (bool, error)
	CheckStore(r *db.Reader, id string) error
	CheckPurpose(p strongroom.Purpose, reference string) (logged string, err error)
	CheckCaseTx(tx *guard.Tx, p strongroom.Purpose, reference, store string) error
	DebitTx(tx *guard.Tx, store, record string, p strongroom.Purpose) error
}

// Options configure a [Book]; all are required.
type Options struct {
	Guard       *guard.Guard
	Vault       Vault
	Environment strongroom.Environment
	Key         seal.Key // of the instance, for this package
	Clock       *strongroom.Clock
	// MaySignIn returns a fault for who is no person that can sign in.
	MaySignIn func(r *db.Reader, person string, now time.Time) error
}

// Book keeps documents. Each verb is decided and recorded, also what it refuses.
type Book struct{ o Options }

// New returns the book. It panics without a required option, which is a mistake of the
// programmer.
func New(o Options) *Book {
	if o.Guard == nil || o.Vault == nil || o.Clock == nil || o.MaySignIn == nil || o.Key.IsZero() {
		panic("document: Options needs Guard, Vault, Clock, MaySignIn and Key")
	}
	return &Book{o}
}

// File is a document to keep.
type File struct {
	Store, Record string
	Route         string // the id of what brought it
	Type          string // one of [Types]
	Body          []byte // up to [MaxBytes]
}

// Document says what is known of a file without opening it.
type Document struct {
	ID, Store, Record string
	Type              string
	Bytes             int64
	At                time.Time
	Route             string // the id of what brought it
	Author            string // for whom it was brought
}

// Types lists the media types of documents; a type's place is its number on disk.
func Types() []string {
	return []string{"application/pdf", "image/png", "application/zpl", "text/plain"}
}

func (f *fileRow) shown() Document {
	d := Document{ID: f.id, Store: f.store, Record: f.record, Bytes: f.size, At: db.Time(f.at), Route: f.route, Author: f.author}
	if f.kind > 0 && f.kind <= int64(len(Types())) {
		d.Type = Types()[f.kind-1]
	}
	return d
}

func (f *fileRow) resource() strongroom.Resource {
	return strongroom.Resource{Type: "Document", ID: f.id, Store: f.store}
}

// ad binds a body to its row.
func (b *Book) ad(f *fileRow) []byte {
	return seal.AD("strongroom/document/1", string(b.o.Environment), f.id, f.store, f.record, f.kind, f.size, f.at, f.route, f.author)
}

// beside names the key of a file among what lies beside its record.
func beside(id string) string { return "document/" + id }

func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func noDocument() error {
	return strongroom.Faultf(strongroom.NotFound, "document", "there is no such document")
}

// Keep seals a file beside a record and returns its id. Faults: Invalid, TooLarge,
// Denied, Conflict (32 files of a record), and those of the record and its store.
func (b *Book) Keep(ctx context.Context, who strongroom.Actor, in File) (string, error) {
	f := fileRow{
		id: strongroom.NewID("doc"), store: in.Store, record: in.Record, kind: int64(slices.Index(Types(), in.Type) + 1), size: int64(len(in.Body)),
		at: db.Micros(b.o.Clock.Now()), route: in.Route, author: who.ID,
	}
	switch {
	case f.kind == 0:
		return "", b.refuse(ctx, who, actionKeep, strongroom.Faultf(strongroom.Invalid, "document-type", "a document is one of %v", Types()))
	case f.size == 0 || f.size > MaxBytes:
		return "", b.refuse(ctx, who, actionKeep, strongroom.Faultf(strongroom.TooLarge, "document-size", "a document has 1 to %d bytes", MaxBytes))
	case !strongroom.IsAnyID(in.Store) || !strongroom.IsAnyID(in.Record) || !strongroom.IsAnyID(in.Route):
		return "", b.refuse(ctx, who, actionKeep, strongroom.Faultf(strongroom.Invalid, "document-origin", "a document has a store, a record and an origin"))
	}
	if !fits(in.Type, in.Body) {
		return "", b.refuse(ctx, who, actionKeep, strongroom.Faultf(strongroom.Invalid, "document-type", "the file is not what it says it is"))
	}
	key := seal.NewKey()
	defer key.Zero()
	body := key.Seal(nil, b.ad(&f), in.Body) // before the transaction that others wait for
	err := b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionKeep, f.resource(), guard.Context{}); err != nil {
			return err
		}
		tx.Note("record", f.record)
		if err := b.Room(&tx.Reader, f.record); err != nil {
			return err
		}
		secret := key.Expose(nil)
		defer clear(secret)
		if err := b.o.Vault.SealBesideTx(tx, f.store, f.record, beside(f.id), secret); err != nil {
			return err
		}
		return putFile(tx, &f, body)
	})
	if err != nil {
		return "", err
	}
	return f.id, nil
}

// Room returns a fault where a record takes no more documents. Faults: Conflict.
func (b *Book) Room(r *db.Reader, record string) error {
	n, err := count(r.QueryRow(sqlBeside, record))
	if err == nil && n >= MaxFiles {
		err = strongroom.Faultf(strongroom.Conflict, "documents", "a record has at most %d documents", MaxFiles).
			Advise("they go with their record")
	}
	return err
}

// List returns documents of a store, of one record if record is not empty, and what the
// next page begins behind. Faults: NotFound store, Denied.
func (b *Book) List(ctx context.Context, who strongroom.Actor, store, record, after string, limit int) (list []Document, next string, err error) {
	if limit <= 0 || limit > listLimit {
		limit = listLimit
	}
	if !strongroom.IsAnyID(store) {
		return nil, "", b.refuse(ctx, who, actionList, strongroom.Faultf(strongroom.NotFound, "store", "there is no such store"))
	}
	err = b.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		list, next = nil, ""
		if err := v.Allow(actionList, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		if err := b.o.Vault.CheckStore(&v.Reader, store); err != nil {
			return err
		}
		rows, err := listFiles(&v.Reader, store, record, after, limit+1)
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].id
		}
		for _, f := range rows {
			list = append(list, f.shown())
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

// refuse records what was refused before the policies were asked.
func (b *Book) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, err error) error {
	return b.o.Guard.Refused(ctx, who, a, instance(), 0, err)
}

// ForgetTx removes all documents of a store, as a part of disconnecting it. The caller
// has been allowed to.
func (b *Book) ForgetTx(tx *guard.Tx, store string) error {
	_, err := tx.Exec(sqlForget, store)
	return err
}
