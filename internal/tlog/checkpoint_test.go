package tlog_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"strongroom/internal/tlog"
)

func newSigner(t testing.TB, name string) *tlog.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tlog.NewSigner(name, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fixedSigner signs with a key of ones: for texts that must not change.
func fixedSigner(t testing.TB) *tlog.Signer {
	s, err := tlog.NewSigner("log.example/one", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const golden = "log.example/one\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— log.example/one "

func TestCheckpoint(t *testing.T) {
	s := fixedSigner(t)
	want := tlog.Checkpoint{Origin: "log.example/one", Size: 3, Root: tlog.EmptyRoot()}
	msg, err := want.Sign(s)
	if err != nil || !strings.HasPrefix(string(msg), golden) {
		t.Fatalf("%v\n%s", err, msg)
	}
	v, err := tlog.ParseVerifier(s.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tlog.OpenCheckpoint(msg, v); err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
	if _, err := tlog.OpenCheckpoint(msg, newSigner(t, "log.example/one").Verifier()); !errors.Is(err, tlog.ErrSignature) {
		t.Errorf("another key: got %v, want ErrSignature", err)
	}
	// Every bit of the note counts.
	for i := range msg {
		for bit := range 8 {
			changed := bytes.Clone(msg)
			changed[i] ^= 1 << bit
			if got, err := tlog.OpenCheckpoint(changed, v); err == nil {
				t.Errorf("byte %d bit %d changed and still opens as %v", i, bit, got)
			}
		}
	}
}

func TestCheckpointHasOneSpelling(t *testing.T) {
	s := fixedSigner(t)
	root := "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	for name, text := range map[string]string{
		"leading zero": "o\n03\n" + root + "\n",
		"plus":         "o\n+3\n" + root + "\n",
		"negative":     "o\n-3\n" + root + "\n",
		"no size":      "o\n\n" + root + "\n",
		"too large":    "o\n9223372036854775808\n" + root + "\n",
		"extension":    "o\n3\n" + root + "\nmore\n",
		"no root":      "o\n3\n",
		"short root":   "o\n3\n47DE\n",
		"root bits":    "o\n3\n" + root[:42] + "V=\n",
		"no origin":    "\n3\n" + root + "\n",
		"space":        "o o\n3\n" + root + "\n",
	} {
		msg, err := note.Sign(&note.Note{Text: text}, s)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := tlog.OpenCheckpoint(msg, s.Verifier()); !errors.Is(err, tlog.ErrCheckpoint) {
			t.Errorf("%s: got %v, want ErrCheckpoint", name, err)
		}
	}
	// The same signature twice, and too long a note.
	msg, _ := tlog.Checkpoint{Origin: "o", Size: 1}.Sign(s)
	_, sig, _ := bytes.Cut(msg, []byte("\n\n"))
	for name, bad := range map[string][]byte{
		"twice":    append(bytes.Clone(msg), sig...),
		"too long": append(bytes.Clone(msg), bytes.Repeat([]byte("— w AAAAAAAA\n"), 10_000)...),
	} {
		if _, err := tlog.OpenCheckpoint(bad, s.Verifier()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// A witness beside us is fine.
	w := newSigner(t, "witness.example")
	n, _ := note.Open(msg, note.VerifierList(s.Verifier()))
	both, err := note.Sign(n, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tlog.OpenCheckpoint(both, s.Verifier()); err != nil {
		t.Errorf("a cosigned checkpoint is refused: %v", err)
	}
}

func TestKeysRefuse(t *testing.T) {
	good := ed25519.NewKeyFromSeed(make([]byte, 32))
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\x01", strings.Repeat("x", 257), "\xff"} {
		if _, err := tlog.NewSigner(name, good); !errors.Is(err, tlog.ErrKey) {
			t.Errorf("name %q: got %v, want ErrKey", name, err)
		}
	}
	if _, err := tlog.NewSigner("x", good[:31]); !errors.Is(err, tlog.ErrKey) {
		t.Errorf("short key: got %v", err)
	}
	for _, text := range []string{"", "x", "x+00000000+AQ==", fixedSigner(t).Verifier().String() + "x"} {
		if _, err := tlog.ParseVerifier(text); !errors.Is(err, tlog.ErrKey) {
			t.Errorf("verifier %q: got %v, want ErrKey", text, err)
		}
	}
}

func TestSignerDoesNotPrint(t *testing.T) {
	seed := bytes.Repeat([]byte{0xa7}, 32)
	s, err := tlog.NewSigner("log.example", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+"|"+verb+"\n", s, *s)
	}
	j, err := json.Marshal(map[string]any{"p": s, "v": *s})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "p", s, "v", *s)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "p", s, "v", *s)
	for _, spelled := range []string{hex.EncodeToString(seed[:4]), "167 167", "A7A7", "p6en", string(seed[:4])} {
		if strings.Contains(out.String(), spelled) {
			t.Errorf("the key is printed as %q", spelled)
		}
	}
	// The check can see a key: planted.
	if !strings.Contains(fmt.Sprintf("%x", ed25519.NewKeyFromSeed(seed)), hex.EncodeToString(seed[:4])) {
		t.Error("the planted key was not found")
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	s := fixedSigner(f)
	msg, _ := tlog.Checkpoint{Origin: "log.example/one", Size: 3, Root: tlog.EmptyRoot()}.Sign(s)
	f.Add(msg)
	f.Add([]byte("a\n1\nb\n\n— x AAAA\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := tlog.OpenCheckpoint(in, s.Verifier())
		if err != nil {
			return
		}
		again, err := c.Sign(s)
		if err != nil || !bytes.HasPrefix(again, []byte(c.Origin)) {
			t.Fatalf("an opened checkpoint cannot be signed again: %v", err)
		}
	})
}

func FuzzParseVerifier(f *testing.F) {
	f.Add(fixedSigner(f).Verifier().String())
	f.Fuzz(func(t *testing.T, in string) {
		if v, err := tlog.ParseVerifier(in); err == nil && v.String() != in {
			t.Fatal("a verifier changed its spelling")
		}
	})
}
