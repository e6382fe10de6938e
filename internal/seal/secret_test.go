package seal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"strongroom/internal/seal"
)

// known is the form as it has always been: keys that are in use keep working.
const known = "sr_live_003gw58w4cn32e1z8s6n8pv2d5r7ezm5hj9sn8d8nyvbvh6btbcgt1n93y0"

func TestSecretForm(t *testing.T) {
	s := seal.NewSecret("sr_live_")
	if text := s.Reveal(); len(text) != len("sr_live_")+seal.SecretChars || !seal.IsSecret("sr_live_", text) || s.IsZero() {
		t.Errorf("a fresh secret is no secret: %d characters", len(text))
	}
	if s == seal.NewSecret("sr_live_") {
		t.Error("two secrets are one")
	}
	if !seal.IsSecret("sr_live_", known) {
		t.Error("the form has changed")
	}
	for why, bad := range map[string]string{
		"empty": "", "the prefix": "sr_live_", "short": known[:len(known)-1], "long": known + "0",
		"of the other environment": "sr_test_" + known[8:], "upper case": "sr_live_" + strings.ToUpper(known[8:]),
		"a line's end": known[:len(known)-1] + "\n", "one bit": known[:20] + "3" + known[21:], "no letter": known[:20] + "l" + known[21:],
	} {
		if seal.IsSecret("sr_live_", bad) {
			t.Errorf("%s: taken for a secret", why)
		}
	}
	if seal.IsSecret("sr_test_", known) || seal.IsSecret("", known) {
		t.Error("taken for a secret of another kind")
	}
	if s := seal.SecretFrom("given"); s.Reveal() != "given" || s.IsZero() || !seal.SecretFrom("").IsZero() {
		t.Error("a secret from elsewhere is not kept as it is")
	}
}

// FuzzIsSecret: a text that differs from a secret in one run of up to four bytes,
// before the checksum or in it, is never taken: a CRC-32 sees every such burst.
func FuzzIsSecret(f *testing.F) {
	f.Add(10, "x")
	f.Add(60, "zzzz")
	f.Fuzz(func(t *testing.T, at int, in string) {
		if at < 0 || at >= len(known) || len(in) == 0 || len(in) > 4 || at+len(in) > len(known) {
			return
		}
		if sum := len(known) - 7; at < sum && at+len(in) > sum {
			return
		}
		text := known[:at] + in + known[at+len(in):]
		if seal.IsSecret("sr_live_", text) != (text == known) {
			t.Errorf("%q at %d", in, at)
		}
	})
}

// Types of secrets embed it, and print as it does, inside of other things too.
func TestSecretsDoNotPrint(t *testing.T) {
	type token struct{ seal.Secret }
	type holder struct{ Secret token }
	x := token{seal.SecretFrom(known)}
	var out bytes.Buffer
	for _, v := range []any{x, &x, x.Secret, holder{x}, []token{x}, map[string]token{"t": x}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		js, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(js)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
	}
	text, err := x.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	out.WriteString(x.String() + x.GoString() + x.LogValue().String())
	shows := func(s string) bool {
		return strings.Contains(s, known[8:20]) || strings.Contains(s, fmt.Sprintf("%x", known[8:20])) || strings.Contains(s, fmt.Sprintf("%X", known[8:20]))
	}
	if shows(out.String()) || !strings.Contains(out.String(), "[secret]") {
		t.Error("a secret prints")
	}
	// Planted: the plain text is found.
	if !shows(fmt.Sprintf("%v", x.Reveal())) || !shows(fmt.Sprintf("%x", x.Reveal())) {
		t.Error("the search does not find a secret that is printed")
	}
}
