package password

import (
	"fmt"
	"math"
	"time"

	"strongroom"
)

// What the policy demands at least, or at most.
const (
	policyLength = 12                   // DPP 2.4.2
	policyMinAge = 24 * time.Hour       // DPP 2.4.5
	policyMaxAge = 365 * 24 * time.Hour // DPP 2.4.6
)

// MaxBytes is the longest password accepted, in bytes as typed (ours). Nothing is
// ever cut off.
const MaxBytes = 256

// SecretBits is how much chance a generated secret of a service must hold: what
// nobody has to remember has no reason to be guessable (DPP 2.4.1; the figure is
// ours).
const SecretBits = 256

// Profile is how strict an installation is with passwords. Fields may be raised
// above [Default], within what [Profile.Check] allows.
type Profile struct {
	MinLength int           // characters as a reader counts them; at least 12 (DPP 2.4.2)
	Upper     int           // upper-case letters at least; 1 or more (DPP 2.4.4)
	Lower     int           // lower-case letters at least; 1 or more (DPP 2.4.4)
	Digit     int           // digits at least; 1 or more (DPP 2.4.4)
	Special   int           // other characters at least; 1 or more (DPP 2.4.4)
	History   int           // how many former passwords may not return (ours)
	MinAge    time.Duration // how old a password must be before its owner may change it; 1 day or more (DPP 2.4.5)
	MaxAge    time.Duration // how old a password may get; 365 days or less (DPP 2.4.6)
}

// Default returns the profile of a new installation: the policy's own figures,
// and ours where it names none.
func Default() Profile {
	return Profile{
		MinLength: policyLength, Upper: 1, Lower: 1, Digit: 1, Special: 1,
		History: 10, MinAge: policyMinAge, MaxAge: policyMaxAge,
	}
}

// Figure is one number of a profile with where it comes from, for showing.
type Figure struct {
	Name   string // in words
	Value  string // with its unit
	Clause string // of the policy, empty if it has none
	Ours   bool   // the number is ours; the policy names none
}

// Figures returns the profile's numbers in the order of the policy.
func (p Profile) Figures() []Figure {
	n := func(v int) string { return fmt.Sprint(v) }
	days := func(d time.Duration) string { return fmt.Sprintf("%.4g days", d.Hours()/24) }
	return []Figure{
		{"bits of a generated secret", n(SecretBits), "2.4.1", true},
		{"characters at least", n(p.MinLength), "2.4.2", false},
		{"upper-case letters at least", n(p.Upper), "2.4.4", true},
		{"lower-case letters at least", n(p.Lower), "2.4.4", true},
		{"digits at least", n(p.Digit), "2.4.4", true},
		{"special characters at least", n(p.Special), "2.4.4", true},
		{"age before a change", days(p.MinAge), "2.4.5", false},
		{"age at most", days(p.MaxAge), "2.4.6", false},
		{"former passwords remembered", n(p.History), "", true},
		{"bytes at most", n(MaxBytes), "", true},
	}
}

// Bounds of sense: a profile nobody can satisfy locks everybody out, and each
// remembered password costs one slow hash at every change.
const (
	saneLength  = 64
	saneHistory = 24
)

// Check refuses a profile weaker than the policy, or one that cannot work, with a
// fault Invalid that names the field.
func (p Profile) Check() error {
	weak := func(field, why string) error {
		return strongroom.Faultf(strongroom.Invalid, "password-profile", "the password profile's %s %s", field, why)
	}
	switch {
	case p.MinLength < policyLength || p.MinLength > saneLength:
		return weak("minimum length", fmt.Sprintf("must be %d to %d characters (DPP 2.4.2)", policyLength, saneLength))
	case p.Upper < 1 || p.Lower < 1 || p.Digit < 1 || p.Special < 1:
		return weak("four classes", "need a minimum of 1 or more each (DPP 2.4.4)")
	// Each by itself first: the sum of absurd numbers could wrap around.
	case max(p.Upper, p.Lower, p.Digit, p.Special) > saneLength || p.Upper+p.Lower+p.Digit+p.Special > saneLength:
		return weak("four classes", fmt.Sprintf("together ask for more than %d characters", saneLength))
	case p.History < 0 || p.History > saneHistory:
		return weak("history", fmt.Sprintf("must be 0 to %d passwords", saneHistory))
	case p.MinAge < policyMinAge:
		return weak("minimum age", "must be 1 day or more (DPP 2.4.5)")
	case p.MaxAge > policyMaxAge || p.MaxAge <= p.MinAge:
		return weak("maximum age", "must be 365 days or less and above the minimum age (DPP 2.4.6)")
	}
	return nil
}

// RefuseGenerated says whether a secret of length characters, each drawn evenly
// from an alphabet of the given size, holds fewer than [SecretBits]. It judges
// the recipe, not a secret: chance cannot be read off the result.
func RefuseGenerated(alphabet, length int) error {
	bits := 0.0
	if alphabet > 1 && length > 0 {
		bits = math.Log2(float64(alphabet)) * float64(length)
	}
	if bits < SecretBits {
		return strongroom.Faultf(strongroom.Invalid, "secret-weak", "a generated secret holds %d bits of chance, fewer than %d", int(bits), SecretBits)
	}
	return nil
}
