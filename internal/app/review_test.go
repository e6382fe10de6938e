package app_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"strongroom/internal/app"
	"strongroom/internal/db"
)

func TestReviewConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for text, want := range map[string]string{
		"{}": "",
		"{lapse: suspend, dormant: suspend, unapproved: report, dormant_days: 14, samples: 40}": "",
		"{lapse: stop}":       "review.lapse is report or suspend",
		"{dormant: yes}":      "review.dormant is report or suspend",
		"{dormant_days: 31}":  "between 1 and 30",
		"{dormant_days: -1}":  "between 1 and 30",
		"{samples: 1001}":     "between 1 and 1000",
		"{judge: everybody}":  "cannot be read",
		"{unapproved: erase}": "review.unapproved is report or suspend",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte("environment: test\nroot: {file: "+dir+".root/root.key}\nreview: "+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		switch _, err := app.LoadConfig(dir, file); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// reviewed is an instance of whose reviews the doctor, the metrics and the sweeper
// take care.
type reviewed struct {
	*testing.T
	dir string
}

func (r *reviewed) call(method, path, body string) {
	r.Helper()
	c, err := app.Dial(r.Context(), app.Options{Dir: r.dir})
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	if status := do(r.T, c, method, path, body, nil); status >= 300 {
		r.Fatalf("%s %s: %d", method, path, status)
	}
}

// metric returns a number of the metrics.
func (r *reviewed) metric(name string) string {
	r.Helper()
	status, text := get(r.T, r.dir, "/metrics")
	m := regexp.MustCompile(`(?m)^strongroom_` + name + ` (\S+)$`).FindStringSubmatch(text)
	if status != 200 || m == nil {
		r.Fatalf("%d, no %s in the metrics", status, name)
	}
	return m[1]
}

// finding returns what the doctor says of a check.
func (r *reviewed) finding(check string) app.Finding {
	r.Helper()
	list, err := app.Doctor(r.Context(), app.Options{Dir: r.dir})
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range list {
		if f.Check == check {
			return f
		}
	}
	r.Fatalf("the doctor does not look at %s", check)
	return app.Finding{}
}

// The doctor and the metrics say what is due, late, unbound or departs; the sweeper
// does what the configuration says about it.
func TestReviewsAreTended(t *testing.T) {
	dir, _ := instance(t)
	r := &reviewed{t, dir}
	config := filepath.Join(dir, app.ConfigName)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(text, "review: {dormant: suspend, dormant_days: 10}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := r.finding("ways outside"); f.State != app.OK {
		t.Errorf("planted: %+v", f)
	}
	if f := r.finding("reviews"); f.State != app.OK || !strings.Contains(f.Found, "services due") {
		t.Errorf("%+v", f)
	}
	r.call("POST", "/v1/register/import", `{"system":"db-1","sort":"database","accounts":[{"account":"postgres"}]}`)
	if f := r.finding("ways outside"); f.State != app.Warn || f.Advice == "" || r.metric("outside_unbound") != "1" {
		t.Errorf("%+v", f)
	}
	r.call("POST", "/v1/reviews", `{"kind":"services"}`)
	if n := r.metric("review_entries_undecided"); n != "1" {
		t.Errorf("%s entries are undecided", n)
	}
	if strings.HasPrefix(r.metric("review_services_due_days"), "-") || r.metric("review_failed") != "0" || r.metric("samples_stale_months") != "0" {
		t.Error("a new instance is late")
	}

	// The key of the first run is not used: by configuration it is suspended.
	r.call("POST", "/v1/clock", `{"advance_seconds":777600}`) // 9 days
	r.call("POST", "/v1/sweep", "")
	if got := r.suspensions(); got != 0 {
		t.Errorf("planted: %d suspensions after nine days", got)
	}
	r.call("POST", "/v1/clock", `{"advance_seconds":259200}`) // 12 days in all
	r.call("POST", "/v1/sweep", "")
	r.call("POST", "/v1/sweep", "")
	if got := r.suspensions(); got != 1 {
		t.Errorf("%d suspensions", got)
	}

	r.call("POST", "/v1/clock", `{"advance_seconds":8640000}`) // 100 days
	if f := r.finding("reviews"); f.State != app.Fail || !strings.Contains(f.Advice, "strongroom review open") {
		t.Errorf("%+v", f)
	}
	if n := r.metric("review_services_due_days"); !strings.HasPrefix(n, "-") {
		t.Errorf("a lapse of %s days", n)
	}
}

// The doctor and the metrics say that an approved baseline is gone.
func TestBaselineLost(t *testing.T) {
	dir, _ := instance(t)
	r := &reviewed{t, dir}
	c, err := app.Dial(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var seen struct{ Digest string }
	status := do(t, c, "GET", "/v1/baselines/services/present", "", &seen)
	if c.Close(); status != 200 {
		t.Fatal(status)
	}
	r.call("POST", "/v1/baselines/services/approve", `{"digest":"`+seen.Digest+`"}`)
	if f := r.finding("baseline"); f.State == app.Fail || r.metric("baselines_lost") != "0" {
		t.Fatalf("planted: %+v", f)
	}
	d, err := db.Open(t.Context(), db.Options{Path: filepath.Join(dir, "strongroom.db")})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("delete from review_baseline")
		return err
	})
	if d.Close(); err != nil {
		t.Fatal(err)
	}
	if f := r.finding("baseline"); f.State != app.Fail || !strings.Contains(f.Advice, "two people") || r.metric("baselines_lost") != "1" {
		t.Errorf("%+v", f)
	}
}

// suspensions counts what the log says that the product suspended by itself.
func (r *reviewed) suspensions() int {
	r.Helper()
	c, err := app.Dial(r.Context(), app.Options{Dir: r.dir})
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	resp, err := c.HTTP.Get("http://strongroom/v1/audit/events?limit=1000")
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return bytes.Count(body, []byte(`"stage":"suspend"`))
}
