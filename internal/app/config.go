package app

import (
	"bytes"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"strongroom"
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
	// TLS is auto (self-signed on first run), off (test on loopback only), file with
	// Certificate and Key, or acme with ACME.
	TLS string `yaml:"tls"`
	// Certificate and CertificateKey are PEM files for tls: file.
	Certificate    string `yaml:"certificate,omitempty"`
	CertificateKey string `yaml:"certificate_key,omitempty"`
	// ACME says how an authority is asked for the certificate, for tls: acme.
	ACME *ACMEConfig `yaml:"acme,omitempty"`
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
	// TerminatesTLS says who ends TLS in front of this instance: trusted (itself, or a
	// proxy of yours), or untrusted, where personal data crosses it sealed or not at all.
	TerminatesTLS string `yaml:"terminates_tls,omitempty"`
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
