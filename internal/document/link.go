package document

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

// linkPrefix begins the secret of a link.
const linkPrefix = "srd"

// For says for whom and for what a link is.
type For struct {
	Person    string // who is to open it
	Purpose   strongroom.Purpose
	Reference string // the order or case, as of a reveal
}

// Link is a link just made. Its secret is shown once.
type Link struct {
	Secret seal.Secret
	Until  time.Time
}

// linkCard is what a link's row keeps sealed.
type linkCard struct {
	Person    string             `json:"person"`
	Purpose   strongroom.Purpose `json:"purpose"`
	Reference string             `json:"reference"`
}

func (b *Book) linkAD(l *linkRow) []byte {
	return seal.AD("strongroom/document-link/1", string(b.o.Environment), string(l.digest), l.document, l.until)
}

// openLink loads a link and what is sealed of it.
func (b *Book) openLink(r *db.Reader, digest []byte) (l linkRow, card linkCard, err error) {
	if l, err = loadLink(r, digest); err != nil {
		return l, card, err
	}
	text, err := b.o.Key.Open(nil, b.linkAD(&l), l.sealed)
	if err == nil {
		err = json.Unmarshal(text, &card)
	}
	if err != nil {
		err = strongroom.Faultf(strongroom.Internal, "tampered", "the link's row was changed")
	}
	return l, card, err
}

// Link makes a link to a document for one person, good once and for [LinkLife]. Faults:
// Invalid (purpose, reference, person), NotFound, Denied, Conflict (16 links that wait).
func (b *Book) Link(ctx context.Context, who strongroom.Actor, id string, q For) (Link, error) {
	logged, err := b.o.Vault.CheckPurpose(q.Purpose, q.Reference)
	if err == nil && (!strongroom.IsID("doc", id) || !strongroom.IsAnyID(q.Person)) {
		err = noDocument()
	}
	if err != nil {
		return Link{}, b.refuse(ctx, who, actionLink, err)
	}
	secret := seal.NewSecret(linkPrefix)
	var until time.Time
	err = b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		f, found := loadFile(&tx.Reader, id)
		if found != nil {
			f = fileRow{id: id}
		}
		if err := tx.Allow(actionLink, f.resource(), guard.Context{Purpose: q.Purpose, Reference: logged, Given: q.Reference}); err != nil {
			return err
		}
		if strongroom.IsKind(found, strongroom.NotFound) {
			return noDocument()
		}
		if found != nil {
			return found
		}
		tx.Note("account", q.Person)
		if err := b.standing(tx, &f); err != nil {
			return err
		}
		if err := b.o.MaySignIn(&tx.Reader, q.Person, tx.Now()); err != nil {
			return strongroom.Faultf(strongroom.Invalid, "person", "nobody who can sign in has this id").Advise("see strongroom person list").Because(err)
		}
		if n, err := count(tx.QueryRow(sqlLinksOf, id, db.Micros(tx.Now()))); err != nil || n >= maxLinks {
			if err == nil {
				err = strongroom.Faultf(strongroom.Conflict, "links", "%d links to the document wait already", maxLinks)
			}
			return err
		}
		until = tx.Now().Add(LinkLife)
		sum := sha256.Sum256([]byte(secret.Reveal()))
		card, err := json.Marshal(linkCard(q))
		if err != nil {
			return err
		}
		l := linkRow{digest: sum[:], document: id, until: db.Micros(until)}
		l.sealed = b.o.Key.Seal(nil, b.linkAD(&l), card)
		return putLink(tx, &l)
	})
	if err != nil {
		return Link{}, err
	}
	return Link{Secret: secret, Until: until}, nil
}

// standing refuses a document whose record is no more or whose store is closed.
func (b *Book) standing(tx *guard.Tx, f *fileRow) error {
	if err := b.o.Vault.CheckStore(&tx.Reader, f.store); err != nil {
		return err
	}
	lives, err := b.o.Vault.Stands(&tx.Reader, tx.Now(), f.record)
	if err == nil && !lives {
		err = strongroom.Faultf(strongroom.Erased, "erased", "the document's record is no more")
	}
	return err
}

// errLink is the answer to every link that opens nothing, so that it tells no more.
func errLink() error {
	return strongroom.Faultf(strongroom.NotFound, "document-link", "the link opens nothing: it is unknown, over, used, or another person's").
		Advise("ask for a new one")
}

// Open uses up a link and returns the document and its bytes. Who asks must be the person
// that the link is for. It takes a whole record off that person's budget of reveals.
// Faults: NotFound document-link, Denied, Exhausted budget, Internal tampered, and those
// of the record.
func (b *Book) Open(ctx context.Context, who strongroom.Actor, secret string) (Document, []byte, error) {
	digest := sha256.Sum256([]byte(secret))
	var f fileRow
	var body []byte
	var key *vault.Beside
	var receipt *guard.Receipt
	err := b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		l, card, found := linkRow{}, linkCard{}, errLink()
		if seal.IsSecret(linkPrefix, secret) && who.Kind == strongroom.PersonActor {
			l, card, found = b.openLink(&tx.Reader, digest[:])
		}
		res, why := instance(), guard.Context{}
		if found == nil {
			f, found = loadFile(&tx.Reader, l.document)
		}
		if found == nil {
			logged, err := b.o.Vault.CheckPurpose(card.Purpose, card.Reference)
			if err != nil {
				return err
			}
			res, why = f.resource(), guard.Context{Purpose: card.Purpose, Reference: logged, Given: card.Reference}
		}
		if err := tx.Allow(actionOpen, res, why); err != nil {
			return err
		}
		switch {
		case strongroom.IsKind(found, strongroom.NotFound), found == nil && (card.Person != tx.Actor().ID || l.until <= db.Micros(tx.Now())):
			return errLink()
		case found != nil:
			return found
		}
		tx.Note("record", f.record)
		err := b.o.Vault.CheckCaseTx(tx, card.Purpose, card.Reference, f.store)
		if err != nil {
			return err
		}
		if key, err = b.o.Vault.BesideTx(tx, f.store, f.record, beside(f.id)); err != nil {
			return err
		}
		if body, err = loadBody(&tx.Reader, f.id); err != nil {
			return err
		}
		if err := b.o.Vault.DebitTx(tx, f.store, f.record, card.Purpose); err != nil {
			return err
		}
		receipt = tx.Receipt()
		return dropLink(tx, digest[:])
	})
	if err != nil {
		return Document{}, nil, err
	}
	d, text, err := b.unseal(&f, key, body)
	if err != nil { // what was allowed did not open: the log says that too
		index, _ := receipt.Index()
		if lost := b.o.Guard.Failed(ctx, who, actionOpen, f.resource(), "tampered", index); lost != nil {
			return Document{}, nil, lost
		}
	}
	return d, text, err
}

// unseal opens a body once the event is durable.
func (b *Book) unseal(f *fileRow, beside *vault.Beside, body []byte) (Document, []byte, error) {
	secret, err := beside.Open()
	if err != nil {
		return Document{}, nil, err
	}
	defer clear(secret)
	key, err := seal.KeyFrom(secret)
	if err != nil {
		return Document{}, nil, err
	}
	defer key.Zero()
	text, err := key.Open(nil, b.ad(f), body)
	if err != nil {
		return Document{}, nil, strongroom.Faultf(strongroom.Internal, "tampered", "the document does not open").
			Advise("its row was changed; see the log")
	}
	return f.shown(), text, nil
}
