package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/app"
	"strongroom/internal/db"
)

// do makes one call of an instance that nobody serves.
func do(t *testing.T, c *app.Client, method, path, body string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://strongroom"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body = http.NoBody
		req.ContentLength = 0
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode
}

// damage takes two orders in and changes the row of one behind the back of the
// instance in dir.
func damage(t *testing.T, dir string) {
	t.Helper()
	c, err := app.Dial(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ ID string }
	do(t, c, "POST", "/v1/stores", `{"name":"Nopalito","platform":"shopify"}`, &s)
	var now struct{ Now string }
	do(t, c, "GET", "/v1/clock", "", &now)
	for _, id := range []string{"1", "2"} {
		body := `{"order":{"id":"` + id + `","email":"ada@example.com","dates":{"createdAt":"` + now.Now + `"}}}`
		if status := do(t, c, "POST", "/v1/stores/"+s.ID+"/ingest?resource=orders&version=v2", body, nil); status != 200 {
			t.Fatalf("ingest: %d", status)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{Path: filepath.Join(dir, "strongroom.db")})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Update(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_record set body = leaves where id = (select min(id) from vault_record)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// A served instance that has met a damaged row says so in readyz, in metrics, and
// to doctor.
func TestDamageShows(t *testing.T) {
	dir, _ := instance(t)
	damage(t, dir)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Serve(ctx, func(u string) { ready <- u }) }()
	<-ready
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	c, err := app.Dial(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server := func() app.Finding {
		t.Helper()
		found, err := app.Doctor(t.Context(), app.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Check == "server" {
				return f
			}
		}
		t.Fatalf("doctor asks no server: %+v", found)
		return app.Finding{}
	}
	if f := server(); f.Check != "server" || f.State != app.OK {
		t.Errorf("before anybody looked: %+v", f)
	}
	var stores struct{ Stores []struct{ ID string } }
	do(t, c, "GET", "/v1/stores", "", &stores)
	var list struct{ Records []map[string]any }
	if status := do(t, c, "GET", "/v1/stores/"+stores.Stores[0].ID+"/records", "", &list); status != 200 || len(list.Records) != 2 {
		t.Fatalf("%d %+v", status, list)
	}
	if r := list.Records[0]; r["state"] != "damaged" || len(r) != 3 {
		t.Errorf("the damaged row shows %v", r)
	}
	if r := list.Records[1]; r["state"] != "live" || r["external_id"] != "2" {
		t.Errorf("its neighbour shows %v", r)
	}
	var said struct{ Damaged int }
	if do(t, c, "GET", "/readyz", "", &said); said.Damaged != 1 {
		t.Errorf("readyz says %+v", said)
	}
	resp, err := c.HTTP.Get("http://strongroom/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || !strings.Contains(b.String(), "strongroom_damaged_rows_total 1\n") || !strings.Contains(b.String(), "strongroom_dead_jobs 0\n") {
		t.Errorf("metrics: %v\n%s", err, b.String())
	}
	if f := server(); f.State != app.Fail || f.Advice == "" {
		t.Errorf("doctor: %+v", f)
	}
}
