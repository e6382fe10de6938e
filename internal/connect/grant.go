package connect

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

const grantPrefix = "gra"

// Receipt proves that the owner of a shop granted access (DPP 3.2.7): who, by which
// way, which scope, and the digest of the text that was shown.
type Receipt struct {
	ID     string // "gra_…"
	Store  string
	App    string // "" for a token that was pasted without one
	How    string // redirect, shop_id, paste, authorize
	At     time.Time
	By     string // the actor who recorded it: sys:connect for an owner's own way
	Person string // keyed hash of who granted, by the id that EcartAPI or the operator named; "" if nobody was named
	Scope  []string
	// TextDigest is the SHA-256, in hex, of the application's name, the scope and the
	// text. Shown says that a page of ours showed it before.
	TextDigest string
	Shown      bool
	Ended      time.Time // zero while it stands
	Cause      string    // why it ended; "" while it stands
	Damaged    bool      // its row was changed in the database: ID and Store alone are set
}

// grantor is what is sealed of who granted and for which shop.
type grantor struct {
	User string `json:"u,omitempty"`
	Name string `json:"n,omitempty"`
	URL  string `json:"l,omitempty"`
}

// platformSecrets are the platform's own token and refresh token. They came in the
// query of a redirect and are kept with the grant, because whoever holds them reaches
// the shop; they go with it.
type platformSecrets struct {
	Token   string `json:"t,omitempty"`
	Refresh string `json:"r,omitempty"`
}

// coming is a grant on its way in.
type coming struct {
	app     string
	card    *appCard // nil without application
	how     how
	shown   bool
	shop    []byte // keyed hash of the shop that EcartAPI named; empty if it named none
	who     grantor
	secrets platformSecrets
}

// markOf is the keyed hash of a word, for finding it again.
func (c *Connect) markOf(what string, parts ...string) []byte {
	list := [][]byte{[]byte(what)}
	for _, p := range parts {
		list = append(list, []byte(p))
	}
	sum := c.mark.MAC(list...)
	return sum[:16]
}

// shopMark names a shop by what EcartAPI said of it; empty where that is not enough.
func (c *Connect) shopMark(app string, s shop) []byte {
	host := hostOf(s.url)
	if host == "" || s.platform == "" {
		return []byte{}
	}
	return c.markOf("shop", app, strings.ToLower(s.platform), host)
}

// hostOf returns host and path of an address in one spelling, "" for what is none.
func hostOf(text string) string {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || len(text) > maxHint {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Host), "www.") + strings.TrimRight(u.Path, "/")
}

// grantTx writes the receipt of a grant that takes the place of those that stand.
func (c *Connect) grantTx(tx *guard.Tx, store string, g coming) error {
	if _, err := c.endTx(tx, store, Again); err != nil {
		return err
	}
	card := g.card
	if card == nil {
		card = &appCard{Scope: Scopes()}
	}
	row := grantRow{
		id: strongroom.NewID(grantPrefix), store: store, app: g.app, shop: g.shop, how: int64(g.how), at: db.Micros(tx.Now()),
		by: tx.Actor().ID, digest: card.digest(), scope: strings.Join(card.Scope, " "),
	}
	if g.shown {
		row.shown = 1
	}
	if row.shop == nil {
		row.shop = []byte{}
	}
	var err error
	if row.person, err = c.sealFor(&row, keys.Merchant, "person", g.who); err != nil {
		return err
	}
	if row.secrets, err = c.sealFor(&row, keys.Credential, "secrets", g.secrets); err != nil {
		return err
	}
	row.proof = c.proofOf(&row)
	tx.Note("how", g.how.word())
	tx.Note("digest", hex.EncodeToString(row.digest))
	return insertGrant(tx, &row)
}

func (c *Connect) sealFor(g *grantRow, use keys.Use, what string, v any) ([]byte, error) {
	key, err := c.o.Keys.StoreKey(g.store, use)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return key.Seal(nil, c.grantAD(g, what), text), nil
}

func (c *Connect) grantAD(g *grantRow, what string) []byte {
	return seal.AD("strongroom/connect-grant/1", string(c.o.Environment), what, g.id, g.store, g.at)
}

// proofOf binds everything of a row together.
func (c *Connect) proofOf(g *grantRow) []byte {
	sum := c.proof.MAC(seal.AD("strongroom/connect-proof/1", g.id, g.store, g.app, g.how, g.at, g.by, g.shown, g.scope, g.ended, g.cause),
		g.shop, g.digest, g.person, g.secrets)
	return sum[:]
}

// whole reports whether a row is as the product wrote it.
func (c *Connect) whole(g *grantRow) bool {
	return subtle.ConstantTimeCompare(c.proofOf(g), g.proof) == 1
}

