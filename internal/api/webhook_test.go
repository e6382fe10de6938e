package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/vault"
	"strongroom/internal/webhook"
)

// offline is an EcartAPI that nobody reaches.
type offline struct{}

func (offline) FetchOne(context.Context, strongroom.Actor, intake.One) (*vault.Ingested, error) {
	return nil, strongroom.Faultf(strongroom.Unavailable, "unreachable", "nobody is there")
}

func (offline) Subscribe(context.Context, strongroom.Actor, string, intake.Subscription) (string, error) {
	return "", strongroom.Faultf(strongroom.Unavailable, "unreachable", "nobody is there")
}

// webhooks are those of the fixture, whose jobs nobody does.
func (f *fixture) webhooks(g *guard.Guard, ks *keys.Keys, v *vault.Vault, maps *fieldmap.Set) *webhook.Webhooks {
	return webhook.New(webhook.Options{
		Guard: g, Keys: ks, Vault: v, Intake: offline{}, Environment: strongroom.Test, Maps: maps,
		Enqueue: func(*guard.Tx, jobs.Order) (string, error) { return strongroom.NewID("job"), nil },
		Public:  func() string { return "https://strongroom.example.com" },
		Refused: func(_ context.Context, _ netip.Addr, code string) { f.refused = append(f.refused, code) },
	})
}

// TestWebhookDoor: whoever does not show the secret is refused before a byte of the
// body is read, and counted.
func TestWebhookDoor(t *testing.T) {
	f := serve(t, nil)
	for _, path := range []string{"/v1/webhooks/" + strongroom.NewID("whk"), "/v1/webhooks/@", "/v1/live-rates/" + strongroom.NewID("wep") + "/srr_x"} {
		before := len(f.refused)
		body, never := io.Pipe() // of a sender who takes as long as nobody waits
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base+path, body)
		f.must(err)
		req.Header.Set("Authorization", "guess")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		f.must(err)
		f.must(res.Body.Close())
		f.must(never.Close())
		if !res.Close { // else the server waits for the body
			t.Errorf("%s: the connection is kept for the rest of a refused post", path)
		}
		if res.StatusCode != http.StatusUnauthorized || len(f.refused) != before+1 || f.refused[before] != "webhook-secret" {
			t.Errorf("%s: %d, counted %q", path, res.StatusCode, f.refused[before:])
		}
	}
}

// TestWebhookRoutes walks the rows that people use.
func TestWebhookRoutes(t *testing.T) {
	f := serve(t, nil)
	store, _ := f.store()
	var job struct{ Job string }
	f.get("POST", "/v1/stores/"+store+"/subscriptions", "", &job)
	if !strongroom.IsID("job", job.Job) {
		t.Errorf("the job is %q", job.Job)
	}
	var added struct{ ID, Secret, Origin, Path, Kind string }
	f.get("POST", "/v1/stores/"+store+"/webhooks", `{"url":"http://127.0.0.1:9/hooks?token=abc","kind":"rates"}`, &added)
	if !strings.HasPrefix(added.Secret, "whsec_") || added.Origin != "http://127.0.0.1:9" || !strings.HasPrefix(added.Path, "/v1/live-rates/"+added.ID+"/srr_") {
		t.Errorf("added %+v", added)
	}
	var rotated struct{ Secret string }
	f.get("POST", "/v1/stores/"+store+"/webhooks/"+added.ID+"/rotate", "", &rotated)
	if rotated.Secret == added.Secret || !strings.HasPrefix(rotated.Secret, "whsec_") {
		t.Error("the secret was not rotated")
	}
	a := f.call("GET", "/v1/stores/"+store+"/webhooks", "")
	if a.status != 200 || !bytes.Contains(a.body, []byte(`"secrets":2`)) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, secret := range []string{added.Secret, rotated.Secret, "token=abc", "srr_"} {
		if bytes.Contains(a.body, []byte(secret)) || strings.Contains(f.words.String(), secret) {
			t.Errorf("%q is shown again", secret)
		}
	}
	for url, status := range map[string]int{
		"https://10.0.0.1/": 403, "https://169.254.169.254/": 403, "ftp://example.com/": 400, "https://a:b@example.com/": 400,
	} {
		if a := f.call("POST", "/v1/stores/"+store+"/webhooks", `{"url":"`+url+`"}`); a.status != status {
			t.Errorf("%s: %d %s", url, a.status, a.body)
		}
	}
	if a := f.call("DELETE", "/v1/stores/"+store+"/webhooks/"+added.ID, ""); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, path := range []string{"/webhooks/" + added.ID + "/rotate", "/letters/" + strongroom.NewID("fwd") + "/retry"} {
		if a := f.call("POST", "/v1/stores/"+store+path, ""); a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
