package intake

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "intake", FS: schema} }

// Vault is what a sync needs of the vault.
type Vault interface {
	// IngestMany takes pages in. What it answers without error is durable; taking
	// the same page in again changes nothing.
	IngestMany(ctx context.Context, who strongroom.Actor, ins []vault.In) ([]vault.Outcome, error)
	// PlatformOf returns the platform of a store, "" if there is none. Nobody is
	// shown the answer.
	PlatformOf(ctx context.Context, id string) (string, error)
	// CheckStore returns nil if the store is connected, else NotFound or Erased.
	CheckStore(r *db.Reader, id string) error
}

// Options configure an [Intake]. Guard, Keys, Vault and Clock are required.
type Options struct {
	Guard *guard.Guard
	Keys  *keys.Keys
	Vault Vault
	Clock *strongroom.Clock // the data clock: windows end at its now
	// BaseURL is where EcartAPI answers if a connection does not say; "" means
	// [DefaultBase].
	BaseURL string
	// Reach is how far back the first sync asks: no record whose last event is
	// older may still be alive. 0 means 62 days, the longest clock of the shipped
	// profile (60 days) and two days for clocks that differ.
	Reach time.Duration
	// Overlap is how far a sync reaches into the window before it, for events
	// that the platform wrote down late. 0 means 10 minutes.
	Overlap   time.Duration
	Retry     Retry
	Transport http.RoundTripper // nil is a transport of the client's own
	// Loopback lets the base address of a connection lead to loopback, for test
	// instances. All other addresses that are not public are refused.
	Loopback bool
	// Lost hears that EcartAPI refused the token of a store, with one of the causes
	// of this package. It is called outside any transaction. nil ignores it.
	Lost func(ctx context.Context, store, cause string)
	Log  *slog.Logger // nil discards
}

// Intake fetches stores' data. It is safe for concurrent use; one store is
// synced by one caller at a time, the others are refused with Conflict.
type Intake struct {
	o    Options
	log  *slog.Logger
	busy busy
	used uses
	out  outward
}

// New returns an Intake. It panics without a required option, which is a mistake
// of the programmer.
func New(o Options) *Intake {
	if o.Guard == nil || o.Keys == nil || o.Vault == nil || o.Clock == nil {
		panic("intake: Options needs Guard, Keys, Vault and Clock")
	}
	if o.BaseURL == "" {
		o.BaseURL = DefaultBase
	}
	if o.Reach == 0 {
		o.Reach = 62 * 24 * time.Hour
	}
	if o.Overlap == 0 {
		o.Overlap = 10 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Intake{o: o, log: o.Log, busy: newBusy()}
}

// Connection says how a store is reached.
type Connection struct {
	Token   Secret // the store's access token
	Version string // v1, v2 or v3; "" means v2
	Base    string // "" means Options.BaseURL at the time of each sync
}

// card is what is sealed of a connection.
type card struct {
	Token    string `json:"t"`
	Version  string `json:"v"`
	Base     string `json:"b,omitempty"`
	Platform string `json:"p,omitempty"`
}

// Connect seals a store's credential, in the place of an older one, and forgets
// nothing that was fetched. It does not call EcartAPI; see [Intake.Check].
// Faults: Invalid for a connection that cannot work, NotFound and Erased for the
// store.
func (i *Intake) Connect(ctx context.Context, who strongroom.Actor, store string, c Connection) error {
	if !strongroom.IsAnyID(store) {
		return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	platform, err := i.o.Vault.PlatformOf(ctx, store)
	if err != nil {
		return err
	}
	if err := i.CheckConnection(c); err != nil {
		return err
	}
	return i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionConnect, resourceOf(store), guard.Context{}); err != nil {
			return err
		}
		if err := i.o.Vault.CheckStore(&tx.Reader, store); err != nil {
			return err
		}
		return i.ConnectTx(tx, store, platform, c)
	})
}

