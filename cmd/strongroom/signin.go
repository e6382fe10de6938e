package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom"
)

type challengeView struct {
	Challenge string   `json:"challenge"`
	Methods   []string `json:"methods"`
}

type signinCmd struct {
	instance
	Email    string `help:"Address of your account; asked for if missing."`
	Recovery bool   `help:"Use a recovery code in the place of a code of the app."`
	Provider string `placeholder:"NAME" help:"Sign in at this provider, in a browser on this machine."`
}

// Help says where the answers come from and shows examples.
func (s *signinCmd) Help() string {
	return `Asks for address, password and a code of your authenticator app; without a terminal
these are lines of standard input. With --provider it names an address to open in a
browser on this machine, and waits for it. The session is kept in a 0600 file under
$XDG_STATE_HOME/strongroom; every command then calls as you.

Examples:
  strongroom signin --data DIR
  strongroom signin --provider company --data https://strongroom.example.com
  strongroom signin --email jana.novak@example.com --recovery --data DIR`
}

func (s *signinCmd) Run(g *globals) error {
	if s.Provider != "" {
		return s.with(g, func(c *client) error {
			c.token = ""
			return c.enter(g, func() (opened, error) { return c.atProvider(g, "/v1/session/provider", s.Provider) })
		})
	}
	email := s.Email
	if email == "" {
		email = readLine(g, promptOf(g, "Address"))
	}
	return s.with(g, func(c *client) error {
		c.token = ""
		var ch challengeView
		if err := c.call(g.ctx, http.MethodPost, "/v1/session/begin", nil, map[string]string{"email": email}, &ch); err != nil {
			return err
		}
		password, err := readSecret(g, "Password")
		if err != nil {
			return err
		}
		in := map[string]string{"challenge": ch.Challenge, "password": password}
		if err := c.call(g.ctx, http.MethodPost, "/v1/session/password", nil, in, &ch); err != nil {
			return err
		}
		how, what := "totp", "Code of the app"
		if s.Recovery {
			how, what = "recovery", "Recovery code"
		}
		if !slices.Contains(ch.Methods, how) {
			return strongroom.Faultf(strongroom.Invalid, "method", "the account offers %s", strings.Join(ch.Methods, ", ")).
				Advise("a passkey needs a browser")
		}
		code, err := readSecret(g, what)
		if err != nil {
			return err
		}
		return c.enter(g, func() (o opened, err error) {
			in := map[string]string{"challenge": ch.Challenge, "code": code}
			err = c.call(g.ctx, http.MethodPost, "/v1/session/"+how, nil, in, &o)
			return o, err
		})
	})
}

// enter keeps the session that is opened and says whose it is.
func (c *client) enter(g *globals, open func() (opened, error)) error {
	o, err := open()
	if err != nil {
		return err
	}
	if err := c.take(o); err != nil {
		return err
	}
	fmt.Fprintf(g.errs, "signed in as %s until %s at the latest\n", o.Person, o.Ends.Format(time.RFC3339))
	return nil
}

// promptOf is what to ask at a terminal; elsewhere nothing is asked aloud.
func promptOf(g *globals, what string) string {
	if onTerminal(g.in) {
		return what
	}
	return ""
}

type signoutCmd struct{ instance }

func (s *signoutCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		if c.token == "" {
			fmt.Fprintln(g.errs, "nobody was signed in")
			return nil
		}
		err := c.call(g.ctx, http.MethodDelete, "/v1/session", nil, nil, nil)
		if p, ok := err.(*problem); ok && p.Status == http.StatusUnauthorized {
			err = nil // it was over already
		}
		if err != nil {
			return err
		}
		return c.state.forget()
	})
}

type sessionCmd struct {
	List   sessionListCmd   `cmd:"" help:"List sessions: your own, or those of a person."`
	Who    sessionWhoCmd    `cmd:"" help:"Show who you are to the policies."`
	StepUp sessionStepUpCmd `cmd:"" help:"Show a code of the app again, for what asks for it."`
	Revoke sessionRevokeCmd `cmd:"" help:"End a session at once."`
}

type sessionView struct {
	ID     string   `json:"id"`
	Used   string   `json:"used_at"`
	Ends   string   `json:"ends_at"`
	Ended  string   `json:"ended_at"`
	Cause  string   `json:"cause"`
	Source string   `json:"source"`
	Device string   `json:"device"`
	By     []string `json:"by"`
}

type sessionListCmd struct {
	instance
	scripted
	Person string `help:"Id of the person; default: yourself."`
}

func (s *sessionListCmd) Run(g *globals) error {
	q := queryOf("person", s.Person)
	return list(&s.instance, g, s.scripted, "/v1/sessions", "sessions", q, "ID\tLAST USED\tENDS\tENDED\tBY\tFROM\tDEVICE", func(x sessionView) []string {
		return []string{x.ID, x.Used, x.Ends, strings.TrimSpace(x.Ended + " " + x.Cause), strings.Join(x.By, "+"), x.Source, x.Device}
	})
}

type sessionWhoCmd struct {
	instance
	scripted
}

type whoView struct {
	ID       string   `json:"id"`
	Roles    []string `json:"roles"`
	Trained  bool     `json:"trained"`
	Pledged  bool     `json:"pledged"`
	Device   string   `json:"device"`
	Verified string   `json:"verified_at"`
}

func (s *sessionWhoCmd) Run(g *globals) error {
	return act(&s.instance, g, s.scripted, http.MethodGet, "/v1/session", nil, nil, func(x whoView) error {
		_, err := fmt.Fprintf(g.out, "account    %s\nroles      %s\ntrained    %t\npledged    %t\ndevice     %s\nverified   %s\n",
			x.ID, strings.Join(x.Roles, ", "), x.Trained, x.Pledged, x.Device, x.Verified)
		return err
	})
}

type sessionStepUpCmd struct {
	instance
	Provider string `placeholder:"NAME" help:"Show them at this provider, in a browser on this machine."`
}

func (s *sessionStepUpCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		if s.Provider != "" {
			o, err := c.atProvider(g, "/v1/session/step-up/provider", s.Provider)
			if err != nil {
				return err
			}
			return c.take(o)
		}
		code, err := readSecret(g, "Code of the app")
		if err != nil {
			return err
		}
		var o opened
		if err := c.call(g.ctx, http.MethodPost, "/v1/session/step-up/totp", nil, map[string]string{"code": code}, &o); err != nil {
			return err
		}
		return c.take(o)
	})
}

type sessionRevokeCmd struct {
	instance
	Session string `arg:"" help:"Id of the session."`
}

func (s *sessionRevokeCmd) Run(g *globals) error {
	return s.tell(g, http.MethodDelete, "/v1/sessions/"+escape(s.Session), nil)
}
