package message

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/jwe"
	"strongroom/internal/seal"
)

// Numbers; all are ours.
const (
	KeyLife   = 30 * 24 * time.Hour // a key of the instance is the newest one
	Overlap   = 7 * 24 * time.Hour  // and still opens
	Skew      = 5 * time.Minute     // between when a request was made and comes
	maxSeen   = 100_000             // requests that are remembered
	maxClient = 8                   // keys of a holder
)

// Options configure a [Book]; all are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	Key         seal.Key // of the instance, for this package
	Clock       *strongroom.Clock
	// Real is the machine's time, which requests are held against.
	Real *strongroom.Clock
	// OnHost says that keys are registered on the host alone.
	OnHost bool
}

// Book keeps the keys.
type Book struct {
	o    Options
	mu   sync.Mutex
	seen map[string]time.Time // ids of requests, and until when they are remembered
}

// New returns the book. It panics without a required option, which is a mistake of the
// programmer.
func New(o Options) *Book {
	if o.Guard == nil || o.Clock == nil || o.Real == nil || o.Key.IsZero() {
		panic("message: Options needs Guard, Key, Clock and Real")
	}
	return &Book{o: o, seen: map[string]time.Time{}}
}

// Client is a registered key.
type Client struct {
	ID, Holder, KID string
	Added           time.Time
	Author          string
	Until           time.Time // zero: no end
	Damaged         bool      // its row was changed; it is no key
}

func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func (b *Book) ownAD(o *ownRow) []byte {
	return seal.AD("strongroom/message-own/1", string(b.o.Environment), o.id, o.made)
}

func (b *Book) clientAD(c *clientRow) []byte {
	return seal.AD("strongroom/message-client/1", string(b.o.Environment), c.id, c.holder, c.added, c.author, c.until)
}

// own opens the instance's keys that are good at an instant, the newest first.
func (b *Book) own(r *db.Reader, now time.Time) (keys []jwe.PrivateKey, err error) {
	rows, err := loadOwn(r)
	if err != nil {
		return nil, err
	}
	for _, o := range rows {
		if !now.Before(db.Time(o.made).Add(KeyLife + Overlap)) {
			continue
		}
		raw, err := b.o.Key.Open(nil, b.ownAD(&o), o.sealed)
		if err != nil {
			continue // a row that somebody put there is no key
		}
		k, err := jwe.ParsePrivate(raw)
		clear(raw)
		if err == nil && k.Public().KID() == o.id {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Keys returns the keys that requests may be sealed to, the newest first, as a JWK set
// (RFC 7517, 5).
func (b *Book) Keys(ctx context.Context) (json.RawMessage, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	err := b.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		keys, err := b.own(r, b.o.Clock.Now())
		for _, k := range keys {
			set.Keys = append(set.Keys, k.Public().JWK())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// Open opens a request. Faults: Invalid message, Conflict message-replayed, Unavailable.
func (b *Book) Open(ctx context.Context, request []byte) ([]byte, error) {
	h, err := jwe.ReadHeader(request)
	if err != nil {
		return nil, err
	}
	now := b.o.Real.Now()
	if h.ContentType != "json" && h.ContentType != "application/json" {
		return nil, strongroom.Faultf(strongroom.Invalid, "message", "the sealed message is no JSON").Advise(`say "cty": "json" in its header`)
	}
	if at := time.Unix(h.Issued, 0); h.ID == "" || at.Before(now.Add(-Skew)) || at.After(now.Add(Skew)) {
		return nil, strongroom.Faultf(strongroom.Invalid, "message-time", "the sealed message does not say that it was made just now").
			Advise("put the time (iat, Unix seconds) and an id of its own (jti) into its header, and set your clock")
	}
	var key *jwe.PrivateKey
	err = b.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		keys, err := b.own(r, b.o.Clock.Now())
		for i := range keys {
			if keys[i].Public().KID() == h.KeyID {
				key = &keys[i]
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "message-key", "the sealed message is for a key that is not, or no longer, ours").
			Advise("take the first one of /.well-known/jwks.json")
	}
	text, err := key.Open(request)
	if err != nil {
		return nil, err
	}
	return text, b.once(h.ID, now)
}

// once refuses an id that came before. When more are remembered than there is room for,
// it refuses: what cannot be told apart is not let in.
func (b *Book) once(id string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until, again := b.seen[id]; again && now.Before(until) {
		return strongroom.Faultf(strongroom.Conflict, "message-replayed", "the sealed message came before").Advise("give each message an id of its own (jti)")
	}
	if len(b.seen) >= maxSeen {
		for k, until := range b.seen {
			if !now.Before(until) {
				delete(b.seen, k)
			}
		}
	}
	if len(b.seen) >= maxSeen {
		return strongroom.Faultf(strongroom.Unavailable, "messages", "too many sealed messages came in the last minutes").Advise("try again in some minutes")
	}
	b.seen[id] = now.Add(2 * Skew)
	return nil
}

// KeyOf returns the newest key that a holder's answers are sealed to; a zero one if the
// holder has none. Faults: Internal where the row was changed.
func (b *Book) KeyOf(ctx context.Context, holder string) (key jwe.PublicKey, err error) {
	err = b.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		rows, err := clientsOf(r, holder)
		if err != nil {
			return err
		}
		for _, c := range rows {
			if c.until != 0 && c.until <= db.Micros(b.o.Clock.Now()) {
				continue
			}
			key, err = b.client(&c)
			return err // never an older one in the place of one that was changed
		}
		return nil
	})
	return key, err
}

func (b *Book) client(c *clientRow) (jwe.PublicKey, error) {
	text, err := b.o.Key.Open(nil, b.clientAD(c), c.sealed)
	if err != nil {
		return jwe.PublicKey{}, strongroom.Faultf(strongroom.Internal, "tampered", "a registered key's row was changed").Advise("remove it and add it anew")
	}
	return jwe.ParsePublic(text)
}
