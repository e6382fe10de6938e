package session_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/session"
)

// TestTokensAreChance shows that each token is new and that each of the 52 letters
// of its secret, 5 bits a letter, takes any value: 256 bits.
func TestTokensAreChance(t *testing.T) {
	const prefix, letters, many = len("srs_live_"), 52, 2000
	secrets := map[string]bool{}
	for range many {
		text := session.NewToken(strongroom.Production).Reveal()
		secrets[text[prefix:prefix+letters]] = true
	}
	if len(secrets) != many {
		t.Errorf("%d of %d tokens are new", len(secrets), many)
	}
	// The last letter holds one bit; every other one takes all of 32 values, which
	// chance misses in 2,000 tokens once in 10^24.
	if at := narrow(secrets); at != letters-1 {
		t.Errorf("letter %d does not take all values", at)
	}
	// Planted: a secret whose letter 7 is fixed is found.
	fixed := map[string]bool{}
	for s := range secrets {
		fixed[s[:7]+"0"+s[8:]] = true
	}
	if at := narrow(fixed); at != 7 {
		t.Errorf("planted: a fixed letter is taken for chance, found %d", at)
	}
}

// narrow returns the first place of the secrets that does not take 32 values.
func narrow(secrets map[string]bool) int {
	for i := range 52 {
		seen := map[byte]bool{}
		for s := range secrets {
			seen[s[i]] = true
		}
		if len(seen) < 32 {
			return i
		}
	}
	return 52
}
