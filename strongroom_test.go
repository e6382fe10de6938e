package strongroom_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom"
)

func TestCheckName(t *testing.T) {
	for _, ok := range []string{"a", "1047", "LL-20933", "case/2026-11", "A#1:2.3_4-5", strings.Repeat("x", 64)} {
		if err := strongroom.CheckName("reference", ok); err != nil {
			t.Errorf("CheckName(%q) = %v, want nil", ok, err)
		}
	}
	for _, bad := range []string{"", "#1047", "a b", "a@b", "né", "a\nb", "-x", strings.Repeat("x", 65), "a+b"} {
		err := strongroom.CheckName("reference", bad)
		if !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("CheckName(%q) = %v, want an invalid fault", bad, err)
			continue
		}
		if len(bad) > 2 && strings.Contains(err.Error(), bad) {
			t.Errorf("the error repeats what the caller sent: %v", err)
		}
	}
}

func TestPurposesAreClosed(t *testing.T) {
	for _, p := range strongroom.Purposes() {
		if got, err := strongroom.ParsePurpose(string(p)); err != nil || got != p {
			t.Errorf("ParsePurpose(%q) = %q, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "marketing", "Fulfilment", "tax "} {
		if _, err := strongroom.ParsePurpose(bad); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("ParsePurpose(%q) = %v, want an invalid fault", bad, err)
		}
	}
}

func TestFaultKindsSurviveWrapping(t *testing.T) {
	cause := errors.New("disk")
	f := strongroom.Faultf(strongroom.Unavailable, "db", "the database did not answer").Advise("look at readyz").Because(cause)
	err := fmt.Errorf("vault: %w", f)
	if strongroom.KindOf(err) != strongroom.Unavailable || !errors.Is(err, cause) {
		t.Fatalf("kind %v, cause kept %v", strongroom.KindOf(err), errors.Is(err, cause))
	}
	if strongroom.KindOf(cause) != strongroom.Internal || strongroom.IsKind(nil, strongroom.Internal) {
		t.Fatal("an unknown error is internal, no error is of no kind")
	}
	if want := "the database did not answer; look at readyz: disk"; f.Error() != want {
		t.Fatalf("text %q, want %q", f.Error(), want)
	}
}

func TestNewIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := strongroom.NewID("str")
		if len(id) != 30 || !strings.HasPrefix(id, "str_") || seen[id] || strongroom.CheckName("id", id) != nil {
			t.Fatalf("bad or repeated id %q", id)
		}
		seen[id] = true
	}
}

func TestIsID(t *testing.T) {
	good := "str_0123456789abcdefghjkmnpqrz"
	if !strongroom.IsID("str", good) || !strongroom.IsAnyID(good) || !strongroom.IsID("str", strongroom.NewID("str")) {
		t.Error("an id is not taken for one")
	}
	if id := strongroom.IDFrom("usr", [16]byte{15: 1}); id != "usr_00000000000000000000000004" || !strongroom.IsID("usr", id) {
		t.Errorf("a computed id is %s", id)
	}
	if strongroom.IsID("st", good) || strongroom.IsID("rec", good) || strongroom.IsID("str_", good) || strongroom.IsID("", good) {
		t.Error("an id of another kind is taken")
	}
	for why, bad := range map[string]string{
		"empty": "", "no bits": "str_", "short": good[:29], "long": good + "0", "no underscore": "str-" + good[4:],
		"upper case": "str_" + strings.ToUpper(good[4:]), "a letter left out": good[:29] + "l", "in the middle": good[:9] + "u" + good[10:],
		"a line's end": good[:28] + "\r\n", "a line in it": good[:10] + "\n\n" + good[12:], "outside ASCII": good[:28] + "é",
	} {
		if strongroom.IsID("str", bad) || strongroom.IsAnyID(bad) {
			t.Errorf("%s: taken for an id", why)
		}
	}
	for why, prefix := range map[string]string{"none": "", "long": "abcdefghi", "upper case": "Str", "a digit": "s3", "a space": "s r"} {
		if strongroom.IsAnyID(prefix + good[3:]) {
			t.Errorf("prefix, %s: taken for an id", why)
		}
	}
}

func TestPrefixOfSecrets(t *testing.T) {
	for env, want := range map[strongroom.Environment]string{
		strongroom.Production: "sr_live_", strongroom.Test: "sr_test_", "": "sr_test_",
	} {
		if got := env.Prefix("sr"); got != want {
			t.Errorf("%q: %s, want %s", env, got, want)
		}
	}
}

func TestClockKeepsTicking(t *testing.T) {
	var c strongroom.Clock
	c.SetOffset(31 * 24 * time.Hour)
	a := c.Now()
	time.Sleep(2 * time.Millisecond)
	if b := c.Now(); !b.After(a) || time.Until(b) < 30*24*time.Hour {
		t.Fatalf("clock stands still or lost its offset: %v then %v", a, b)
	}
}
