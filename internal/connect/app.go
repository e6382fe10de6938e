package connect

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// maxApps is how many applications an instance keeps.
const maxApps = 100

const appPrefix = "app"

// AppSpec says which application of EcartAPI to add.
type AppSpec struct {
	Name     string // what owners of shops read; up to 60 bytes
	EcartApp string // the application's id at EcartAPI
	ClientID string // the account's client id token; sealed, never shown again
	// Text is what the owner of a shop grants, in words; "" is the product's own. Up to
	// 4,000 bytes.
	Text string
	// Scope are of orders, customers, fulfillments, store; none means all of them.
	Scope []string
}

// App is an application at EcartAPI.
type App struct {
	ID       string // "app_…"
	Name     string
	EcartApp string
	Scope    []string
	Since    time.Time // when its client id was put in
	Stores   int64     // how many grants stand
	Damaged  bool      // its row was changed in the database: ID and Since alone are set
}

// appCard is what is sealed of an application.
type appCard struct {
	Name     string   `json:"n"`
	EcartApp string   `json:"a"`
	ClientID string   `json:"c"`
	Text     string   `json:"t,omitempty"`
	Scope    []string `json:"s"`
}

func (a *appCard) client() secret { return secret{a.ClientID} }

// Scopes are the words of a scope.
func Scopes() []string { return []string{"orders", "customers", "fulfillments", "store"} }

// grantText is what an owner grants where the application says nothing of its own.
const grantText = `You let the application read from and write to your shop through EcartAPI, within the scope named above.

Names, addresses and all other personal data of your customers are kept sealed. The application works with stand-ins; a value is
opened for shipping, taxes, invoices, a legal duty or a customer's own request, and each time is recorded. Data are deleted at the
latest 30 days after delivery.

You can take this back at any time: uninstall the application in your shop, or tell us. From then on nothing of your shop is read
or shown.`

// text returns what is granted.
func (a *appCard) text() string {
	if a.Text != "" {
		return a.Text
	}
	return grantText
}

// digest is that of name, scope and text, as they were shown.
func (a *appCard) digest() []byte {
	sum := sha256.Sum256([]byte(a.Name + "\x00" + strings.Join(a.Scope, " ") + "\x00" + a.text()))
	return sum[:]
}

func (s *AppSpec) check() (appCard, error) {
	bad := func(code, what string) error { return strongroom.Faultf(strongroom.Invalid, code, "%s", what) }
	if s.Name == "" || len(s.Name) > 60 || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' }) {
		return appCard{}, bad("name", "the name of an application has 1 to 60 bytes")
	}
	if _, hit := classify.Has([]byte(s.Name)); hit {
		return appCard{}, bad("name", "the name looks like personal data")
	}
	if err := strongroom.CheckName("app-id", s.EcartApp); err != nil || strings.Contains(s.EcartApp, "/") {
		return appCard{}, bad("app-id", "this is no id of an application at EcartAPI")
	}
	if err := checkClient(s.ClientID); err != nil {
		return appCard{}, err
	}
	if len(s.Text) > 4000 {
		return appCard{}, bad("text", "the text of a grant has at most 4,000 bytes")
	}
	for _, w := range s.Scope {
		if !slices.Contains(Scopes(), w) {
			return appCard{}, bad("scope", "a scope is of orders, customers, fulfillments and store")
		}
	}
	card := appCard{Name: s.Name, EcartApp: s.EcartApp, ClientID: s.ClientID, Text: s.Text, Scope: slices.Clone(s.Scope)}
	if len(card.Scope) == 0 {
		card.Scope = Scopes()
	}
	return card, nil
}

func (c *Connect) appAD(id string, at int64, by string) []byte {
	return seal.AD("strongroom/connect-app/1", string(c.o.Environment), id, at, by)
}

