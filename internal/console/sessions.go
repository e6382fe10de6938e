package console

import (
	"strongroom/internal/session"
)

func sessionRoutes() []Route {
	const page = "/account/sessions"
	return []Route{
		own(page, "session.list", sessionsPage),
		change("/account/sessions/end", "session.revoke", page, endSession, sessionsPage),
		change("/account/sessions/end-others", "session.revoke", page, endOthers, sessionsPage),
		own("/account/verify", "account.read", verifyPage),
		change("/account/verify", "session.verify", "/account/verify", verifyCode, verifyPage),
		script(change("/account/verify/passkey/begin", "session.verify", "/account/verify", verifyPasskey, nil)),
		script(change("/account/verify/passkey/finish", "session.verify", "/account/verify", verifiedPasskey, nil)),
	}
}

// maxEnded is how many sessions that are over the page lists.
const maxEnded = 10

// sessionsPage lists where somebody is signed in, and was.
func sessionsPage(v *visit) error {
	list, err := v.c.o.Sessions.Sessions(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	data := struct {
		This        string // the session of this browser
		Open, Ended []session.Session
	}{This: v.who.Session}
	for _, s := range list {
		if s.Ended.IsZero() {
			data.Open = append(data.Open, s)
		} else if len(data.Ended) < maxEnded {
			data.Ended = append(data.Ended, s)
		}
	}
	return v.show("sessions", "Sessions", data)
}

func endSession(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	if err := v.c.o.Sessions.Revoke(v.ctx, v.who, v.field("id")); err != nil {
		return err
	}
	return v.leadTo("/account/sessions?done=ended")
}

func endOthers(v *visit) error {
	if _, err := v.c.o.Sessions.RevokeOthers(v.ctx, v.who); err != nil {
		return err
	}
	return v.leadTo("/account/sessions?done=ended")
}
