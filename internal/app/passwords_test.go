package app_test

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/app"
)

func TestPasswordConfigIsChecked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte(strings.Repeat("A", 40)+":7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"{words: [Kitchen, Müller & Söhne]}":              "",
		"{breached: " + list + "}":                        "",
		"{words: [abc]}":                                  "4 to 64 characters",
		"{words: [" + strings.Repeat("abcd,", 201) + "]}": "at most 200",
		"{breached: " + list + ".none}":                   "cannot be read",
		"{breached: " + os.Args[0] + "}":                  "cannot be read",
		"{min_length: 8}":                                 "cannot be read",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		body := "environment: production\nroot: {file: " + dir + ".root/root.key}\npasswords: " + text + "\n"
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.LoadConfig(dir, file)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}

// What the configuration names is refused where a password is set: the words of the
// place, and what came out in breaches.
func TestPasswordsOfThePlaceAreRefused(t *testing.T) {
	dir, _ := instance(t)
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, fmt.Appendf(nil, "%X:7\n", sha1.Sum([]byte("Violin7-Cloud-Marble"))), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, app.ConfigName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "passwords: {words: [Kubikulus], breached: "+list+"}\n"...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var link struct{ Link string }
	_, made := post(t, dir, "/v1/people", `{"name":"Jana Novak","email":"jana.novak@example.com"}`)
	if err := json.Unmarshal([]byte(made), &link); err != nil {
		t.Fatal(err, made)
	}
	_, secret, _ := strings.Cut(link.Link, "#")
	var enrolment struct{ Token string }
	_, begun := post(t, dir, "/v1/enrol", `{"link":"`+secret+`"}`)
	if err := json.Unmarshal([]byte(begun), &enrolment); err != nil {
		t.Fatal(err, begun)
	}
	for word, want := range map[string]string{
		"Marble-Kubikulus-7!":  "password-word",
		"Violin7-Cloud-Marble": "password-breached",
		"Violin8-Cloud-Marble": "", // planted
	} {
		status, said := post(t, dir, "/v1/enrol/password", `{"token":"`+enrolment.Token+`","password":"`+word+`"}`)
		if want == "" && status != http.StatusNoContent || want != "" && !strings.Contains(said, `"`+want+`"`) {
			t.Errorf("a password for %q: %d %s", want, status, said)
		}
	}
}
