package connect

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"strongroom"
)

// Bounds of what a callback may bring, in bytes.
const (
	maxQuery = 8 << 10
	maxToken = 4 << 10
	maxHint  = 300
)

// shopWindow is how long after the integration the older flow may end, and how far
// the clocks of both sides may be apart.
const (
	shopWindow = time.Minute
	shopSkew   = 5 * time.Second
)

// callback is what the query of a redirect brings. It holds secrets and is never
// printed.
type callback struct {
	token, key                string
	platform, url, name, user string
	platformToken, refresh    string
	shopID, shopKey           string
	appID                     string
}

// refusedCallback is the fault of a callback that proves nothing. The pages say the
// same of each, and the codes tell an operator apart what happened.
func refusedCallback(code, what string) error {
	return strongroom.Faultf(strongroom.Unauthenticated, code, "%s", what).
		Advise("start again at the page of the application")
}

// parseCallback reads a query. What stands twice, or is larger than anything EcartAPI
// sends, is refused.
func parseCallback(rawQuery string) (callback, error) {
	var c callback
	if len(rawQuery) > maxQuery {
		return c, refusedCallback("callback-size", "the callback is larger than allowed")
	}
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return c, refusedCallback("callback-query", "the callback cannot be read")
	}
	for _, list := range q {
		if len(list) != 1 {
			return c, refusedCallback("callback-twice", "a part of the callback is there twice")
		}
	}
	c = callback{
		token: q.Get("access_token"), key: q.Get("ecartapi_key"), platform: q.Get("ecommerce"), url: q.Get("url"),
		name: q.Get("name"), user: q.Get("userId"), platformToken: q.Get("token"), refresh: q.Get("refreshToken"),
		shopID: q.Get("shop_id"), shopKey: q.Get("key"), appID: q.Get("app_id"),
	}
	for _, hint := range []string{c.platform, c.url, c.name, c.user, c.shopID, c.appID} {
		if len(hint) > maxHint {
			return c, refusedCallback("callback-size", "a part of the callback is larger than allowed")
		}
	}
	if c.older() == (c.token != "") {
		return c, refusedCallback("callback-token", "the callback brings no token, or two")
	}
	return c, nil
}

// older reports whether it is a callback of the older flow.
func (c *callback) older() bool { return c.shopID != "" || c.shopKey != "" }

// verify proves that EcartAPI made a callback for an application: its key is the
// HMAC-SHA-256 of the application's id there and the token, under the client id of
// the account. A callback without a key proves nothing.
func (c *callback) verify(ecartApp string, client secret) error {
	if c.appID != "" && subtle.ConstantTimeCompare([]byte(c.appID), []byte(ecartApp)) != 1 {
		return refusedCallback("callback-app", "the callback is for another application")
	}
	if !checkKey(c.key, client, ecartApp+"&"+c.token) {
		return refusedCallback("callback-key", "the callback is not signed by EcartAPI")
	}
	return checkToken(c.token, true)
}

// verifyShop proves that the redirect of the older flow belongs to an integration: its
// key is the HMAC-SHA-256 of the moment of the integration, which is at most a minute
// ago.
func (c *callback) verifyShop(integratedAt string, client secret, now time.Time) error {
	if !checkKey(c.shopKey, client, integratedAt) {
		return refusedCallback("callback-key", "the callback is not signed by EcartAPI")
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", integratedAt)
	if age := now.Sub(at); err != nil || age > shopWindow || age < -shopSkew {
		return refusedCallback("callback-late", "the callback is older than a minute")
	}
	return nil
}

// checkKey compares a key in Base64 with the HMAC of a message, in constant time. A
// plus sign may have arrived as a space.
func checkKey(given string, client secret, message string) bool {
	mac := hmac.New(sha256.New, []byte(client.text))
	mac.Write([]byte(message))
	sum, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(given, " ", "+"))
	return err == nil && !client.IsZero() && hmac.Equal(sum, mac.Sum(nil))
}

// checkToken refuses what is no token of a store, before it is sealed and sent
// somewhere. strict asks for the very form EcartAPI gives out; else a token that it
// never documented passes, but not what is known to be something else.
func checkToken(text string, strict bool) error {
	wrong := func(what string) error {
		return strongroom.Faultf(strongroom.Invalid, "token", "%s", what).
			Advise("paste the access token that EcartAPI shows for the store")
	}
	if text == "" || len(text) > maxToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return wrong("the token is empty, too long, or holds what no token holds")
	}
	for _, ours := range []string{"sr_", "srs_", "srv_"} {
		if strings.HasPrefix(text, ours) {
			return wrong("this is a key of Strongroom, not a token of a store")
		}
	}
	switch alg := algorithm(text); {
	case alg == "HS256":
		return wrong("this is the client id of an account, not a token of a store")
	case strict && alg != "HS512":
		return wrong("this is no token of a store")
	}
	return nil
}

// checkClient refuses what is no client id of an account.
func checkClient(text string) error {
	if len(text) < 16 || len(text) > maxToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return strongroom.Faultf(strongroom.Invalid, "client-id", "the client id is too short, too long, or holds what none holds")
	}
	if algorithm(text) == "HS512" {
		return strongroom.Faultf(strongroom.Invalid, "client-id", "this is the token of a store, not the client id of an account").
			Advise("take the Client Id from the account's page at EcartAPI")
	}
	return nil
}

// algorithm returns the alg of a JSON web token, "" for anything else.
func algorithm(text string) string {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return ""
	}
	for _, p := range parts {
		if _, err := base64.RawURLEncoding.DecodeString(p); err != nil || p == "" {
			return ""
		}
	}
	head, _ := base64.RawURLEncoding.DecodeString(parts[0]) // it was decoded above
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var h struct{ Alg string }
	var claims map[string]json.RawMessage
	if json.Unmarshal(head, &h) != nil || json.Unmarshal(body, &claims) != nil {
		return ""
	}
	return h.Alg
}
