package password_test

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/password"
)

func listOf(t testing.TB, lines []string, end string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "breached.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, end)+end), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func hashed(word string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(word))) }

func TestBreached(t *testing.T) {
	var words, lines []string
	for i := range 2000 {
		words = append(words, fmt.Sprintf("Rain-%d-Window!", i))
		lines = append(lines, hashed(words[i])+fmt.Sprintf(":%d", 1+i*i))
	}
	lines = append(lines, hashed("Straße-7-Über!")+":3")
	slices.Sort(lines)
	var bare []string
	for _, l := range lines {
		bare = append(bare, strings.ToLower(l[:40]))
	}
	for name, path := range map[string]string{
		"with counts": listOf(t, lines, "\n"), "with carriage returns": listOf(t, lines, "\r\n"), "hashes alone": listOf(t, bare, "\n"),
		"without a last end": func() string {
			p := listOf(t, lines, "\n")
			if err := os.Truncate(p, int64(len(strings.Join(lines, "\n")))); err != nil {
				t.Fatal(err)
			}
			return p
		}(),
	} {
		for _, w := range append(words, "Straße-7-Über!", "Straße-7-U\u0308ber!") { // also with a mark of its own
			if found, err := password.Breached(path, []byte(w)); !found || err != nil {
				t.Fatalf("%s: %q is not found: %v", name, w, err)
			}
		}
		for i := range 2000 { // planted: what is not there
			if found, err := password.Breached(path, fmt.Appendf(nil, "Snow-%d-Window!", i)); found || err != nil {
				t.Fatalf("%s: found what is not there: %v", name, err)
			}
		}
	}
	if found, err := password.Breached(listOf(t, nil, ""), []byte("x")); found || err != nil {
		t.Errorf("an empty list: %v %v", found, err)
	}
}

// A list that cannot be searched clears nobody.
func TestBreachedListsThatAreNone(t *testing.T) {
	for name, path := range map[string]string{
		"missing":    filepath.Join(t.TempDir(), "none"),
		"words":      listOf(t, []string{"password", "123456"}, "\n"),
		"no hex":     listOf(t, []string{strings.Repeat("Z", 40) + ":1"}, "\n"),
		"short":      listOf(t, []string{strings.Repeat("A", 39)}, "\n"),
		"longer":     listOf(t, []string{strings.Repeat("A", 64)}, "\n"),
		"a long row": listOf(t, []string{strings.Repeat("A", 1000)}, "\n"),
		"a folder":   t.TempDir(),
	} {
		if _, err := password.Breached(path, []byte("Rain-7-Window!")); !strongroom.IsKind(err, strongroom.Unavailable) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "Rain") {
			t.Errorf("%s: the fault repeats the password", name)
		}
	}
}

func FuzzBreached(f *testing.F) {
	f.Add([]byte(hashed("a")+":1\n"+hashed("b")), []byte("a"))
	f.Add([]byte("\n\n"), []byte("x"))
	f.Fuzz(func(t *testing.T, list, word []byte) {
		path := filepath.Join(t.TempDir(), "l")
		if err := os.WriteFile(path, list, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = password.Breached(path, word) // it ends, and does not panic
	})
}
