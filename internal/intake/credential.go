package intake

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/egress"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// Causes of [Options.Lost]: what EcartAPI answered to a store's token.
const (
	LostUnauthorized = "unauthorized" // 401
	LostForbidden    = "forbidden"    // 403: the token, or only what was asked for
)

// CredentialTx returns a store's credential from the state that r sees, for a
// package that has decided and recorded its own act: the use of a credential is the
// event of that act. It notes the time of the use, which [Intake.Stamp] writes.
// Faults: Conflict (not-connected) for a store without one; of the store NotFound,
// Erased, and Denied (store-closed).
func (i *Intake) CredentialTx(r *db.Reader, store string) (Connection, error) {
	sealed, err := i.usable(r, store)
	if err != nil {
		return Connection{}, err
	}
	var c card
	if err := i.unseal("connection", store, 0, sealed, &c); err != nil {
		return Connection{}, err
	}
	i.used.note(store, i.o.Clock.Now())
	return Connection{Token: Secret{c.Token}, Version: c.Version, Base: c.Base}, nil
}

// usable loads the sealed credential of a store that is open.
func (i *Intake) usable(r *db.Reader, store string) ([]byte, error) {
	sealed, err := connection(r, store)
	// Why a store is shut says more than that it has no credential any more.
	if shut := i.o.Vault.CheckStore(r, store); shut != nil && (err == nil || strongroom.IsKind(shut, strongroom.Denied)) {
		return nil, shut
	}
	return sealed, err
}

// ConnectTx seals a store's credential in the place of an older one, as a part of a
// caller's own act: the caller has been allowed to and looks after the state of the
// store. platform is that of the store. Faults: Invalid for a connection that cannot
// work.
func (i *Intake) ConnectTx(tx *guard.Tx, store, platform string, c Connection) error {
	text, err := i.cardOf(platform, c)
	if err != nil {
		return err
	}
	key, err := i.o.Keys.StoreKey(store, keys.Credential)
	if err != nil {
		return err
	}
	return putConnection(tx, store, key.Seal(nil, i.ad("connection", store, 0), text))
}

// TokenTx returns a store's token to end it at EcartAPI: also that of a store that
// is closed already, and no use is noted. Faults: Conflict (not-connected).
func (i *Intake) TokenTx(r *db.Reader, store string) (Connection, error) {
	sealed, err := connection(r, store)
	if err != nil {
		return Connection{}, err
	}
	var c card
	if err := i.unseal("connection", store, 0, sealed, &c); err != nil {
		return Connection{}, err
	}
	return Connection{Token: Secret{c.Token}, Version: c.Version, Base: c.Base}, nil
}

// CheckConnection returns Invalid for a connection that cannot work, and Denied for a
// base address that leads nowhere a production instance may go.
func (i *Intake) CheckConnection(c Connection) error {
	_, err := i.cardOf("", c)
	return err
}

// cardOf returns what is sealed of a connection.
func (i *Intake) cardOf(platform string, c Connection) ([]byte, error) {
	if c.Version == "" {
		c.Version = "v2"
	}
	kept := card{Token: c.Token.text, Version: c.Version, Base: c.Base, Platform: platform}
	if _, err := i.client(kept, 0); err != nil {
		return nil, err
	}
	return json.Marshal(kept)
}

// Reveal returns the text for the header of a request. Who calls it sends it to
// EcartAPI and nowhere else.
func (s Secret) Reveal() string { return s.text }

// origin reads the base address of a connection of its own: https, and in a test
// instance plain http towards loopback.
func (i *Intake) origin(base string) (egress.Origin, error) {
	o, err := egress.ParseOrigin(base, i.o.Loopback)
	if err != nil {
		return o, strongroom.Faultf(strongroom.Invalid, "base", "the base address must be https://host; plain http towards loopback is for test instances").Because(err)
	}
	return o, nil
}

// lost tells that EcartAPI refused the token of a store.
func (i *Intake) lost(ctx context.Context, store string, err error) {
	f, refused := isRefused(err)
	if i.o.Lost == nil || !refused {
		return
	}
	i.o.Lost(context.WithoutCancel(ctx), store, f)
}

// uses are the times of use that are not written yet.
type uses struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (u *uses) note(store string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at == nil {
		u.at = make(map[string]time.Time)
	}
	u.at[store] = at
}

func (u *uses) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := u.at
	u.at = nil
	return at
}

func (u *uses) of(store string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at[store]
}

// Stamp writes when credentials were used last. The app calls it now and then and
// before it stops; what a crash loses is a time, never a use: that is an event.
func (i *Intake) Stamp(ctx context.Context) error {
	at := i.used.take()
	if len(at) == 0 {
		return nil
	}
	return i.o.Guard.Quiet(ctx, guard.LastSeen, func(_ context.Context, tx *guard.Tx) error {
		for store, t := range at {
			if err := stampUsed(tx, store, t); err != nil {
				return err
			}
		}
		return nil
	})
}
