package apptest_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/sim"
)

// TestObligation_2_4_8_EcartAPIKeys connects a shop with its access token, pulls
// everything from it, and looks for the token and for every personal value of the
// shop in all bytes.
func TestObligation_2_4_8_EcartAPIKeys(t *testing.T) {
	shops := sim.New(sim.Options{Seed: 11, Now: start, Orders: 60, Dead: .5, Full: true, Quirks: sim.AllQuirks()})
	server := httptest.NewServer(shops.Handler())
	t.Cleanup(server.Close)
	i := apptest.Start(t, apptest.Options{At: start, Cluster: apptest.NewCluster(t, false), Config: func(c *app.Config) { c.EcartAPI = server.URL }})
	var secret, personal []string
	live := 0
	for _, shop := range shops.Stores() {
		store := i.AddStore(shop.Name, shop.Platform)
		sync := apptest.Request{Method: "POST", Path: "/v1/stores/" + store + "/sync"}
		i.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: "/v1/stores/" + store + "/credential", Body: map[string]string{"access_token": shop.Token}}, nil)
		var job struct{ Job string }
		i.Want(http.StatusAccepted, sync, &job)
		i.Await(job.Job)
		secret = append(secret, shop.Token)
		personal = append(personal, shops.StorePII(shop.Name)...)
		want := 0
		for n := range shop.Orders {
			personal = append(personal, shops.PII(shop.Name, n)...)
			if !shops.Order(shop.Name, n).Dead {
				want++
			}
		}
		list, _ := i.RecordsOf(store, "order")
		if len(list) != want {
			t.Errorf("%s: %d orders, want %d", shop.Name, len(list), want)
		}
		live += len(list)
	}
	if live == 0 || len(personal) < 1000 {
		t.Fatalf("%d orders, %d personal values", live, len(personal))
	}
	s := apptest.NewScanner(append(secret, personal...))
	parts := i.Bytes()
	for _, h := range s.Scan(parts...) {
		t.Errorf("leak: %v", h)
	}
	if len(s.Scan(append(parts, apptest.Part{Name: "planted", Bytes: []byte("token=" + secret[0])})...)) == 0 {
		t.Error("a planted token is not found")
	}
}

// TestObligation_3_4_3_WhoMayOpen asks for plaintext as everybody who must not
// have it, and as an application, which must.
func TestObligation_3_4_3_WhoMayOpen(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store, other := i.AddStore("Open", "shopify"), i.AddStore("Closed", "shopify")
	id := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	key := func(spec map[string]any) string {
		spec["label"] = "caller"
		var out struct {
			Secret string `json:"api_key"`
		}
		i.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: spec}, &out)
		return out.Secret
	}
	application := map[string]any{"roles": []string{"application"}, "stores": []string{store}}
	good := key(application)
	for name, c := range map[string]struct {
		key  string
		want int
	}{
		"an application of the store": {good, 200},
		"nobody":                      {"none", 401},
		"a guess":                     {good[:len(good)-4] + "0000", 401},
		"a production key":            {strings.Replace(good, "sr_test_", "sr_live_", 1), 401},
		"an application of another":   {key(map[string]any{"roles": []string{"application"}, "stores": []string{other}}), 403},
		"an auditor":                  {key(map[string]any{"roles": []string{"auditor"}, "all_stores": true}), 403},
		"an operator":                 {key(map[string]any{"roles": []string{"operator"}, "all_stores": true}), 403},
		"somebody from elsewhere":     {key(map[string]any{"roles": []string{"application"}, "stores": []string{store}, "networks": []string{"192.0.2.0/24"}}), 401},
	} {
		r := apptest.Revealing(store, id)
		r.Key = c.key
		if a := i.Call(r); a.Status != c.want {
			t.Errorf("%s: %d, want %d: %.200s", name, a.Status, c.want, a.Body)
		} else if a.Status != 200 && strings.Contains(string(a.Body), "Quintilia") {
			t.Errorf("%s: the refusal holds the name", name)
		}
	}
	r := apptest.Revealing(store, id)
	r.Socket = true
	i.Want(http.StatusOK, r, nil) // this OS user, who could read the root key
	info, err := os.Stat(filepath.Join(i.Dir, app.SocketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	for _, dir := range []string{i.Dir, i.Keys} {
		for _, p := range append(apptest.Files(t, dir), apptest.Part{}) {
			if info, err := os.Stat(filepath.Join(dir, p.Name)); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s%s is open to others: %v %v", dir, p.Name, info.Mode(), err)
			}
		}
	}
}

