package connect

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

// ShownLife is how long after the page was shown a callback counts as an answer to
// it.
const ShownLife = time.Hour

// Page is what the owner of a shop reads before going on to EcartAPI.
type Page struct {
	Name   string // of the application
	Scope  []string
	Text   string
	URL    string // where to go on
	Cookie string // to come back with the callback; it says which text was shown
}

// shownCard is what is sealed in the cookie.
type shownCard struct {
	App    string `json:"a"`
	Digest []byte `json:"d"`
	At     int64  `json:"t"` // microseconds of real time
}

func shownAD() []byte { return seal.AD("strongroom/connect-shown/1") }

// Begin returns the page of an application. It writes nothing. Faults: NotFound.
func (c *Connect) Begin(ctx context.Context, id string) (Page, error) {
	card, err := c.knownApp(ctx, id)
	if err != nil {
		return Page{}, err
	}
	text, err := json.Marshal(shownCard{id, card.digest(), c.o.Real.Now().UnixMicro()})
	if err != nil {
		return Page{}, err
	}
	return Page{
		Name: card.Name, Scope: card.Scope, Text: card.text(),
		URL:    strings.TrimRight(c.o.OAuth, "/") + "/" + url.PathEscape(card.EcartApp),
		Cookie: base64.RawURLEncoding.EncodeToString(c.seal.Seal(nil, shownAD(), text)),
	}, nil
}

// wasShown reports whether a cookie says that the present text of an application was
// shown in this browser a while ago.
func (c *Connect) wasShown(cookie, id string, card *appCard) bool {
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(cookie) > 1024 {
		return false
	}
	text, err := c.seal.Open(nil, shownAD(), raw)
	var s shownCard
	if err != nil || json.Unmarshal(text, &s) != nil {
		return false
	}
	age := c.o.Real.Now().Sub(time.UnixMicro(s.At))
	return s.App == id && string(s.Digest) == string(card.digest()) && age >= 0 && age < ShownLife
}

// Connected is a store that came in.
type Connected struct {
	Store string
	New   bool // it was not known before
}

// Callback takes the query with which a browser comes back from EcartAPI, and the
// cookie of [Connect.Begin], which may be empty. On success the store is connected and
// its credential sealed. Faults: Unauthenticated for a callback that proves nothing;
// Conflict for one that came before, which is recorded; NotFound for the application;
// Unavailable where EcartAPI has to be asked and does not answer.
func (c *Connect) Callback(ctx context.Context, id, rawQuery, cookie string) (Connected, error) {
	card, err := c.knownApp(ctx, id)
	if err != nil {
		return Connected{}, err
	}
	q, err := parseCallback(rawQuery)
	if err != nil {
		return Connected{}, err
	}
	g := coming{app: id, card: card, how: byRedirect, shown: c.wasShown(cookie, id, card)}
	g.who = grantor{User: q.user, Name: q.name, URL: q.url}
	if q.older() {
		a, err := c.integration(ctx, card, &q)
		if err != nil {
			return Connected{}, err
		}
		q.token, g.how = a.Token, byShopID
		g.who = grantor{User: a.UserID, URL: a.Access.URL}
		g.secrets.Token = a.Access.Token
		return c.admit(ctx, strongroom.System("connect"), g, connection(a.Token, "", ""), shop{a.Access.Platform, a.Access.URL}, hintOf(&q))
	}
	if err := q.verify(card.EcartApp, card.client()); err != nil {
		return Connected{}, err
	}
	g.secrets = platformSecrets{Token: q.platformToken, Refresh: q.refresh}
	conn := connection(q.token, "", "")
	known, _, err := c.shopOf(ctx, conn)
	if err != nil { // the proof holds all the same; the token becomes a store of its own
		c.o.Log.WarnContext(ctx, "EcartAPI does not say which shop a new token is for", "kind", strongroom.KindOf(err).String())
	}
	return c.admit(ctx, strongroom.System("connect"), g, conn, known, hintOf(&q))
}

// integration proves a callback of the older flow and returns the access it is for.
func (c *Connect) integration(ctx context.Context, card *appCard, q *callback) (access, error) {
	if q.shopID == "" || q.shopKey == "" {
		return access{}, refusedCallback("callback-key", "the callback is not signed by EcartAPI")
	}
	a, err := c.accessOf(ctx, card, q.shopID)
	if err != nil {
		return a, err
	}
	if err := q.verifyShop(a.IntegratedAt, card.client(), c.o.Real.Now()); err != nil {
		return a, err
	}
	return a, checkToken(a.Token, false)
}

