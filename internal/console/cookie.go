package console

import (
	"net/http"
	"strings"
	"time"
)

// The cookies of the console. The prefixes are promises that a browser holds the
// server to: __Host- is of this host alone, __Secure- came over TLS.
const (
	sessionCookie = "strongroom"
	signinCookie  = "strongroom-signin"
	enrolCookie   = "strongroom-enrol"

	enrolPath = "/enrol"
)

// cookie returns the frame of a cookie. Without TLS, in a test instance, it has no
// prefix, which a browser would refuse.
func (c *Console) cookie(name, path string) *http.Cookie {
	prefix := "__Host-"
	if path != "/" {
		prefix = "__Secure-"
	}
	if !c.secure {
		prefix = ""
	}
	return &http.Cookie{Name: prefix + name, Path: path, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func (v *visit) setCookie(name, path, value string) {
	k := v.c.cookie(name, path)
	k.Value = value
	http.SetCookie(v.w, k)
}

func (v *visit) dropCookie(name, path string) {
	k := v.c.cookie(name, path)
	k.MaxAge, k.Expires = -1, time.Unix(1, 0)
	http.SetCookie(v.w, k)
}

// cookieOf returns the value of a cookie, empty if the browser shows none, or shows
// two: one of them is then somebody else's.
func (v *visit) cookieOf(name, path string) string {
	list := v.r.CookiesNamed(v.c.cookie(name, path).Name)
	if len(list) != 1 {
		return ""
	}
	return list[0].Value
}

// signingIn is where a sign-in stands, as the browser keeps it: the challenge, and
// which second factors there are.
type signingIn struct {
	challenge string
	methods   []string
}

func (v *visit) keepSignIn(s signingIn) {
	v.setCookie(signinCookie, "/", strings.Join(append([]string{s.challenge}, s.methods...), "."))
}

func (v *visit) signIn() signingIn {
	list := strings.Split(v.cookieOf(signinCookie, "/"), ".")
	return signingIn{list[0], list[1:]}
}
