package demo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"strongroom/internal/demo"
)

func utf16LE(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestSearchFindsEveryForm(t *testing.T) {
	t.Parallel()
	const name, mail, phone = "Größmüllner", "ottokarl.groessmuellner@example.net", "5500002558"
	s := demo.NewSearch([]string{name, mail, phone, "Fernsby", "short"})
	if s.Values() != 4 {
		t.Errorf("%d values are searched for, want 4: one is too short", s.Values())
	}
	b64 := base64.StdEncoding.EncodeToString
	for _, c := range []struct {
		what, text string
		value      int
		form       demo.Form
	}{
		{"plain", "x" + name + "y", 0, demo.Plain},
		{"upper case beyond ASCII", strings.ToUpper(name), 0, demo.Plain},
		{"mixed case", "oTTokarl.Groessmuellner@EXAMPLE.net", 1, demo.Plain},
		{"at the very end", "\x00\x01" + mail, 1, demo.Plain},
		{"escaped", `{"n":"Gr\u00f6\u00dfm\u00FCllner"}`, 0, demo.Escaped},
		{"percent", "q=" + url.QueryEscape(mail), 1, demo.Percent},
		{"base64 at 0", b64([]byte(mail)), 1, demo.Base64},
		{"base64 at 1", b64([]byte("a" + mail + "zz")), 1, demo.Base64},
		{"base64 at 2", b64([]byte("ab" + mail)), 1, demo.Base64},
		{"base64url", base64.URLEncoding.EncodeToString([]byte("ab" + name + "??>>")), 0, demo.Base64},
		{"hex", hex.EncodeToString([]byte("a" + mail)), 1, demo.Hex},
		{"upper hex", strings.ToUpper(hex.EncodeToString([]byte(mail))), 1, demo.Hex},
		{"utf16", utf16LE("." + name), 0, demo.UTF16},
		{"utf16 upper", utf16LE(strings.ToUpper(mail)), 1, demo.UTF16},
		{"number", `"phone":"5500002558"`, 2, demo.Plain},
		{"short name in a row of letters", "abcFernsbydef", 3, demo.Plain},
		{"short name in another case", "dear fernsby,", 3, demo.Plain},
	} {
		hits := s.Bytes([]byte(c.text))
		if len(hits) == 0 || hits[0].Value != c.value || hits[0].Form != c.form {
			t.Errorf("%s: %v", c.what, hits)
		}
	}
}

func TestSearchLeavesChanceAlone(t *testing.T) {
	t.Parallel()
	s := demo.NewSearch([]string{"5500002558", "550000255812", "Fernsby", "ottokarl.groessmuellner@example.net"})
	for _, text := range []string{
		"1795500002558123",      // a part of a time in microseconds
		"ab5500002558ff",        // a part of a digest
		"9550000255812",         // a part of a longer number
		"srt_0fernsby0",         // a row of letters
		"ottokarl.groessmuelln", // cut off
		"", "\x00",
	} {
		if hits := s.Bytes([]byte(text)); len(hits) != 0 {
			t.Errorf("%q: %v", text, hits)
		}
	}
	values := make([]string, 20_000)
	for i := range values {
		values[i] = fmt.Sprintf("Person%d Thistlewood%d", i, i*7)
	}
	r := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 16<<20)
	_, _ = r.Read(noise) // never fails
	if hits := demo.NewSearch(values).Bytes(noise); len(hits) != 0 {
		t.Errorf("in noise: %v", hits)
	}
}

func TestSearchFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := demo.NewSearch([]string{"Thaddeusz Wierzchowicki"})
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("a/clean", "nobody is here")
	sw, err := s.Folder(dir)
	if err != nil || sw.Files != 1 || sw.Bytes != 14 || len(sw.Hits) != 0 {
		t.Fatalf("%+v, %v", sw, err)
	}
	inside := write("a/b/c", "THADDEUSZ WIERZCHOWICKI")
	named := write("thaddeusz wierzchowicki.txt", "")
	sw, err = s.Folder(dir)
	if err != nil || len(sw.Hits) != 2 || sw.Hits[0].File != inside || sw.Hits[1].File != named {
		t.Errorf("%+v, %v", sw, err)
	}
	if text := fmt.Sprint(sw.Hits); strings.Contains(strings.ToLower(strings.ReplaceAll(text, named, "")), "thaddeusz") {
		t.Errorf("a hit repeats the value: %s", text)
	}
}

func BenchmarkSearch(b *testing.B) {
	values := make([]string, 30_000)
	for i := range values {
		values[i] = fmt.Sprintf("person%d.thistlewood@example.com", i*31)
	}
	s := demo.NewSearch(values)
	text := bytes.Repeat([]byte(`{"id":"rec_06e9k2","email":"srt_k3m9","at":1795437182123456}`), 1<<14)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if len(s.Bytes(text)) != 0 {
			b.Fatal("found")
		}
	}
}
