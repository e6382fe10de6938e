package app_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/app"
)

// The doctor of a served instance looks at all that it looks at while nobody serves.
func TestDoctorOfAServedInstance(t *testing.T) {
	checks := func(dir string) (names []string, states map[string]app.State) {
		t.Helper()
		list, err := app.Doctor(t.Context(), app.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		states = map[string]app.State{}
		for _, f := range list {
			names, states[f.Check] = append(names, f.Check), f.State
		}
		return names, states
	}
	for env, want := range map[strongroom.Environment]app.State{strongroom.Production: app.Fail, strongroom.Test: app.OK} {
		t.Run(string(env), func(t *testing.T) {
			base := t.TempDir()
			dir := filepath.Join(base, "data")
			conf := app.Config{Environment: env, Keys: filepath.Join(base, "keys"), TLS: "auto", Listen: "127.0.0.1:0"}
			var first app.FirstOwner
			if env == strongroom.Production {
				first = owner()
			}
			if _, err := app.Init(t.Context(), dir, conf, first, nil); err != nil {
				t.Fatal(err)
			}
			stopped, _ := checks(dir)
			a, err := app.Open(t.Context(), app.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done, ready := make(chan error, 1), make(chan string, 1)
			go func() { done <- a.Serve(ctx, func(url string) { ready <- url }) }()
			<-ready
			defer func() {
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			served, states := checks(dir)
			for _, name := range stopped {
				if name != "start" && !slices.Contains(served, name) {
					t.Errorf("while it is served nobody looks at %s", name)
				}
			}
			if states["networks"] != want || states["server"] != app.OK {
				t.Errorf("networks %s, want %s; server %s", states["networks"], want, states["server"])
			}
			if status, body := get(t, dir, "/v1/doctor"); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}
