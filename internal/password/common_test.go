package password_test

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/password"
)

var passwords = flag.String("passwords", "", "make common.bin from this JSON array of passwords, the most common first")

// ranks is how many of the most common passwords go into the list.
const ranks = 20_000

// TestMakeCommon makes common.bin as README.md tells, when it is asked to.
func TestMakeCommon(t *testing.T) {
	if *passwords == "" {
		t.Skip("-passwords names no list")
	}
	b, err := os.ReadFile(*passwords)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range list[:ranks] {
		s := password.Skeleton(p)
		if n := len([]rune(s)); n >= password.CommonMin && n <= password.CommonMax {
			sum := sha256.Sum256([]byte(s))
			seen[string(sum[:password.HashLen])] = true
		}
	}
	var all []string
	for h := range seen {
		all = append(all, h)
	}
	slices.Sort(all)
	if err := os.WriteFile("common.bin", []byte(strings.Join(all, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d entries", len(all))
}

func TestCommonList(t *testing.T) {
	n := len(password.Hashes) / password.HashLen
	if n < 10_000 || len(password.Hashes)%password.HashLen != 0 {
		t.Fatalf("the list has %d entries and %d bytes left over", n, len(password.Hashes)%password.HashLen)
	}
	for i := 1; i < n; i++ {
		if a, b := password.Hashes[(i-1)*8:i*8], password.Hashes[i*8:(i+1)*8]; a >= b {
			t.Fatalf("entry %d is not above the one before", i)
		}
	}
	for _, p := range []string{"password", "123456", "qwerty", "letmein", "dragon", "trustno1", "P@ssw0rd", "iloveyou"} {
		if !password.Listed(password.Skeleton(p)) {
			t.Errorf("%q is not in the list", p)
		}
	}
	for _, p := range []string{"", "xkvqzwpt", "lithograph", "pa", "correcthorsebatterystaple"} {
		if password.Listed(password.Skeleton(p)) {
			t.Errorf("%q is in the list", p)
		}
	}
}
