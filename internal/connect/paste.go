package connect

import (
	"context"
	"maps"
	"strings"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/vault"
)

// Pasted is a token that an operator hands in.
type Pasted struct {
	Token   string // secret
	Version string // v1, v2, v3; "" means v2
	Base    string // "" means the configured address
	// GrantedBy says who at the shop granted access; sealed. "" is the operator's word
	// for it.
	GrantedBy string
}

func (p *Pasted) check() (intake.Connection, error) {
	conn := connection(p.Token, p.Version, p.Base)
	if err := checkToken(p.Token, false); err != nil {
		return conn, err
	}
	if len(p.GrantedBy) > maxHint {
		return conn, strongroom.Faultf(strongroom.Invalid, "granted-by", "who granted access has at most %d bytes", maxHint)
	}
	return conn, nil
}

// ready says whether a token could work, before anything is written: it looks where
// the address leads, for who may add a store and for nobody else. What it does not
// look at is refused, and recorded, when the policies are asked.
func (c *Connect) ready(ctx context.Context, who strongroom.Actor, store string, p *Pasted) (intake.Connection, error) {
	conn, err := p.check()
	if err == nil && c.o.Guard.Still(who, actionStoreAdd, storeResource(store)) {
		err = c.o.Intake.CheckBase(ctx, p.Base)
	}
	if err == nil {
		err = c.o.Intake.CheckConnection(conn)
	}
	return conn, err
}

// AddStore adds a store with a token that was pasted. Faults: of [vault.Vault.CreateStore];
// Invalid for a token or an address that cannot work, Denied for an address that is not
// public.
func (c *Connect) AddStore(ctx context.Context, who strongroom.Actor, spec vault.StoreSpec, p Pasted) (s vault.Store, err error) {
	id := vault.NewStoreID()
	conn, err := c.ready(ctx, who, id, &p)
	if err == nil {
		err = c.o.Vault.CheckStoreSpec(spec)
	}
	if err != nil {
		return s, c.refuse(ctx, who, actionStoreAdd, storeResource(id), err)
	}
	err = c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionStoreAdd, storeResource(id), guard.Context{}); err != nil {
			return err
		}
		if s, err = c.o.Vault.CreateStoreTx(tx, id, spec); err != nil {
			return err
		}
		if err := noteToken(tx, c.markOf("token", p.Token), id, tx.Now()); err != nil {
			return err
		}
		return c.takeIn(tx, id, spec.Platform, coming{how: byPaste, who: grantor{User: p.GrantedBy}}, conn)
	})
	if err == nil {
		c.o.Connected(ctx, id)
	}
	return s, err
}

// Paste seals a token for a store that is there, in the place of an older one. Where
// no grant stands, because the store had none yet or is closed, it is a new grant and
// opens the store. Faults: Invalid and Denied as of [Connect.AddStore], NotFound and
// Erased for the store.
func (c *Connect) Paste(ctx context.Context, who strongroom.Actor, store string, p Pasted) error {
	if !strongroom.IsAnyID(store) {
		return c.refuse(ctx, who, actionStoreAdd, strongroom.Resource{Type: "Instance", ID: "instance"}, noStore())
	}
	platform, err := c.o.Vault.PlatformOf(ctx, store)
	var conn intake.Connection
	if err == nil {
		conn, err = c.ready(ctx, who, store, &p)
	}
	if err != nil {
		return c.refuse(ctx, who, actionStoreAdd, storeResource(store), err)
	}
	err = c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionStoreAdd, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		if err := c.reopen(tx, store); err != nil {
			return err
		}
		if err := noteToken(tx, c.markOf("token", p.Token), store, tx.Now()); err != nil {
			return err
		}
		open, err := openGrants(&tx.Reader, store)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return c.takeIn(tx, store, platform, coming{how: byPaste, who: grantor{User: p.GrantedBy}}, conn)
		}
		return c.o.Intake.ConnectTx(tx, store, platform, conn) // a rotation: the grant stands
	})
	if err == nil {
		c.o.Connected(ctx, store)
	}
	return err
}

// Authorization asks EcartAPI to make a token of the platform's own credentials.
type Authorization struct {
	Platform, URL string
	// Credentials are what the platform asks for, by their names; secret, sent to
	// EcartAPI once and kept nowhere.
	Credentials map[string]string
	GrantedBy   string
}

// Authorize connects a store by the platform's own credentials. Faults: Invalid where
// EcartAPI refuses them, Denied where it refuses the application's client id,
// NotFound for the application, Unavailable.
func (c *Connect) Authorize(ctx context.Context, who strongroom.Actor, app string, a Authorization) (Connected, error) {
	if a.Platform == "" || a.URL == "" || len(a.Platform) > maxHint || len(a.URL) > maxHint || len(a.Credentials) > 20 || len(a.GrantedBy) > maxHint {
		return Connected{}, c.refuse(ctx, who, actionStoreAdd, strongroom.Resource{Type: "Instance", ID: "instance"},
			strongroom.Faultf(strongroom.Invalid, "authorize", "an authorization names platform, url and up to 20 credentials"))
	}
	var card *appCard
	// Who may not add a store gets nothing asked in the product's name.
	err := c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(actionStoreAdd, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		tx.Note("how", byAuthorize.word())
		card, err = c.app(&tx.Reader, app)
		return err
	})
	if err != nil {
		return Connected{}, err
	}
	in := map[string]string{}
	maps.Copy(in, a.Credentials)
	in["ecommerce"], in["url"] = strings.ToLower(a.Platform), a.URL
	got, err := c.authorize(ctx, card, in)
	if err != nil {
		return Connected{}, err
	}
	if err := checkToken(got.Token, false); err != nil {
		return Connected{}, err
	}
	named := shop{got.Access.Platform, got.Access.URL}
	g := coming{app: app, card: card, how: byAuthorize, who: grantor{User: a.GrantedBy, URL: named.url}}
	g.secrets.Token = got.Access.Token
	return c.admit(ctx, who, g, connection(got.Token, "", ""), named, shop{a.Platform, a.URL})
}
