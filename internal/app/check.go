package app

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/identity"
)

// Check refuses an unsafe or incomplete configuration and says what to type. It
// fills defaults in.
func (c *Config) Check(dir string) error {
	if _, err := strongroom.ParseEnvironment(string(c.Environment)); err != nil {
		return err
	}
	c.defaults(dir)
	if err := c.checkRoot(); err != nil {
		return err
	}
	if err := c.checkNumbers(); err != nil {
		return err
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	if err := c.checkHops(); err != nil {
		return err
	}
	if err := c.checkKeys(dir); err != nil {
		return err
	}
	if err := c.Retention.profile().Check(); err != nil {
		return err
	}
	if err := c.Review.check(); err != nil {
		return err
	}
	if err := c.Signals.check(); err != nil {
		return err
	}
	if err := c.checkPublic(); err != nil {
		return err
	}
	if err := c.SignOn.check(c); err != nil {
		return err
	}
	if err := c.Training.check(); err != nil {
		return err
	}
	if err := c.Passwords.check(); err != nil {
		return err
	}
	if err := c.checkTermination(); err != nil {
		return err
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if _, err := c.Outward.prefixes(); err != nil {
		return err
	}
	return c.checkListen()
}

func (c *Config) defaults(dir string) {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&c.Keys, filepath.Clean(dir)+".keys")
	set(&c.Listen, "127.0.0.1:8443")
	set(&c.TLS, "auto")
	set(&c.EcartAPI, "https://api.ecartapi.com")
	set(&c.EcartOAuth, connect.DefaultOAuth)
	if c.CredentialMaxAge == 0 {
		c.CredentialMaxAge = 365 * 24 * time.Hour
	}
	if c.EpochLength == 0 {
		c.EpochLength = 24 * time.Hour
	}
	if c.KeyMaxLife == 0 {
		c.KeyMaxLife = identity.DefaultLife
		if c.Environment == strongroom.Test { // its clock is moved by months
			c.KeyMaxLife = 3 * identity.DefaultLife
		}
	}
	if c.MaxBody == 0 {
		c.MaxBody = 8 << 20
	}
}

func (c *Config) checkRoot() error {
	n := 0
	for _, set := range []bool{c.Root.File != "", c.Root.Passphrase, c.Root.FD != 0 && !c.Root.Passphrase, c.Root.Credential != "", c.Root.Transit != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return strongroom.Faultf(strongroom.Invalid, "root", "exactly one source of the root key must be set, not %d", n).
			Advise("set one of root.file, root.passphrase, root.fd, root.credential, root.transit")
	}
	return nil
}

func (c *Config) checkDatabase() error {
	if c.Database == "" {
		return nil
	}
	u, err := url.Parse(c.Database)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return strongroom.Faultf(strongroom.Invalid, "database", "database must be a postgres:// URL or empty for the embedded engine")
	}
	if hasPassword(u) && c.Environment == strongroom.Production {
		return strongroom.Faultf(strongroom.Invalid, "database", "the database URL holds a password").
			Advise("put it into a 0600 file and name that in database_password_file")
	}
	return nil
}

// secretParams are the parameters of a database URL that hold a secret.
func secretParams() []string { return []string{"password", "sslpassword"} }

// hasPassword reports whether a database URL holds a password, in either place.
func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	for _, p := range secretParams() {
		has = has || u.Query().Has(p)
	}
	return has
}

// checkNumbers refuses what is no number to work with. 0 is the default.
func (c *Config) checkNumbers() error {
	if c.EpochLength < time.Minute {
		return strongroom.Faultf(strongroom.Invalid, "epoch", "epoch_length must be a minute or more")
	}
	if c.KeyMaxLife < time.Hour || c.KeyMaxLife > 3*identity.DefaultLife {
		return strongroom.Faultf(strongroom.Invalid, "key-life", "key_max_life lies between an hour and three years").
			Advise("write 8760h for a year")
	}
	if c.CredentialMaxAge < 24*time.Hour || c.CredentialMaxAge > 3*365*24*time.Hour {
		return strongroom.Faultf(strongroom.Invalid, "credential-age", "credential_max_age lies between a day and three years").
			Advise("write 8760h for a year")
	}
	b := c.Budgets
	for name, n := range map[string]int64{
		"max_body": c.MaxBody, "budgets.records_per_hour": b.RecordsPerHour, "budgets.records_per_day": b.RecordsPerDay,
		"budgets.fields_per_hour": b.FieldsPerHour, "budgets.fields_per_day": b.FieldsPerDay,
	} {
		if n < 0 {
			return strongroom.Faultf(strongroom.Invalid, "number", "%s must not be negative", name).Advise("leave it out for the default")
		}
	}
	return nil
}

// checkKeys keeps keys out of the data folder and the root key away from what
// it opens: whoever copies one folder must not get both.
func (c *Config) checkKeys(dir string) error {
	if c.AcceptKeysInside {
		return nil
	}
	for what, path := range map[string]string{"the key folder": c.Keys, "the root key": c.Root.File, "the root credential": c.Root.Credential} {
		if path != "" && inside(dir, path) {
			return strongroom.Faultf(strongroom.Invalid, "keys", "%s lies inside the data folder, so a copy of that folder opens everything", what).
				Advise("move it beside, or pass --i-accept-keys-inside")
		}
	}
	for _, root := range []string{c.Root.File, c.Root.Credential} {
		if root != "" && inside(c.Keys, root) {
			return strongroom.Faultf(strongroom.Invalid, "keys", "the root key lies beside the keys that it wraps").
				Advise("move it elsewhere, or pass --i-accept-keys-inside")
		}
	}
	return nil
}

func (c *Config) checkListen() error {
	switch c.TLS {
	case "auto":
	case "file":
		if c.Certificate == "" || c.CertificateKey == "" {
			return strongroom.Faultf(strongroom.Invalid, "tls", "tls: file needs certificate and certificate_key")
		}
	case "off":
		if c.Environment != strongroom.Test || !loopback(c.Listen) {
			return strongroom.Faultf(strongroom.Invalid, "tls", "tls may be off only in environment test and on a loopback address").
				Advise("use --tls auto, or --listen 127.0.0.1:PORT in a test instance")
		}
	case "acme":
		if err := c.checkACME(); err != nil {
			return err
		}
	default:
		return strongroom.Faultf(strongroom.Invalid, "tls", "tls must be auto, file, acme or off")
	}
	if c.Metrics != "" && !loopback(c.Metrics) {
		return strongroom.Faultf(strongroom.Invalid, "metrics", "the metrics listener must be on a loopback address")
	}
	return nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// inside reports whether path is dir or lies below it, links resolved.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(resolve(dir), resolve(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolve returns the absolute path of p with links resolved as far as p exists.
func resolve(p string) string {
	p, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			return filepath.Join(real, rest)
		}
		parent := filepath.Dir(p)
		if parent == p {
			return filepath.Join(p, rest)
		}
		rest = filepath.Join(filepath.Base(p), rest)
		p = parent
	}
}
