package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/identity"
	"strongroom/internal/vault"
)

// ConfigName is the file name of the configuration inside the data folder.
const ConfigName = "strongroom.yaml"

// Config is the whole configuration of an instance: one file, in YAML, written
// by `strongroom init` into the data folder and edited by an operator. Unknown
// keys are errors. It holds no secret; secrets come from files.
type Config struct {
	// Environment is production or test. It is bound into every seal and cannot
	// be changed after init.
	Environment strongroom.Environment `yaml:"environment"`
	// Database is empty for the embedded engine, else a postgres:// URL without
	// password; put the password into DatabasePasswordFile.
	Database string `yaml:"database,omitempty"`
	// DatabasePasswordFile names a 0600 file with the password of the database.
	DatabasePasswordFile string `yaml:"database_password_file,omitempty"`
	// Keys is the key folder; default: the data folder's name with ".keys".
	Keys string `yaml:"keys"`
	// Root says where the root key comes from.
	Root RootConfig `yaml:"root"`
	// Listen is the address of the HTTP API.
	Listen string `yaml:"listen"`
	// PublicURL is where people reach the instance, such as
	// https://strongroom.example.com; default: the address it listens on. Passkeys are
	// bound to its host, so it must not change.
	PublicURL string `yaml:"public_url,omitempty"`
	// TrustedProxies are the networks of proxies that say for whom they call, in
	// X-Forwarded-For or Forwarded; default none.
	TrustedProxies []string `yaml:"trusted_proxies,omitempty"`
	// TLS is auto (self-signed on first run), off (test on loopback only), or
	// file with Certificate and Key.
	TLS string `yaml:"tls"`
	// Certificate and CertificateKey are PEM files for tls: file.
	Certificate    string `yaml:"certificate,omitempty"`
	CertificateKey string `yaml:"certificate_key,omitempty"`
	// ClientCertificates has the server ask callers for a certificate, by which
	// registered devices and services prove themselves.
	ClientCertificates bool `yaml:"client_certificates,omitempty"`
	// Workloads are services that prove themselves without a key.
	Workloads WorkloadConfig `yaml:"workloads,omitempty"`
	// SignOn says at which providers people may sign in.
	SignOn SignOnConfig `yaml:"sign_on,omitempty"`
	// Passwords says what no password may be, beyond the rules of the product.
	Passwords PasswordConfig `yaml:"passwords,omitempty"`
	// Training says which trainings and pledges are current and who records them.
	Training TrainingConfig `yaml:"training,omitempty"`
	// Metrics is the address of a second listener for /metrics without a
	// credential; loopback only. Empty: /metrics asks for a key.
	Metrics string `yaml:"metrics,omitempty"`
	// Policies is a folder of Cedar policies that are added to the shipped ones.
	Policies string `yaml:"policies,omitempty"`
	// FieldMaps is a folder of field maps that override the shipped ones.
	FieldMaps string `yaml:"field_maps,omitempty"`
	// EcartAPI is the base URL of the API; default https://api.ecartapi.com.
	EcartAPI string `yaml:"ecartapi,omitempty"`
	// EcartOAuth is where EcartAPI has the owners of shops grant access; default
	// https://oauth.ecartapi.com.
	EcartOAuth string `yaml:"ecartapi_oauth,omitempty"`
	// CredentialMaxAge is how old a credential for EcartAPI may be before it is a
	// finding, because its tokens do not expire; default 8760h, a year; ours.
	CredentialMaxAge time.Duration `yaml:"credential_max_age,omitempty"`
	// EpochLength is how long an epoch key lives before the roll; default 24h.
	EpochLength time.Duration `yaml:"epoch_length,omitempty"`
	// KeyMaxLife is how long a new service key lives at most; default 8760h, a year,
	// and three in a test instance; ours.
	KeyMaxLife time.Duration `yaml:"key_max_life,omitempty"`
	// Budgets bound what one caller may reveal for one purpose at one store.
	Budgets BudgetConfig `yaml:"budgets,omitempty"`
	// Review says what the product does by itself about what reviews find.
	Review ReviewConfig `yaml:"review,omitempty"`
	// Signals says what the product does about use that does not fit a person's.
	Signals SignalConfig `yaml:"signals,omitempty"`
	// Outward says where the product may send what people name.
	Outward OutwardConfig `yaml:"outward,omitempty"`
	// Retention shortens how long records live; see docs/data-and-keys.md.
	Retention RetentionConfig `yaml:"retention,omitempty"`
	// MaxBody is the largest request body in bytes; default 8 MiB.
	MaxBody int64 `yaml:"max_body,omitempty"`
	// AcceptKeysInside records that an operator accepted keys under the data
	// folder or the root key beside the wrapped keys.
	AcceptKeysInside bool `yaml:"accept_keys_inside,omitempty"`
}

