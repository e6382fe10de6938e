package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/app"
)

func TestTrainingConfigIsChecked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for text, want := range map[string]string{
		"{}":                              "",
		"{data_protection: 2026-1}":       "",
		"{life: 365}":                     "",
		"{recorded_by: service}":          "",
		"{data_protection: two words}":    "is no name",
		"{it_security: jane@example.com}": "is no name",
		"{life: -1}":                      "between 1 and 730",
		"{life: 731}":                     "between 1 and 730",
		"{recorded_by: nobody}":           "recorded_by must be one of",
		"{recorded: self}":                "cannot be read",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		body := "environment: production\nroot: {file: " + dir + ".root/root.key}\ntraining: " + text + "\n"
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.LoadConfig(dir, file)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestObligation_2_1_6_Configured shows that the versions of the configuration are
// those of the gate, and that doctor asks for them.
func TestObligation_2_1_6_Configured(t *testing.T) {
	const all = "training: {data_protection: 2026-2, it_security: 2026-2, confidentiality: v3, acceptable_use: v3}\n"
	for lines, want := range map[string]app.State{"": app.Warn, "training: {data_protection: 2026-2}\n": app.Warn, all: app.OK} {
		dir, _ := served(t, lines)
		list, err := app.Doctor(t.Context(), app.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var got app.State
		for _, f := range list {
			if f.Check == "versions of trainings" {
				got = f.State
			}
		}
		if got != want {
			t.Errorf("with %q doctor says %q", lines, got)
		}
	}
}
