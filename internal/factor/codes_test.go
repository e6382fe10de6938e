package factor_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/factor"
	"strongroom/internal/seal"
)

// rfc is the secret of the test vectors of RFC 6238, appendix B, for SHA-1. The
// appendix gives eight digits; the six of an app are the last six of them.
func rfc(t testing.TB) factor.TOTPSecret {
	t.Helper()
	s, err := factor.TOTPFrom([]byte("12345678901234567890"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var rfcVectors = []struct {
	unix int64
	code string
}{
	{59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"},
	{1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"},
}

func TestTOTPVectors(t *testing.T) {
	s := rfc(t)
	for _, v := range rfcVectors {
		code, step := v.code[2:], v.unix/30
		if got, ok := s.Verify(code, time.Unix(v.unix, 0)); !ok || got != step {
			t.Errorf("at %d: step %d, %t, want %d", v.unix, got, ok, step)
		}
		if _, ok := s.Verify(code[:3]+" "+code[3:], time.Unix(v.unix, 0)); !ok {
			t.Errorf("at %d: the code is refused when typed with a space", v.unix)
		}
		wrong := code[:5] + string('0'+(code[5]-'0'+1)%10)
		for _, bad := range []string{wrong, "", code[:5], code + "0", v.code, "abcdef", "-" + code[1:]} {
			if _, ok := s.Verify(bad, time.Unix(v.unix, 0)); ok {
				t.Errorf("at %d: %q is accepted", v.unix, bad)
			}
		}
	}
}

func TestTOTPWindow(t *testing.T) {
	s, issued := rfc(t), int64(1111111111)
	code := "050471"
	for _, c := range []struct {
		name string
		off  int64 // steps between the code's and the clock's
		want bool
	}{{"two before", -2, false}, {"one before", -1, true}, {"now", 0, true}, {"one after", 1, true}, {"two after", 2, false}} {
		step, ok := s.Verify(code, time.Unix(issued+30*c.off, 0))
		if ok != c.want {
			t.Errorf("%s: %t, want %t", c.name, ok, c.want)
		}
		if ok && step != issued/30 {
			t.Errorf("%s: step %d, want that of the code, %d", c.name, step, issued/30)
		}
	}
	if _, ok := s.Verify("755224", time.Unix(-100, 0)); ok {
		t.Error("a code is accepted before 1970") // 755224 is the code of step 0
	}
}

// A code is used up by remembering its step: the second showing has no higher one.
func TestObligation_2_4_7_CodeWorksOnce(t *testing.T) {
	s, at := rfc(t), time.Unix(1111111111, 0)
	var last int64
	accept := func(at time.Time) bool {
		step, ok := s.Verify("050471", at)
		if !ok || step <= last {
			return false
		}
		last = step
		return true
	}
	if !accept(at) {
		t.Fatal("a good code is refused")
	}
	for _, later := range []time.Duration{0, time.Second, 29 * time.Second, 40 * time.Second} {
		if accept(at.Add(later)) {
			t.Errorf("the code is accepted again after %s", later)
		}
	}
}

func TestTOTPSecrets(t *testing.T) {
	a, b := factor.NewTOTP(), factor.NewTOTP()
	if bytes.Equal(a.Expose(nil), b.Expose(nil)) || len(a.Expose(nil)) != 20 {
		t.Error("two fresh secrets are equal, or not of 160 bits")
	}
	again, err := factor.TOTPFrom(a.Expose(nil))
	if err != nil || !bytes.Equal(again.Expose(nil), a.Expose(nil)) {
		t.Error("a secret does not survive being kept:", err)
	}
	for _, n := range []int{0, 10, 19, 21} {
		if _, err := factor.TOTPFrom(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are taken for a secret", n)
		}
	}
	zero := hmacCode(make([]byte, 20), 1)
	if one, _ := factor.TOTPFrom(append(make([]byte, 19), 1)); !verifies(one, hmacCode(append(make([]byte, 19), 1), 1)) {
		t.Error("the test's own codes are wrong")
	}
	if verifies(factor.TOTPSecret{}, zero) {
		t.Error("a secret nobody was given accepts its code")
	}
	if got := rfc(t).Text().Reveal(); got != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Errorf("typed form %q", got)
	}
}

func verifies(s factor.TOTPSecret, code string) bool {
	_, ok := s.Verify(code, time.Unix(30, 0))
	return ok
}

// hmacCode is RFC 4226, 5.3, written once more for the test.
func hmacCode(key []byte, step uint64) string {
	h := hmac.New(sha1.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, step))
	sum := h.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

func TestTOTPURI(t *testing.T) {
	raw := rfc(t).URI("Strong: room", "ana@example.com").Reveal()
	want := "otpauth://totp/Strong%20%20room:ana@example.com?algorithm=SHA1&digits=6&issuer=Strong%20%20room&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	if raw != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "otpauth" || u.Query().Get("issuer") != "Strong  room" {
		t.Errorf("the address does not parse: %v", err)
	}
	if odd := rfc(t).URI("A&b=c?", "x/y#z").Reveal(); strings.ContainsAny(strings.TrimPrefix(odd, "otpauth://totp/"), "#/") {
		t.Error("a name changes the shape of the address")
	}
}

func TestRecoveryCodes(t *testing.T) {
	key, other := seal.NewKey(), seal.NewKey()
	codes := factor.NewRecovery(factor.RecoveryCodes)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	form := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){5}$`) // 24 letters of 5 bits
	seen := map[[32]byte]bool{}
	for _, c := range codes {
		text := c.Reveal()
		if !form.MatchString(text) {
			t.Errorf("the form of a code is wrong")
		}
		d := c.Digest(key, "usr_a")
		if seen[d] {
			t.Error("two codes are equal")
		}
		seen[d] = true
		spoken := strings.NewReplacer("-", " ", "0", "O", "1", "l").Replace(text)
		for _, typed := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, "-", ""), " " + spoken} {
			got, err := factor.ParseRecovery(typed)
			if err != nil || got.Digest(key, "usr_a") != d {
				t.Errorf("a code as typed is not the code: %v", err)
			}
		}
		if c.Digest(key, "usr_b") == d || c.Digest(other, "usr_a") == d {
			t.Error("a digest is bound to neither person nor key")
		}
		if wrong, err := factor.ParseRecovery(flip(text)); err != nil || seen[wrong.Digest(key, "usr_a")] {
			t.Errorf("a code with one other letter has a digest we know, or none: %v", err)
		}
	}
	for _, bad := range []string{"", "0000", "0000-0000-0000-0000",
		"0000-0000-0000-0000-0000-000u", "0000-0000-0000-0000-0000-000", "0000-0000-0000-0000-0000-0000-0", "0000-0000-0000-0000-0000-000é",
	} {
		_, err := factor.ParseRecovery(bad)
		if !strongroom.IsKind(err, strongroom.Unauthenticated) || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if (factor.Code{}).Reveal() != "" {
		t.Error("no code reveals something")
	}
}

func flip(text string) string {
	c := byte('2')
	if text[0] == c {
		c = '3'
	}
	return string(c) + text[1:]
}

func TestSecretsDoNotPrint(t *testing.T) {
	totp, code := rfc(t), factor.NewRecovery(1)[0]
	uri := totp.URI("Strongroom", "ana@example.com")
	secrets := []string{"GEZD", "12345678901234567890", "[49 50 51", "ana@", code.Reveal(), strings.ReplaceAll(code.Reveal(), "-", ""), "3132333435"}
	for name, v := range map[string]any{"secret": totp, "code": code, "address": uri} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %v"} {
			if strings.HasPrefix(verb, "%T") {
				fmt.Fprintf(&out, verb, v, v)
				continue
			}
			fmt.Fprintf(&out, verb, v)
		}
		fmt.Fprint(&out, []any{v}, struct{ X any }{v}, v.(fmt.Stringer).String(), v.(fmt.GoStringer).GoString())
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		j, err := json.Marshal(map[string]any{"v": v})
		if err != nil {
			t.Error(err)
		}
		out.Write(j)
		for _, s := range secrets {
			if strings.Contains(out.String(), s) {
				t.Errorf("the %s prints: %s", name, out.String())
			}
		}
	}
}

func FuzzParseRecovery(f *testing.F) {
	f.Add("0123-4567-89ab-cdef-ghjk-mnpq")
	f.Add("O123 4567 89AB CDEF GHJK MNPQ")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := factor.ParseRecovery(text)
		if err != nil {
			return
		}
		again, err := factor.ParseRecovery(c.Reveal())
		if err != nil || again != c {
			t.Errorf("%q: what is shown does not read back: %v", text, err)
		}
	})
}
