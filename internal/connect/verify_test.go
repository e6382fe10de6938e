package connect_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/connect"
)

// vectors are callbacks with what they must come to.
type vectors struct {
	AppID    string `json:"app_id"`
	ClientID string `json:"client_id"`
	Cases    []struct{ Name, Expect, Query string }
	Older    []struct {
		Name, Expect string
		Params       map[string]string
		IntegratedAt string `json:"integrated_at"`
	} `json:"older_flow"`
}

func loadVectors(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/ecartapi/redirect_callbacks.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || len(v.Cases) < 11 || len(v.Older) < 2 {
		t.Fatalf("the vectors cannot be read: %v", err)
	}
	return v
}

// TestVectors holds the check of callbacks against the known cases.
func TestVectors(t *testing.T) {
	v := loadVectors(t)
	for _, c := range v.Cases {
		err := connect.VerifyCallback(c.Query, v.AppID, v.ClientID)
		if (err == nil) != (c.Expect == "accept") {
			t.Errorf("%s: %v, want it to be %s", c.Name, err, c.Expect)
		}
		if err != nil && !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("%s: refused as %v", c.Name, strongroom.KindOf(err))
		}
		// The planted negatives: one letter of the token, another app, no client id.
		if c.Expect == "accept" {
			q, err := url.ParseQuery(c.Query)
			if err != nil {
				t.Fatal(err)
			}
			token := q.Get("access_token")
			q.Set("access_token", token[:len(token)-2]+"QQ")
			for name, err := range map[string]error{
				"changed token": connect.VerifyCallback(q.Encode(), v.AppID, v.ClientID),
				"other app":     connect.VerifyCallback(c.Query, v.AppID+"x", v.ClientID),
				"no client id":  connect.VerifyCallback(c.Query, v.AppID, ""),
				"twice":         connect.VerifyCallback(c.Query+"&ecartapi_key=", v.AppID, v.ClientID),
				"token twice":   connect.VerifyCallback(c.Query+"&access_token="+token, v.AppID, v.ClientID),
				"both flows":    connect.VerifyCallback(c.Query+"&shop_id=1&key=2", v.AppID, v.ClientID),
				"oversized":     connect.VerifyCallback(c.Query+"&x="+strings.Repeat("a", 9000), v.AppID, v.ClientID),
				"odd query":     connect.VerifyCallback(c.Query+"&%zz", v.AppID, v.ClientID),
				"semicolon":     connect.VerifyCallback(c.Query+"&a;b", v.AppID, v.ClientID),
			} {
				if err == nil {
					t.Errorf("%s, %s: it is accepted", c.Name, name)
				}
			}
		}
	}
	for _, c := range v.Older {
		at, err := time.Parse(time.RFC3339Nano, c.IntegratedAt)
		if err != nil {
			t.Fatal(err)
		}
		q := url.Values{}
		for k, s := range c.Params {
			q.Set(k, s)
		}
		for after, in := range map[time.Duration]bool{
			0: true, 59 * time.Second: true, time.Minute: true, time.Minute + time.Millisecond: false, time.Hour: false,
			-4 * time.Second: true, -6 * time.Second: false,
		} {
			err := connect.VerifyShop(q.Encode(), c.IntegratedAt, v.ClientID, at.Add(after))
			if (err == nil) != (in && c.Expect == "accept") {
				t.Errorf("%s after %v: %v", c.Name, after, err)
			}
		}
	}
}

// TestTokensThatAreNone: what is known to be something else is refused, before it is
// sent anywhere.
func TestTokensThatAreNone(t *testing.T) {
	v := loadVectors(t)
	enc := base64.RawURLEncoding.EncodeToString
	jwt := func(head, body string) string {
		return enc([]byte(head)) + "." + enc([]byte(body)) + "." + enc([]byte("x"))
	}
	for name, c := range map[string]struct {
		text          string
		strict, loose bool
	}{
		"empty":         {"", false, false},
		"client id":     {v.ClientID, false, false},
		"store token":   {jwt(`{"alg":"HS512"}`, `{"iss":"A","iat":1}`), true, true},
		"no algorithm":  {jwt(`{"alg":"none"}`, `{}`), false, true},
		"our key":       {"sr_live_abcdef", false, false},
		"our session":   {"srs_test_abcdef", false, false},
		"with a space":  {"abc def", false, false},
		"with a break":  {"abc\r\nX: y", false, false},
		"two parts":     {"abc.def", false, true},
		"old bare form": {"c0ffee00c0ffee00", false, true},
		"too long":      {strings.Repeat("a", 5000), false, false},
		"no letters":    {"tök", false, false},
	} {
		if err := connect.CheckToken(c.text, true); (err == nil) != c.strict {
			t.Errorf("%s, strict: %v", name, err)
		}
		err := connect.CheckToken(c.text, false)
		if (err == nil) != c.loose {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && c.text != "" && strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: the fault repeats it", name)
		}
	}
}

func FuzzCallback(f *testing.F) {
	v := loadVectors(f)
	for _, c := range v.Cases {
		f.Add(c.Query)
	}
	f.Add("shop_id=1&key=%2B")
	f.Fuzz(func(t *testing.T, query string) {
		if connect.VerifyCallback(query, v.AppID, v.ClientID) != nil {
			return
		}
		// Whatever is accepted bears the key of one of the two tokens that are signed.
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("%q is accepted and cannot be read", query)
		}
		for _, c := range v.Cases {
			known, _ := url.ParseQuery(c.Query)
			if c.Expect == "accept" && known.Get("access_token") == q.Get("access_token") {
				return
			}
		}
		t.Errorf("%q is accepted", query)
	})
}
