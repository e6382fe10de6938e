package federation

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"strongroom"
)

// Secret is the client secret a provider gave. It prints as a redaction.
type Secret struct{ text string }

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret { return Secret{text} }

// String returns a redaction.
func (Secret) String() string { return "[client secret]" }

// GoString returns a redaction.
func (Secret) GoString() string { return "[client secret]" }

// MarshalText returns a redaction.
func (Secret) MarshalText() ([]byte, error) { return []byte("[client secret]"), nil }

// Provider is an OpenID provider persons may sign in at, as an operator configures
// it.
type Provider struct {
	// Name is how the product calls it, in addresses and in [Mapping.Source].
	Name   string
	Issuer string // the issuer to the letter; its keys are discovered there
	// ClientID and Secret are what the provider knows the product by. Without a
	// secret the product is a public client; PKCE is used either way.
	ClientID string
	Secret   Secret
	// Roots are the authorities that vouch for the provider's certificate; nil are
	// those of the system.
	Roots *x509.CertPool
	// Scopes are asked for beside openid and email.
	Scopes []string
	// Domains are the parts after the @ this provider may speak for when an account
	// is joined the first time. At least one.
	Domains []string
	// VerifiedClaim names the claim that says the address was verified;
	// "email_verified" if empty.
	VerifiedClaim string
	// AMR and ACR are what counts as a proof of several factors (DPP 2.4.7): the
	// method references of which all of one entry must be there, and the classes of
	// which one must be. At least one entry of either.
	AMR [][]string
	ACR []string
	// MaxAge is how old the sign-in at the provider may be, [MaxAge] if zero, which is
	// the most.
	MaxAge time.Duration
	// GroupsClaim names the claim that lists a person's groups; empty: groups are
	// not looked at.
	GroupsClaim string
}

// kinds are the method references of RFC 8176 that name one method, by the kind of
// factor it is: what somebody knows, has or is. Those of no kind prove none: where a
// person is, or that there is one.
func kinds() [][]string {
	return [][]string{
		{"pwd", "pin", "kba"},
		{"hwk", "swk", "otp", "sms", "tel", "sc", "pop"},
		{"face", "fpt", "iris", "retina", "vbm"},
		{"geo", "mca", "rba", "user", "wia"}, // no kind
	}
}

// oneFactor reports whether all methods of a set together may be a single factor, or
// none. A reference that RFC 8176 has no method for, such as mfa, means what the
// provider says it does.
func oneFactor(set []string) bool {
	seen := map[int]bool{}
	for _, m := range set {
		n := slices.IndexFunc(kinds(), func(list []string) bool { return slices.Contains(list, m) })
		if n < 0 {
			return false
		}
		seen[n] = true
	}
	delete(seen, len(kinds())-1)
	return len(seen) < 2
}

// Check refuses a provider that could let somebody in with one factor or with an
// address of another company, and says what to write.
func (p Provider) Check(env strongroom.Environment) error {
	bad := func(what, write string) error {
		return strongroom.Faultf(strongroom.Invalid, "provider", "%s", what).Advise("write %s", write)
	}
	if err := strongroom.CheckName("provider", p.Name); err != nil || p.Name == SCIM || strings.ContainsAny(p.Name, "/#:") {
		return bad("a provider's name has letters, digits and . _ - only and is not scim", "name: company")
	}
	if !safeURL(p.Issuer, env) {
		return bad("the issuer of a provider must be an https address without query",
			"issuer: https://login.example.com, to the letter as its /.well-known/openid-configuration has it")
	}
	if p.ClientID == "" {
		return bad("a provider needs the client id the product has there", "client_id: as the provider shows it")
	}
	if len(p.Domains) == 0 || slices.ContainsFunc(p.Domains, badDomain) {
		return bad("a provider needs the domains of addresses it may speak for, in lower case, without the @", "domains: [example.com]")
	}
	if len(p.AMR) == 0 && len(p.ACR) == 0 {
		return bad("a provider needs the values of amr or acr that prove several factors", "amr: [[mfa]]")
	}
	for _, set := range p.AMR {
		if slices.Contains(set, "") || oneFactor(set) {
			return bad("methods of one kind prove one factor", "amr: [[mfa]], or methods of two kinds that must be there, such as [[pwd, otp]]")
		}
	}
	if slices.Contains(p.ACR, "") || slices.Contains(p.ACR, "0") {
		return bad("acr 0 says that nothing was proved", "acr: the class of sign-ins with several factors there")
	}
	if p.MaxAge < 0 || p.MaxAge > MaxAge {
		return bad("a sign-in at a provider may be at most 12 hours old", "max_age: 12h, or less")
	}
	return nil
}

func badDomain(d string) bool {
	return strings.Trim(d, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || !strings.Contains(d, ".")
}

// proves reports whether what a token says of the sign-in is a proof of several
// factors.
func (p Provider) proves(acr string, amr []string) bool {
	if acr != "" && slices.Contains(p.ACR, acr) {
		return true
	}
	return slices.ContainsFunc(p.AMR, func(set []string) bool {
		return !slices.ContainsFunc(set, func(m string) bool { return !slices.Contains(amr, m) })
	})
}

// speaksFor reports whether the provider may join an account by this address.
func (p Provider) speaksFor(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && slices.Contains(p.Domains, strings.ToLower(address[at+1:]))
}

func (p Provider) maxAge() time.Duration {
	if p.MaxAge == 0 {
		return MaxAge
	}
	return p.MaxAge
}

// safeURL reports whether s is an https address without query, fragment and user.
// In a test instance plain http to this machine will do.
func safeURL(s string, env strongroom.Environment) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && env == strongroom.Test && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}