// AddApp adds an application and seals the account's client id. Faults: Invalid,
// Denied, Conflict where there are too many.
func (c *Connect) AddApp(ctx context.Context, who strongroom.Actor, spec AppSpec) (App, error) {
	id := strongroom.NewID(appPrefix)
	card, err := spec.check()
	if err != nil {
		return App{}, c.refuse(ctx, who, actionAppEdit, appResource(id), err)
	}
	text, err := json.Marshal(card)
	if err != nil {
		return App{}, err
	}
	row := appRow{id: id, by: who.ID}
	err = c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionAppEdit, appResource(id), guard.Context{}); err != nil {
			return err
		}
		all, err := listApps(&tx.Reader)
		if err == nil && len(all) >= maxApps {
			err = strongroom.Faultf(strongroom.Conflict, "apps", "an instance keeps at most %d applications", maxApps)
		}
		if err != nil {
			return err
		}
		row.at = db.Micros(tx.Now())
		row.sealed = c.seal.Seal(nil, c.appAD(id, row.at, row.by), text)
		return insertApp(tx, row)
	})
	if err != nil {
		return App{}, err
	}
	return card.app(row), nil
}

func (a *appCard) app(row appRow) App {
	return App{ID: row.id, Name: a.Name, EcartApp: a.EcartApp, Scope: a.Scope, Since: db.Time(row.at)}
}

// openApp opens the row of an application.
func (c *Connect) openApp(row appRow) (*appCard, error) {
	var card appCard
	text, err := c.seal.Open(nil, c.appAD(row.id, row.at, row.by), row.sealed)
	if err == nil {
		err = json.Unmarshal(text, &card)
	}
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Internal, "row", "the application was changed in the database").
			Advise("remove it and add it again")
	}
	return &card, nil
}

// app loads an application from what r sees.
func (c *Connect) app(r *db.Reader, id string) (*appCard, error) {
	if !strongroom.IsID(appPrefix, id) {
		return nil, noApp()
	}
	row, err := loadApp(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, noApp()
	}
	if err != nil {
		return nil, err
	}
	return c.openApp(row)
}

// knownApp is [Connect.app] before anybody is known.
func (c *Connect) knownApp(ctx context.Context, id string) (card *appCard, err error) {
	err = c.look(ctx, func(r *db.Reader) error {
		card, err = c.app(r, id)
		return err
	})
	return card, err
}

// Apps lists the applications, oldest first.
func (c *Connect) Apps(ctx context.Context, who strongroom.Actor) (out []App, err error) {
	err = c.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		out = nil
		if err := v.Allow(actionAppList, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		rows, err := listApps(&v.Reader)
		if err != nil {
			return err
		}
		for _, row := range rows {
			one := App{ID: row.id, Since: db.Time(row.at), Damaged: true}
			if card, err := c.openApp(row); err == nil {
				one = card.app(row)
				if one.Stores, err = countGrants(&v.Reader, row.id); err != nil {
					return err
				}
			}
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

// RemoveApp removes an application with its client id. Faults: NotFound, Conflict
// while a grant stands by it.
func (c *Connect) RemoveApp(ctx context.Context, who strongroom.Actor, id string) error {
	if !strongroom.IsID(appPrefix, id) {
		return c.refuse(ctx, who, actionAppEdit, strongroom.Resource{Type: "Instance", ID: "instance"}, noApp())
	}
	return c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionAppEdit, appResource(id), guard.Context{}); err != nil {
			return err
		}
		if _, err := loadApp(&tx.Reader, id); err != nil {
			if strongroom.IsKind(err, strongroom.NotFound) {
				return noApp()
			}
			return err
		}
		n, err := countGrants(&tx.Reader, id)
		if err == nil && n > 0 {
			err = strongroom.Faultf(strongroom.Conflict, "app-in-use", "%d stores are connected by the application", n).
				Advise("revoke their grants first")
		}
		if err != nil {
			return err
		}
		return dropApp(tx, id)
	})
}
