package connect

import "time"

// VerifyCallback checks the query of a redirect as [Connect.Callback] does.
func VerifyCallback(query, ecartApp, client string) error {
	c, err := parseCallback(query)
	if err != nil {
		return err
	}
	return c.verify(ecartApp, secret{client})
}

// VerifyShop checks the query of the older flow against the moment of an integration.
func VerifyShop(query, integratedAt, client string, now time.Time) error {
	c, err := parseCallback(query)
	if err != nil {
		return err
	}
	return c.verifyShop(integratedAt, secret{client}, now)
}

// CheckToken is checkToken.
func CheckToken(text string, strict bool) error { return checkToken(text, strict) }
