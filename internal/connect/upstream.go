package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"strongroom"
	"strongroom/internal/intake"
)

// maxAccount bounds an answer to an account, in bytes.
const maxAccount = 1 << 20

// access is what EcartAPI says of a shop's access.
type access struct {
	Active       *bool  `json:"active"`
	Deleted      bool   `json:"deleted"`
	AppID        string `json:"app_id"`
	UserID       string `json:"user_id"`
	Token        string `json:"access_token"`
	IntegratedAt string `json:"integrated_at"`
	Access       struct {
		Platform string `json:"ecommerce"`
		URL      string `json:"url"`
		Token    string `json:"token"`
	} `json:"access"`
}

func away(what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unavailable, "ecartapi", "%s", what).Advise("try again in a moment")
}

// call makes one request for an account or a store, once, and returns the body of an
// answer of success. auth goes into the header Authorization as it is.
func (c *Connect) call(ctx context.Context, base, method, path, auth string, in any) (status int, body []byte, err error) {
	do, root, err := c.client(base)
	if err != nil {
		return 0, nil, err
	}
	var send io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		send = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, accountTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, root+path, send)
	if err != nil {
		return 0, nil, strongroom.Faultf(strongroom.Invalid, "request", "the request cannot be made")
	}
	req.Header.Set("Authorization", auth)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "strongroom")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := do.Do(req)
	if err != nil {
		return 0, nil, away("EcartAPI cannot be reached").Because(bare(err))
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxAccount+1))
	if err != nil || len(body) > maxAccount {
		return res.StatusCode, nil, away("the answer of EcartAPI broke off or is too large")
	}
	return res.StatusCode, body, nil
}

// bare drops the address from an error of net/http: it may hold an id of a shop.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// client returns what makes requests to a base address, "" being the configured one.
func (c *Connect) client(base string) (*http.Client, string, error) {
	transport, root, err := c.o.Intake.Way(base)
	if err != nil {
		return nil, "", err
	}
	if transport == nil {
		return c.http, root, nil
	}
	own := *c.http
	own.Transport = transport
	return &own, root, nil
}

// accessOf fetches what EcartAPI knows of a shop that was integrated a moment ago.
func (c *Connect) accessOf(ctx context.Context, app *appCard, shopID string) (access, error) {
	if strongroom.CheckName("shop_id", shopID) != nil || strings.ContainsAny(shopID, "/#") {
		return access{}, refusedCallback("callback-shop", "the callback names no shop")
	}
	status, body, err := c.call(ctx, "", http.MethodGet, "/api/v2/accesses/me/"+shopID, app.ClientID, nil)
	switch {
	case err != nil:
		return access{}, err
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return access{}, strongroom.Faultf(strongroom.Denied, "client-id", "EcartAPI refuses the client id of the application").
			Advise("add the application again with the client id of the account")
	case status >= 500 || status == http.StatusTooManyRequests:
		return access{}, away("EcartAPI fails")
	case status != http.StatusOK:
		return access{}, refusedCallback("callback-shop", "EcartAPI knows no such shop")
	}
	a, err := readAccess(body)
	if err != nil {
		return access{}, err
	}
	if a.Active != nil && !*a.Active || a.Deleted || a.AppID != "" && a.AppID != app.EcartApp {
		return access{}, refusedCallback("callback-shop", "the shop is not integrated with the application")
	}
	return a, nil
}

// readAccess reads an access record, which may stand by itself or inside an envelope.
func readAccess(body []byte) (access, error) {
	var a access
	var e struct {
		Access access `json:"access"`
		Data   access `json:"data"`
	}
	if json.Unmarshal(body, &a) == nil && a.Token != "" {
		return a, nil
	}
	if err := json.Unmarshal(body, &e); err == nil {
		for _, a := range []access{e.Access, e.Data} {
			if a.Token != "" {
				return a, nil
			}
		}
	}
	return access{}, away("EcartAPI answers with no access")
}

// shop is what EcartAPI says which shop a token is for.
type shop struct{ platform, url string }

// shopOf asks with a token which shop it is for. known is false where EcartAPI does
// not say; refused, where it does not take the token.
func (c *Connect) shopOf(ctx context.Context, conn intake.Connection) (s shop, status int, err error) {
	version := conn.Version
	if version == "" {
		version = "v2"
	}
	status, body, err := c.call(ctx, conn.Base, http.MethodGet, "/api/"+version+"/store", "Bearer "+conn.Token.Reveal(), nil)
	if err != nil || status != http.StatusOK {
		return s, status, err
	}
	var in struct {
		Store struct {
			Platform string `json:"ecommerce"`
			URL      string `json:"url"`
		} `json:"store"`
	}
	if json.Unmarshal(body, &in) == nil {
		s = shop{in.Store.Platform, in.Store.URL}
	}
	return s, status, nil
}

// endAccess ends the access of a store's token at EcartAPI. What is gone already is
// fine.
func (c *Connect) endAccess(ctx context.Context, conn intake.Connection, ecartApp string) error {
	status, _, err := c.call(ctx, conn.Base, http.MethodDelete, "/api/v2/apps/"+ecartApp+"/accesses", "Bearer "+conn.Token.Reveal(), nil)
	if err != nil {
		return err
	}
	switch {
	case status < 300, status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusGone:
		return nil
	}
	return away("EcartAPI does not end the access")
}

// authorize has EcartAPI make a token of the platform's own credentials.
func (c *Connect) authorize(ctx context.Context, app *appCard, in map[string]string) (access, error) {
	status, body, err := c.call(ctx, "", http.MethodPost, "/api/v2/authorize", app.ClientID, in)
	switch {
	case err != nil:
		return access{}, err
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return access{}, strongroom.Faultf(strongroom.Denied, "client-id", "EcartAPI refuses the client id of the application").
			Advise("add the application again with the client id of the account")
	case status >= 500 || status == http.StatusTooManyRequests:
		return access{}, away("EcartAPI fails")
	case status >= 300:
		return access{}, strongroom.Faultf(strongroom.Invalid, "credentials", "EcartAPI refuses the credentials of the platform (%d)", status)
	}
	return readAccess(body)
}