// RootConfig names the one source of the root key. Exactly one is set.
type RootConfig struct {
	// File is a 0600 file of 32 random bytes in hex.
	File string `yaml:"file,omitempty"`
	// Passphrase asks for a passphrase on the terminal, or reads PassphraseFD.
	Passphrase bool `yaml:"passphrase,omitempty"`
	// FD is a file descriptor handed in by the process that starts us.
	FD int `yaml:"fd,omitempty"`
	// Credential is a file in a systemd credentials directory, by full path.
	Credential string `yaml:"credential,omitempty"`
	// Transit names a key of OpenBao's or Vault's Transit engine.
	Transit *TransitConfig `yaml:"transit,omitempty"`
}

// TransitConfig reaches a Transit engine over HTTPS.
type TransitConfig struct {
	Address   string `yaml:"address"`
	Mount     string `yaml:"mount,omitempty"`
	Key       string `yaml:"key"`
	TokenFile string `yaml:"token_file"`
	CAFile    string `yaml:"ca_file,omitempty"`
}

// RetentionConfig holds the numbers of the retention clocks, in days; zero means
// the default. A number above what the policy allows is refused.
type RetentionConfig struct {
	Delivered int `yaml:"delivered,omitempty"` // after delivery; the policy's 30
	Cancelled int `yaml:"cancelled,omitempty"` // after cancellation; ours, 7
	Closed    int `yaml:"closed,omitempty"`    // after closing or pick-up; ours, 30
	Transit   int `yaml:"transit,omitempty"`   // a parcel's way without news; ours, 15
	Open      int `yaml:"open,omitempty"`      // after creation, nothing else known; ours, 60
	OpenCap   int `yaml:"open_cap,omitempty"`  // how far renewals reach; ours, 180
	Customer  int `yaml:"customer,omitempty"`  // a customer without order; ours, 60
	Tombstone int `yaml:"tombstone,omitempty"` // an erased id is refused; ours, 90
	Index     int `yaml:"index,omitempty"`     // after its end a month keeps live records in its index; ours, 45
}

// profile returns the numbers as the vault takes them.
func (r RetentionConfig) profile() vault.Profile {
	const day = 24 * time.Hour
	d := func(n int) time.Duration { return time.Duration(n) * day }
	return vault.Profile{
		Delivered: d(r.Delivered), Cancelled: d(r.Cancelled), Closed: d(r.Closed), Transit: d(r.Transit),
		Open: d(r.Open), OpenCap: d(r.OpenCap), Customer: d(r.Customer), Tombstone: d(r.Tombstone), Index: d(r.Index),
	}
}

// BudgetConfig bounds reveals per caller, purpose and store; zero means the
// default.
type BudgetConfig struct {
	RecordsPerHour int64 `yaml:"records_per_hour,omitempty"`
	RecordsPerDay  int64 `yaml:"records_per_day,omitempty"`
	FieldsPerHour  int64 `yaml:"fields_per_hour,omitempty"`
	FieldsPerDay   int64 `yaml:"fields_per_day,omitempty"`
}

// LoadConfig reads the configuration of the instance in dir, or the file given.
func LoadConfig(dir, file string) (Config, error) {
	if file == "" {
		file = filepath.Join(dir, ConfigName)
	}
	var c Config
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && file != filepath.Join(dir, ConfigName) {
		return c, strongroom.Faultf(strongroom.NotFound, "config", "there is no configuration %s", file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return c, strongroom.Faultf(strongroom.NotFound, "config", "there is no instance in %s", dir).
			Advise("make one with: strongroom init --data %s", dir)
	}
	if err != nil {
		return c, err
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&c); err != nil {
		return c, strongroom.Faultf(strongroom.Invalid, "config", "%s cannot be read", file).Because(err)
	}
	return c, c.Check(dir)
}

// Write stores the configuration in dir with mode 0600.
func (c Config) Write(dir string) error {
	return c.writeTo(filepath.Join(dir, ConfigName))
}

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
	if err := c.checkOAuth(); err != nil {
		return err
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
	default:
		return strongroom.Faultf(strongroom.Invalid, "tls", "tls must be auto, file or off")
	}
	if c.Metrics != "" && !loopback(c.Metrics) {
		return strongroom.Faultf(strongroom.Invalid, "metrics", "the metrics listener must be on a loopback address")
	}
	return nil
}

// Redacted returns the effective configuration as `config check` prints it.
func (c Config) Redacted() (string, error) {
	if u, err := url.Parse(c.Database); err == nil && c.Database != "" {
		q := u.Query()
		for _, p := range secretParams() {
			if q.Has(p) {
				q.Set(p, "xxxxx")
				u.RawQuery = q.Encode()
			}
		}
		c.Database = u.Redacted()
	}
	text, err := yaml.Marshal(c)
	return string(text), err
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

func writeFileSync(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
