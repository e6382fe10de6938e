package console

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"strongroom"
	"strongroom/internal/device"
	"strongroom/internal/session"
	"strongroom/internal/web"
)

// visit is one request on its way through the console.
type visit struct {
	c      *Console
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	route  *Route
	from   session.Caller
	who    strongroom.Actor // of who is signed in
	token  string           // of the session
	form   url.Values       // of a form, once read
	wrong  *web.Problem     // why a form is shown again
	served bool             // it was let in to the route
	status int              // of the answer
}

// Limits of a body.
const (
	maxForm   = 16 << 10 // a form
	maxAnswer = 96 << 10 // what a browser says of a passkey
)

// locate finds out where a visit came from and on which device: a browser proves a
// device by its client certificate.
func (v *visit) locate() error {
	var e device.Evidence
	if v.r.TLS != nil && len(v.r.TLS.PeerCertificates) > 0 {
		e.Certificate = v.r.TLS.PeerCertificates[0]
	}
	proof, err := v.c.o.Devices.Prove(v.ctx, e)
	if err != nil {
		return err
	}
	v.from = session.Caller{
		Source: web.ConnOf(v.r.Context()).Addr, Agent: v.r.UserAgent(),
		Device: proof.ID, Owner: proof.Owner, Posture: string(proof.PostureFor(proof.Owner)),
	}
	return nil
}

// recognise finds whose session the cookie holds. One whose rights have changed is
// renewed on the way.
func (v *visit) recognise() (err error) {
	v.token = v.cookieOf(sessionCookie, "/")
	if v.token == "" {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-none", "nobody is signed in").Advise("sign in")
	}
	v.who, err = v.c.o.Sessions.Authenticate(v.ctx, v.token, v.from)
	if codeOf(err) != "session-stale" {
		return err
	}
	o, err := v.c.o.Sessions.Renew(v.ctx, v.token, v.from)
	if err != nil {
		return err
	}
	v.keepSession(o)
	v.who, err = v.c.o.Sessions.Authenticate(v.ctx, v.token, v.from)
	return err
}

// unknown counts somebody whom nobody knows, but for who shows nothing at all, and
// returns why.
func (v *visit) unknown(why error) error {
	if strongroom.IsKind(why, strongroom.Unauthenticated) && codeOf(why) != "session-none" {
		if err := v.c.o.Limit(v.from.Source); err != nil {
			return err
		}
	}
	return why
}

// keepSession puts the token of a session that was opened, renewed or verified anew
// into its cookie.
func (v *visit) keepSession(o session.Opened) {
	v.token = o.Token.Reveal()
	v.setCookie(sessionCookie, "/", v.token)
}

// enter ends a sign-in: the browser gets its session, and what it held before ends.
func (v *visit) enter(o session.Opened) {
	if old := v.cookieOf(sessionCookie, "/"); old != "" {
		if err := v.c.o.Sessions.SignOut(v.ctx, old, v.from); err != nil {
			v.note(err)
		}
	}
	v.dropCookie(signinCookie, "/")
	v.keepSession(o)
}

// field returns a field of the form, empty if it is missing. What is there twice
// counts as missing.
func (v *visit) field(name string) string {
	if list := v.form[name]; len(list) == 1 {
		return list[0]
	}
	return ""
}

// readForm reads the body as a form.
func (v *visit) readForm() error {
	t, err := web.MediaType(v.r)
	if err != nil || t != "application/x-www-form-urlencoded" {
		return strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "a form must be application/x-www-form-urlencoded")
	}
	body, err := web.ReadBody(v.w, v.r, maxForm)
	if err != nil {
		return err
	}
	if v.form, err = url.ParseQuery(string(body)); err != nil {
		return strongroom.Faultf(strongroom.Invalid, "form", "the form cannot be read")
	}
	return nil
}

// readAnswer reads the body as JSON of the page's script.
func (v *visit) readAnswer() (json.RawMessage, error) {
	t, err := web.MediaType(v.r)
	if err != nil || t != "application/json" {
		return nil, strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "the body must be application/json")
	}
	body, err := web.ReadBody(v.w, v.r, maxAnswer)
	if err != nil {
		return nil, err
	}
	var out json.RawMessage
	return out, web.DecodeJSON(body, &out)
}

// leadTo sends the browser to another page of the console.
func (v *visit) leadTo(path string) error {
	v.status = http.StatusSeeOther
	v.w.Header().Set("Location", path)
	v.w.WriteHeader(v.status)
	return nil
}

// tell answers the script.
func (v *visit) tell(out any) error {
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	_, _ = v.w.Write(text) // the caller may have gone
	return nil
}

// goOn tells the script which page comes next.
func (v *visit) goOn(path string) error {
	return v.tell(struct {
		To string `json:"to"`
	}{path})
}

// refuse answers what err stands for: who is not signed in is led there, who has to
// show factors anew as well, a form is shown again, all else is a page of its own.
func (c *Console) refuse(v *visit, err error) {
	if web.Status(err) >= http.StatusInternalServerError {
		v.note(err)
	}
	v.status = web.Status(err)
	if v.route.Script {
		web.WriteProblem(v.w, err, web.RequestID(v.w))
		return
	}
	p := web.ProblemOf(err, web.RequestID(v.w))
	switch {
	case !v.route.Public && strongroom.IsKind(err, strongroom.Unauthenticated) && (v.who.ID == "" || strings.HasPrefix(p.Code, "session-")):
		switch p.Code {
		case "session-none":
			err = v.leadTo("/signin")
		case "session-ended": // or another tab of the browser has a newer token by now
			err = v.leadTo("/?again")
		default:
			err = v.leadTo("/signin?over")
		}
	case !v.route.Public && p.Code == "rights-changed" && v.r.URL.Query().Get("done") != "nothing": // the page knows what is left
		err = v.leadTo(v.route.back + "?done=nothing")
	case !v.route.Public && p.Code == "step-up":
		err = v.leadTo("/account/verify?for=" + pageName(v.route.back))
	default:
		if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
			v.w.Header().Set("Retry-After", "60")
		}
		v.wrong = &p
		if v.route.again == nil || !v.served || p.Status >= http.StatusInternalServerError {
			err = v.show("refused", "Refused", nil)
		} else if err = v.route.again(v); err != nil {
			err = v.show("refused", "Refused", nil)
		}
	}
	if err != nil {
		v.note(err)
	}
}

// note logs what went wrong inside: the operator's concern, not the caller's.
func (v *visit) note(err error) {
	v.c.o.Log.LogAttrs(v.ctx, slog.LevelError, "page failed", slog.String("request", web.RequestID(v.w)),
		slog.String("route", v.route.Method+" "+v.route.Path), slog.String("actor", v.who.ID), web.Cause(err))
}

// codeOf returns the code of err's fault, empty if there is none.
func codeOf(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	return ""
}