// hint is what the query says of the shop: enough for a name, for nothing else.
func hintOf(q *callback) shop { return shop{q.platform, q.url} }

// admit connects the store of a token that is proven or pasted by who. named is the
// shop as EcartAPI named it, hint what others say of it.
func (c *Connect) admit(ctx context.Context, who strongroom.Actor, g coming, conn intake.Connection, named, hint shop) (out Connected, err error) {
	if err := c.o.Intake.CheckConnection(conn); err != nil {
		return out, err
	}
	g.shop = c.shopMark(g.app, named)
	proven := named
	if named.platform == "" {
		named.platform = hint.platform
	}
	if named.url == "" {
		named.url = hint.url
	}
	id := vault.NewStoreID()
	err = c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		out = Connected{Store: id, New: true}
		if old, err := c.storeOfShop(tx, g.shop); err != nil {
			return err
		} else if old != "" {
			out = Connected{Store: old}
		}
		if err := tx.Allow(actionStoreAdd, storeResource(out.Store), guard.Context{}); err != nil {
			return err
		}
		if err := c.once(tx, out.Store, conn); err != nil {
			return err
		}
		platform := c.platform(named.platform)
		if out.New {
			if _, err := c.o.Vault.CreateStoreTx(tx, id, c.specOf(named)); err != nil {
				return err
			}
		}
		if err := c.takeIn(tx, out.Store, platform, g, conn); err != nil || hostOf(proven.url) == "" {
			return err
		}
		return c.o.Known(tx, out.Store, proven.platform, proven.url)
	})
	if err == nil {
		c.o.Connected(ctx, out.Store)
	}
	return out, err
}

// once refuses a token that came before, whatever became of it.
func (c *Connect) once(tx *guard.Tx, store string, conn intake.Connection) error {
	mark := c.markOf("token", conn.Token.Reveal())
	seen, err := seenToken(&tx.Reader, mark)
	if err == nil && seen {
		err = strongroom.Faultf(strongroom.Conflict, "callback-used", "this token was brought in before").
			Advise("start again at the page of the application; paste a token by hand if EcartAPI gives out the same one")
	}
	if err != nil {
		return err
	}
	return noteToken(tx, mark, store, tx.Now())
}

// takeIn seals a credential and writes the receipt, and opens the store if a grant
// that ended had closed it.
func (c *Connect) takeIn(tx *guard.Tx, store, platform string, g coming, conn intake.Connection) error {
	if err := c.o.Intake.ConnectTx(tx, store, platform, conn); err != nil {
		return err
	}
	if err := c.grantTx(tx, store, g); err != nil {
		return err
	}
	return c.reopen(tx, store)
}

// reopen opens a store that a grant which ended had closed.
func (c *Connect) reopen(tx *guard.Tx, store string) error {
	first, err := c.o.Vault.ReopenTx(tx, store)
	if err != nil || !first {
		return err
	}
	return c.o.Reopened(tx, store)
}

// storeOfShop returns the store that a shop is, "" if it is none or has left.
func (c *Connect) storeOfShop(tx *guard.Tx, mark []byte) (string, error) {
	if len(mark) == 0 {
		return "", nil
	}
	g, err := grantOfShop(&tx.Reader, mark)
	if err != nil || g == nil || !c.whole(g) {
		return "", err
	}
	err = c.o.Vault.CheckStore(&tx.Reader, g.store)
	if err != nil && !strongroom.IsKind(err, strongroom.Denied) { // closed is fine: it comes back
		if strongroom.IsKind(err, strongroom.Erased) || strongroom.IsKind(err, strongroom.NotFound) {
			return "", nil
		}
		return "", err
	}
	return g.store, nil
}

// platform returns the platform as the vault takes it, "" for one that it does not.
func (c *Connect) platform(name string) string {
	name = strings.ToLower(name)
	if name == "" || c.o.Vault.CheckStoreSpec(vault.StoreSpec{Name: "shop", Platform: name}) != nil {
		return ""
	}
	return name
}

// specOf names a store by the host of its shop, or by its platform where that looks
// like a person's.
func (c *Connect) specOf(s shop) vault.StoreSpec {
	spec := vault.StoreSpec{Name: hostOf(s.url), Platform: c.platform(s.platform)}
	if c.o.Vault.CheckStoreSpec(spec) != nil {
		spec.Name = "shop"
		if spec.Platform != "" {
			spec.Name = spec.Platform + " shop"
		}
	}
	return spec
}
