package app

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/federation"
	"strongroom/internal/keys"
)

// callbackPath is where providers send browsers back to, below public_url.
const callbackPath = "/signin/callback"

// SignOnConfig says where people may sign in besides here, and what the groups of
// directories and providers ask for.
type SignOnConfig struct {
	// Providers speak OpenID Connect.
	Providers []ProviderConfig `yaml:"providers,omitempty"`
	// Mappings say which right a membership asks for.
	Mappings []MappingConfig `yaml:"mappings,omitempty"`
}

// ProviderConfig is one provider, as [federation.Provider].
type ProviderConfig struct {
	Name  string `yaml:"name"`
	Label string `yaml:"label,omitempty"` // on the button; default: the name
	// Issuer is an https address, to the letter as the provider writes it.
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// ClientSecretFile names a 0600 file with the secret of the client; empty for a
	// client that has none.
	ClientSecretFile string `yaml:"client_secret_file,omitempty"`
	// CAFile names the authority of the provider's certificate; default: the system's.
	CAFile string   `yaml:"ca_file,omitempty"`
	Scopes []string `yaml:"scopes,omitempty"` // beside openid and email
	// Domains are the parts after the @ the provider may speak for.
	Domains       []string `yaml:"domains"`
	VerifiedClaim string   `yaml:"verified_claim,omitempty"` // default: email_verified
	// AMR and ACR prove several factors: all the methods of one entry, or one class.
	AMR         [][]string    `yaml:"amr,omitempty"`
	ACR         []string      `yaml:"acr,omitempty"`
	MaxAge      time.Duration `yaml:"max_age,omitempty"` // default and at most 12h
	GroupsClaim string        `yaml:"groups_claim,omitempty"`
}

// MappingConfig says what members of a group ask for, as [federation.Mapping].
type MappingConfig struct {
	Source    string   `yaml:"source"` // scim, or the name of a provider
	Group     string   `yaml:"group"`
	Role      string   `yaml:"role"`
	Stores    []string `yaml:"stores,omitempty"`
	AllStores bool     `yaml:"all_stores,omitempty"`
}

// check refuses what is not safe. It reads the files that are named, so that what
// cannot start is not found out at the start.
func (c SignOnConfig) check(conf *Config) error {
	if len(c.Providers) > 0 && conf.PublicURL == "" {
		return strongroom.Faultf(strongroom.Invalid, "sign-on", "sign-on needs the address that providers send browsers back to").
			Advise("write public_url: https://strongroom.example.com and register that with %s at each provider", callbackPath)
	}
	for _, p := range c.Providers {
		if utf8.RuneCountInString(p.Label) > 40 || strings.ContainsFunc(p.Label, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return strongroom.Faultf(strongroom.Invalid, "sign-on", "the label of a provider has at most 40 signs").Advise("write label: Company account")
		}
	}
	ps, err := c.providers()
	if err != nil {
		return err
	}
	return federation.Check(conf.Environment, conf.callback(), ps, c.mappings())
}

// callback is the address providers send browsers back to.
func (c *Config) callback() string { return strings.TrimSuffix(c.publicURL(), "/") + callbackPath }

// providers returns the providers with their secrets.
func (c SignOnConfig) providers() (out []federation.Provider, err error) {
	for _, p := range c.Providers {
		x := federation.Provider{
			Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, Scopes: p.Scopes, Domains: p.Domains, VerifiedClaim: p.VerifiedClaim,
			AMR: p.AMR, ACR: p.ACR, MaxAge: p.MaxAge, GroupsClaim: p.GroupsClaim,
		}
		if p.ClientSecretFile != "" {
			text, err := keys.PassphraseFromFile(p.ClientSecretFile)
			if err != nil {
				return nil, unreadable("client_secret_file", err).Advise("write the secret into it and run: chmod 600 %s", p.ClientSecretFile)
			}
			x.Secret = federation.NewSecret(strings.TrimSpace(string(text)))
			clear(text)
		}
		if p.CAFile != "" {
			text, err := os.ReadFile(p.CAFile)
			x.Roots = x509.NewCertPool()
			if err != nil || !x.Roots.AppendCertsFromPEM(bytes.TrimSpace(text)) {
				return nil, unreadable("ca_file", err).Advise("name a file with a certificate in PEM")
			}
		}
		out = append(out, x)
	}
	return out, nil
}

func unreadable(key string, err error) *strongroom.Fault {
	why := "has nothing in it that can be used"
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		why = "cannot be used: " + f.What
	} else if err != nil {
		why = "cannot be read"
	}
	return strongroom.Faultf(strongroom.Invalid, "sign-on", "the %s of a provider %s", key, why)
}

func (c SignOnConfig) mappings() (out []federation.Mapping) {
	for _, m := range c.Mappings {
		out = append(out, federation.Mapping{Source: m.Source, Group: m.Group, Role: m.Role, Stores: m.Stores, AllStores: m.AllStores})
	}
	return out
}

// examineProviders asks each provider what it says of itself: whether it is there,
// is the issuer, and has the same time.
func (c SignOnConfig) examineProviders(ctx context.Context) (out []Finding) {
	ps, err := c.providers()
	if err != nil {
		return []Finding{finding("sign-on", err, "", "mend the file")}
	}
	for _, p := range ps {
		x := Finding{Check: "sign-on: " + p.Name, State: OK, Found: "answers as the issuer, its clock is ours"}
		switch says, err := federation.Inspect(ctx, p, nil); {
		case err != nil:
			x.State, x.Found = Fail, "the provider cannot be reached or is another issuer: nobody signs in by it"
			x.Advice = "look with: curl " + strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration; its issuer must be the configured one to the letter"
		case says.Skewed():
			x.State, x.Found, x.Advice = Fail, fmt.Sprintf("its clock is %v from ours: nobody signs in by it", says.Skew), "set the host's time"
		case len(says.Missing) > 0:
			x.State, x.Found = Warn, "does not list the claims "+strings.Join(says.Missing, ", ")
			x.Advice = "have it send them, see docs/sign-on.md; a sign-on without them is refused"
		case !says.Known:
			x.State, x.Found, x.Advice = Warn, "answers as the issuer, and does not tell the time", "see that the host's time is right"
		}
		out = append(out, x)
	}
	return out
}
