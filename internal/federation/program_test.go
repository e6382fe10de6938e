package federation_test

import (
	"net/http"
	"net/url"
	"testing"

	"strongroom/internal/federation"
)

// TestAnswersOfPrograms: who began a sign-on is who ends it, a program or the pages;
// where an answer belongs is found out without using it up.
func TestAnswersOfPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		port    uint16
		program bool
		want    string
	}{
		"pages":                  {0, false, ""},
		"a program":              {40404, true, ""},
		"the pages for programs": {40404, false, "sign-on-over"},
		"a program for pages":    {0, true, "sign-on-over"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOP(t)
			s := newSite(t, o)
			s.f.member(t, janeName, janeMail)
			b, err := s.f.Begin(t.Context(), federation.Start{Provider: "company", Source: home, Port: c.port})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(b.URL)
			if err != nil {
				t.Fatal(err)
			}
			state := u.Query().Get("state")
			for range 2 {
				if port, err := s.f.WaitsAt(t.Context(), state); err != nil || port != c.port {
					t.Fatalf("waits at %d, %v", port, err)
				}
			}
			if port, err := s.f.WaitsAt(t.Context(), "made up"); err != nil || port != 0 {
				t.Errorf("a made-up state waits at %d, %v", port, err)
			}
			client := o.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			res, err := client.Get(b.URL)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			back, err := res.Location()
			if err != nil {
				t.Fatal(err)
			}
			q := back.Query()
			_, _, err = s.f.Finish(t.Context(), federation.Answer{
				State: state, Code: q.Get("code"), Issuer: q.Get("iss"), Cookie: b.Cookie, Program: c.program, Source: home,
			})
			if got := code(err); got != c.want {
				t.Errorf("%q: %v", got, err)
			}
		})
	}
}