// CheckConnected returns Conflict if the store has no credential, on the
// transaction of a caller that decides itself.
func (i *Intake) CheckConnected(r *db.Reader, store string) error {
	_, err := connection(r, store)
	return err
}

// connection loads a store's sealed credential.
func connection(r *db.Reader, store string) (sealed []byte, err error) {
	sealed, err = loadConnection(r, store)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, strongroom.Faultf(strongroom.Conflict, "not-connected", "the store has no credential").
			Advise("seal one with: strongroom store credential")
	}
	return sealed, err
}

// Check fetches the store object with the stored credential and gives it to the
// vault: it proves that the credential works. Faults: as of a sync.
func (i *Intake) Check(ctx context.Context, who strongroom.Actor, store string) error {
	_, err := i.Sync(ctx, who, SyncRequest{Store: store, Resources: []string{"store"}}, nil)
	return err
}

// ForgetTx deletes a store's credential and cursors, as a part of disconnecting
// it. The caller has been allowed to.
func (i *Intake) ForgetTx(tx *guard.Tx, store string) error { return dropStore(tx, store) }

// ad is the context of what is sealed here.
func (i *Intake) ad(what, store string, r resource) []byte {
	return seal.AD("strongroom/intake/1", string(i.o.Keys.Environment()), what, store, int64(r))
}

func resourceOf(store string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: store, Store: store}
}

// client returns the client of a connection. limit 0 is what its platform
// grants.
func (i *Intake) client(c card, limit int) (*Client, error) {
	base, transport := c.Base, i.o.Transport
	if base == "" {
		base = i.o.BaseURL
	} else {
		origin, err := i.origin(base)
		if err != nil {
			return nil, err
		}
		if transport == nil {
			transport = i.out.to(origin, i.o.Loopback)
		}
	}
	return NewClient(ClientOptions{
		Base: base, Version: c.Version, Token: Secret{c.Token}, Limit: limit, Retry: i.o.Retry, Transport: transport,
	})
}

// open decides about a sync and returns the client and the cursor of a resource.
func (i *Intake) begin(ctx context.Context, who strongroom.Actor, store string, r resource, limit int) (*Client, card, progressMark, error) {
	var c card
	var mark progressMark
	var sealedCard, sealedMark []byte
	err := i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(ActionSync, resourceOf(store), guard.Context{}); err != nil {
			return err
		}
		if sealedCard, err = i.usable(&tx.Reader, store); err != nil {
			return err
		}
		sealedMark, err = loadCursor(tx, store, r)
		if strongroom.IsKind(err, strongroom.NotFound) {
			sealedMark, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil, c, mark, err
	}
	if err := i.unseal("connection", store, 0, sealedCard, &c); err != nil {
		return nil, c, mark, err
	}
	if sealedMark != nil {
		if err := i.unseal("cursor", store, r, sealedMark, &mark); err != nil {
			return nil, c, mark, err
		}
	}
	i.used.note(store, i.o.Clock.Now())
	client, err := i.client(c, limit)
	return client, c, mark, err
}

func (i *Intake) unseal(what, store string, r resource, sealed []byte, into any) error {
	key, err := i.o.Keys.StoreKey(store, keys.Credential)
	if err != nil {
		return err
	}
	text, err := key.Open(nil, i.ad(what, store, r), sealed)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return strongroom.Faultf(strongroom.Internal, "intake-sealed", "the store's %s does not open", what).
			Advise("connect the store again")
	}
	return nil
}

// save keeps the mark of a resource. It runs without decision and event: a mark
// saves work and decides nothing.
func (i *Intake) save(ctx context.Context, store string, r resource, m progressMark) error {
	key, err := i.o.Keys.StoreKey(store, keys.Credential)
	if err != nil {
		return err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	sealed := key.Seal(nil, i.ad("cursor", store, r), text)
	return i.o.Guard.Quiet(ctx, guard.Cursor, func(_ context.Context, tx *guard.Tx) error {
		return putCursor(tx, store, r, sealed)
	})
}
