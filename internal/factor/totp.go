package factor

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"strongroom"
)

// The form of TOTP that every authenticator app speaks: SHA-1, six digits, a
// step of 30 seconds. One step before and one after are accepted, for clocks
// that are off and fingers that are slow (RFC 6238, 5.2).
const (
	totpBytes  = 20 // as long as the hash's output (RFC 4226, 4)
	totpDigits = 6
	totpDrift  = 1
)

// TOTPStep is the time one code is shown for.
const TOTPStep = 30 * time.Second

// TOTPSecret is what an authenticator app and the product share: 160 random
// bits. It prints as a redaction.
type TOTPSecret struct{ raw [totpBytes]byte }

// NewTOTP returns a fresh secret.
func NewTOTP() TOTPSecret {
	var s TOTPSecret
	rand.Read(s.raw[:]) // never fails: crypto/rand aborts the program instead
	return s
}

// TOTPFrom returns the secret that [TOTPSecret.Expose] gave, 20 bytes.
func TOTPFrom(b []byte) (TOTPSecret, error) {
	if len(b) != totpBytes {
		return TOTPSecret{}, strongroom.Faultf(strongroom.Internal, "totp-secret",
			"an authenticator secret has %d bytes, not %d", totpBytes, len(b))
	}
	return TOTPSecret{[totpBytes]byte(b)}, nil
}

// Expose appends the secret's 20 bytes to dst, for sealing and nothing else.
func (s TOTPSecret) Expose(dst []byte) []byte { return append(dst, s.raw[:]...) }

// Text returns the secret as a person types it into an app that cannot read the
// QR code: base32 in groups of four.
func (s TOTPSecret) Text() Shown {
	t := s.base32()
	var b strings.Builder
	for i := 0; i < len(t); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t[i : i+4])
	}
	return shown(b.String())
}

// URI returns the address an authenticator app reads from a QR code. issuer is
// the product's name at this place, account what the person tells accounts apart
// by; a colon in either becomes a space, since it separates them.
func (s TOTPSecret) URI(issuer, account string) Shown {
	issuer, account = strings.ReplaceAll(issuer, ":", " "), strings.ReplaceAll(account, ":", " ")
	q := url.Values{
		"secret": {s.base32()}, "issuer": {issuer}, "algorithm": {"SHA1"},
		"digits": {fmt.Sprint(totpDigits)}, "period": {fmt.Sprint(int(TOTPStep.Seconds()))},
	}
	// Apps read a plus sign as itself: a space must be %20.
	query := strings.ReplaceAll(q.Encode(), "+", "%20")
	return shown("otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + query)
}

// Verify reports whether code is the secret's code at the real time at, give or
// take one step, and which step it belongs to (whole [TOTPStep]s since 1970).
// The caller must accept it only if the step is above the last one it accepted
// for this secret; otherwise the code was used before. Spaces in code are
// ignored. The work does not depend on where the code is wrong. The zero secret,
// which nobody was given, accepts nothing.
func (s TOTPSecret) Verify(code string, at time.Time) (step int64, ok bool) {
	if s == (TOTPSecret{}) {
		return 0, false
	}
	code = strings.ReplaceAll(code, " ", "")
	now := at.Unix() / int64(TOTPStep.Seconds())
	for n := now - totpDrift; n <= now+totpDrift; n++ {
		if n < 0 {
			continue
		}
		want, err := s.code(n)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = n, true
		}
	}
	return step, ok
}

func (s TOTPSecret) code(step int64) (string, error) {
	return hotp.GenerateCodeCustom(s.base32(), uint64(step), hotp.ValidateOpts{
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
}

func (s TOTPSecret) base32() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s.raw[:])
}

const redacted = "[authenticator secret]"

// String returns a redaction.
func (TOTPSecret) String() string { return redacted }

// GoString returns a redaction.
func (TOTPSecret) GoString() string { return redacted }

// Format writes a redaction for every verb.
func (TOTPSecret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a redaction.
func (TOTPSecret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a redaction.
func (TOTPSecret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns a redaction.
func (TOTPSecret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
