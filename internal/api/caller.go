package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/device"
	"strongroom/internal/identity/workload"
	"strongroom/internal/session"
	"strongroom/internal/web"
)

// headerProof carries a device's signed proof, in the manner of RFC 9449.
const headerProof = "DPoP"

// admit refuses a call from where nobody may call, before anybody is known (DPP
// 2.1.2). The Unix socket is no network.
func (a *API) admit(ctx context.Context, r *http.Request, principal string) error {
	conn := web.ConnOf(r.Context())
	if conn.Unix {
		return nil
	}
	return a.o.Access.AllowSource(ctx, access.APIListener, principal, conn.Addr)
}

// caller returns who calls: the holder of a session, of a key or of a workload's
// token; without any of them the service whose certificate is shown, or over the Unix
// socket without one the OS user at the other end. A token that is shown always
// wins over the OS user.
func (a *API) caller(c *call) (strongroom.Actor, error) {
	conn := web.ConnOf(c.r.Context())
	if c.r.Header.Get("Authorization") == "" && conn.Unix && conn.Peer {
		return a.o.Identity.LocalActor(c.ctx, conn.UID)
	}
	text := bearer(c.r)
	switch certificate := evidence(c.r).Certificate; {
	case session.IsToken(text):
	case a.o.Workloads != nil && workload.LooksLikeToken(text):
		return a.o.Workloads.Authenticate(c.ctx, text, conn.Addr)
	case a.o.Workloads != nil && text == "" && certificate != nil:
		return a.o.Workloads.AuthenticateCertificate(c.ctx, certificate, conn.Addr)
	default:
		return a.o.Identity.Authenticate(c.ctx, text, conn.Addr)
	}
	proof, err := a.from(c)
	if err != nil {
		return strongroom.Actor{}, err
	}
	who, err := a.o.Sessions.Authenticate(c.ctx, text, c.from)
	if err != nil {
		return strongroom.Actor{}, err
	}
	who.Standing.Device = string(proof.PostureFor(who.ID))
	return who, nil
}

// bearer returns the token of a call, empty if there is none.
func bearer(r *http.Request) string {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return text
}

// from finds out where a call came from and on which device. A device that is
// somebody else's counts for nobody; its posture is judged once the person is
// known.
func (a *API) from(c *call) (device.Proof, error) {
	proof, err := a.o.Devices.Prove(c.ctx, evidence(c.r))
	if err != nil {
		return proof, err
	}
	c.from = session.Caller{
		Source: web.ConnOf(c.r.Context()).Addr, Agent: c.r.UserAgent(),
		Device: proof.ID, Owner: proof.Owner, Posture: string(proof.PostureFor(proof.Owner)),
	}
	return proof, nil
}

func evidence(r *http.Request) device.Evidence {
	e := device.Evidence{Header: r.Header.Get(headerProof), Method: r.Method, Path: r.URL.Path}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		e.Certificate = r.TLS.PeerCertificates[0]
	}
	return e
}

// isStale reports whether a session holds but for its rights, which have changed.
func isStale(err error) bool {
	f, ok := errors.AsType[*strongroom.Fault](err)
	return ok && f.Code == "session-stale"
}

// recognise says who calls a row, as far as the row wants to know.
func (a *API) recognise(c *call) error {
	rt := c.route
	if rt.Public && !rt.Anywhere && !rt.Proves { // whoever watches whether it lives is not turned away
		if err := a.limit(c); err != nil {
			return err
		}
	}
	if !rt.Anywhere {
		if err := a.admit(c.ctx, c.r, ""); err != nil {
			return err
		}
	}
	if rt.Public {
		_, err := a.from(c)
		return err
	}
	who, err := a.caller(c)
	if rt.Holder && isStale(err) {
		c.token = bearer(c.r) // the row renews or ends it
		return nil
	}
	if err != nil {
		return a.unknown(c, err)
	}
	c.token = bearer(c.r)
	if err := a.admit(c.ctx, c.r, who.ID); err != nil {
		return err
	}
	c.who = who
	return nil
}

// limit counts a call for its source.
func (a *API) limit(c *call) error { return a.o.Limit(web.ConnOf(c.r.Context()).Addr) }

// unknown counts a caller whom nobody knows, and returns why.
func (a *API) unknown(c *call, why error) error {
	if strongroom.IsKind(why, strongroom.Unauthenticated) {
		if err := a.limit(c); err != nil {
			return err
		}
	}
	return why
}

// recogniseAgain says who calls in the midst of a call, with what they may by now. A
// device has proved itself for the whole call: its proof is good for once.
func (a *API) recogniseAgain(c *call) error {
	var who strongroom.Actor
	var err error
	if session.IsToken(c.token) {
		if who, err = a.o.Sessions.Authenticate(c.ctx, c.token, c.from); err == nil {
			who.Standing.Device = c.who.Standing.Device
		}
	} else {
		who, err = a.caller(c)
	}
	if err != nil {
		return err
	}
	if who.ID != c.who.ID {
		return strongroom.Faultf(strongroom.Unauthenticated, "", "the caller is another by now")
	}
	if err := a.admit(c.ctx, c.r, who.ID); err != nil {
		return err
	}
	c.who = who
	return nil
}

// refused records that the door refused what a known caller asked for. What lies below
// the own account and session is the caller's own, which may be more than they may ask
// of others: else who only mistyped would be told, and recorded, as one who may not.
func (a *API) refused(c *call, err error) error {
	record := a.o.Logbook.Refused
	if p := c.route.Path; p == "/v1/account" || strings.HasPrefix(p, "/v1/account/") || strings.HasPrefix(p, "/v1/session/") {
		record = a.o.Logbook.RefusedOwn
	}
	return record(context.WithoutCancel(c.ctx), c.who, a.actions[c.route.Action], web.Status(err), err)
}