// endTx ends the grants of a store that stand, and wipes what they hold of secrets. It
// returns the newest of them, nil if none stood.
func (c *Connect) endTx(tx *guard.Tx, store string, cause Cause) (newest *grantRow, err error) {
	open, err := openGrants(&tx.Reader, store)
	if err != nil {
		return nil, err
	}
	for i := range open {
		g := &open[i]
		whole := c.whole(g)
		g.ended, g.cause, g.secrets = db.Micros(tx.Now()), int64(cause), []byte{}
		if whole { // one that was changed ends too, and stays damaged
			g.proof = c.proofOf(g)
		}
		if err := updateGrant(tx, g); err != nil {
			return nil, err
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	return &open[0], nil
}

// EndedTx notes that a store was disconnected, as a part of that.
func (c *Connect) EndedTx(tx *guard.Tx, store string) error {
	_, err := c.endTx(tx, store, Left)
	return err
}

// receipt opens a row as far as a receipt shows it.
func (c *Connect) receipt(g *grantRow) Receipt {
	if !c.whole(g) {
		return Receipt{ID: g.id, Store: g.store, Damaged: true}
	}
	out := Receipt{
		ID: g.id, Store: g.store, App: g.app, How: how(g.how).String(), At: db.Time(g.at), By: g.by,
		Scope: strings.Fields(g.scope), TextDigest: hex.EncodeToString(g.digest), Shown: g.shown != 0, Cause: Cause(g.cause).String(),
	}
	if g.ended > 0 {
		out.Ended = db.Time(g.ended)
	}
	key, err := c.o.Keys.StoreKey(g.store, keys.Merchant)
	if err != nil {
		return out // the keys of a store that left are gone, and with them who it was
	}
	var who grantor
	if text, err := key.Open(nil, c.grantAD(g, "person"), g.person); err == nil && json.Unmarshal(text, &who) == nil && who.User != "" {
		out.Person = hex.EncodeToString(c.markOf("person", who.User))
	}
	return out
}

// Grants lists the receipts of a store, newest first, up to 200.
func (c *Connect) Grants(ctx context.Context, who strongroom.Actor, store string) (out []Receipt, err error) {
	if !strongroom.IsAnyID(store) {
		return nil, noStore()
	}
	err = c.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		out = nil
		if err := v.Allow(actionStoreList, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		rows, err := grantsOf(&v.Reader, store)
		for i := range rows {
			out = append(out, c.receipt(&rows[i]))
		}
		return err
	})
	return out, err
}

// Credential is a credential as a list shows it: it holds no part of it.
type Credential struct {
	Kind  string // store: the token of a store; application: the client id of an account
	Store string
	App   string
	Since time.Time
	Used  time.Time // zero if never, and for applications
	Old   bool      // older than the configured age: rotate it
}

// Credentials lists every credential the actor may see, with its age and last use.
func (c *Connect) Credentials(ctx context.Context, who strongroom.Actor) (out []Credential, err error) {
	err = c.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actionStoreList, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		all, err := c.credentials(&v.Reader)
		out = out[:0]
		for _, x := range all {
			if who.AllStores || x.Store != "" && slices.Contains(who.Stores, x.Store) {
				out = append(out, x)
			}
		}
		v.Note("count", int64(len(out)))
		return err
	})
	return out, err
}

func (c *Connect) credentials(r *db.Reader) (out []Credential, err error) {
	stores, err := c.o.Intake.Connectors(r)
	if err != nil {
		return nil, err
	}
	now := c.o.Clock.Now()
	old := func(since time.Time) bool { return now.Sub(since) > c.o.MaxAge }
	for _, x := range stores {
		out = append(out, Credential{Kind: "store", Store: x.Store, Since: x.Since, Used: x.Used, Old: old(x.Since)})
	}
	apps, err := listApps(r)
	for _, a := range apps {
		out = append(out, Credential{Kind: "application", App: a.id, Since: db.Time(a.at), Old: old(db.Time(a.at))})
	}
	return out, err
}

// Tally is for gauges and findings.
type Tally struct {
	Credentials int
	Old         int           // older than the configured age
	Oldest      time.Duration // age of the oldest
	// Reopened counts stores that show data although their newest grant ended, and
	// grants whose row was changed: somebody changed the database.
	Reopened int
}

// Tally counts credentials and looks whether stores stand as their grants do.
func (c *Connect) Tally(ctx context.Context) (t Tally, err error) {
	err = c.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		t = Tally{}
		all, err := c.credentials(r)
		if err != nil {
			return err
		}
		now := c.o.Clock.Now()
		for _, x := range all {
			t.Credentials++
			t.Oldest = max(t.Oldest, now.Sub(x.Since))
			if x.Old {
				t.Old++
			}
		}
		rows, err := latestGrants(r)
		if err != nil {
			return err
		}
		for i := range rows {
			if !c.whole(&rows[i]) || rows[i].ended > 0 && c.o.Vault.CheckStore(r, rows[i].store) == nil {
				t.Reopened++
			}
		}
		return nil
	})
	return t, err
}

// connection returns the connection of a token.
func connection(token, version, base string) intake.Connection {
	return intake.Connection{Token: intake.NewSecret(token), Version: version, Base: base}
}