// TestObligation_3_5_3_TestOpensNoProduction has a test instance try the data and
// keys of production.
func TestObligation_3_5_3_TestOpensNoProduction(t *testing.T) {
	production := func(c *app.Config) { c.Environment, c.TLS = strongroom.Production, "auto" }
	i := apptest.Make(t, apptest.Options{Config: production})
	if i.Made.APIKey != "" || !strings.Contains(i.Made.Link, "/enrol#srl_live_") {
		t.Errorf("production makes the key %.8q and the link %.40q", i.Made.APIKey, i.Made.Link)
	}
	open := func() error {
		a, err := app.Open(context.Background(), app.Options{Dir: i.Dir})
		if err == nil {
			err = a.Close()
		}
		return err
	}
	if err := open(); err != nil { // the planted negative: as production it opens
		t.Fatal(err)
	}
	conf, err := app.LoadConfig(i.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	conf.Environment = strongroom.Test
	if err := conf.Write(i.Dir); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil {
		t.Error("a test instance opens production's data and keys")
	}
	conf.Environment = strongroom.Production
	if err := conf.Write(i.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(i.Dir, "clock.json"), []byte(`{"offset_us":-1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil {
		t.Error("the clock of production can be moved")
	}
}

// TestObligation_2_5_1_TLSByDefault speaks to an instance as made by default:
// plain HTTP and old TLS get nothing.
func TestObligation_2_5_1_TLSByDefault(t *testing.T) {
	i := apptest.Start(t, apptest.Options{Config: func(c *app.Config) { c.TLS = "" }})
	if !strings.HasPrefix(i.URL, "https://") {
		t.Fatalf("serves %s", i.URL)
	}
	host := strings.TrimPrefix(i.URL, "https://")
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}}).DialContext(t.Context(), "tcp", host)
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
	plain := &http.Client{Timeout: 5 * time.Second}
	if resp, err := plain.Get("http://" + host + "/healthz"); err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("plain HTTP is answered with %d", resp.StatusCode)
		}
	}
	for name, change := range map[string]func(*app.Config){
		"production": func(c *app.Config) { c.Environment = strongroom.Production },
		"reachable":  func(c *app.Config) { c.Environment, c.Listen = strongroom.Test, "0.0.0.0:0" },
	} {
		c := app.Config{TLS: "off", Listen: "127.0.0.1:0", Root: app.RootConfig{File: filepath.Join(t.TempDir(), "root.key")}}
		change(&c)
		if _, err := app.Init(t.Context(), filepath.Join(t.TempDir(), "data"), c, app.FirstOwner{Name: apptest.OwnerName, Email: apptest.OwnerEmail}, nil); err == nil {
			t.Errorf("%s: made without TLS", name)
		}
	}
}

// TestObligation_3_6_6_OlderDatabase puts an older copy of the database in the
// place of the newer: the log outside knows better and the instance refuses.
func TestObligation_3_6_6_OlderDatabase(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	i.Stop()
	older := i.CopyData()
	i.Serve()
	i.AddStore("Forgotten", "shopify")
	i.Stop()
	newer := i.CopyData()
	older.PutBack()
	if err := i.TryServe(); err == nil {
		t.Error("an instance serves an older database")
	}
	newer.PutBack()
	i.Serve() // the planted negative: the newer one is served
}
