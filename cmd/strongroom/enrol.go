package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

type enrolCmd struct {
	instance
	scripted
	Link string `arg:"" optional:"" help:"The link, or what stands behind its #; asked for if missing."`
}

// Help says what is asked and shows examples.
func (e *enrolCmd) Help() string {
	return `Asks for a password, twice, and then opens the link, once. Then it shows the secret for
your authenticator app and asks for a first code of it. Without a terminal the password
and the code are lines of standard input. What broke off goes on with the same link on
this machine, for an hour.

Examples:
  strongroom enrol --data DIR
  strongroom enrol https://localhost:8443/enrol#srl_live_… --data DIR`
}

func (e *enrolCmd) Run(g *globals) error {
	link := e.Link
	if link == "" {
		var err error
		if link, err = readSecret(g, "Link"); err != nil {
			return err
		}
	}
	if _, token, ok := strings.Cut(link, "#"); ok {
		link = token
	}
	return e.with(g, func(c *client) error {
		c.token = ""
		begun, err := c.begunBy(link)
		if err != nil {
			return err
		}
		password := ""
		if !begun.Set { // asked for before the link is opened: it opens once
			if password, err = newPassword(g); err != nil {
				return err
			}
		}
		if begun.Token == "" {
			if err := c.openLink(g, &begun, link); err != nil {
				return err
			}
		}
		codes, err := c.enrol(g, &begun, password)
		if err != nil {
			return c.brokeOff(g, err)
		}
		if err := c.state.drop(c.state.enrolment()); err != nil {
			return err
		}
		return e.done(g, begun, codes)
	})
}

// done prints the recovery codes and what comes next.
func (e *enrolCmd) done(g *globals, begun begunEnrolment, codes []string) error {
	if e.JSON {
		return printJSON(g.out, map[string]any{"person": begun.Person, "recovery_codes": codes, "waits": begun.Waits})
	}
	fmt.Fprintln(g.out, strings.Join(codes, "\n"))
	fmt.Fprintln(g.errs, "Enrolled. The recovery codes above are shown once.")
	if begun.Waits {
		fmt.Fprintln(g.errs, "Another person than made the link lets you in: strongroom person resume "+begun.Person)
		return nil
	}
	fmt.Fprintln(g.errs, "Next: strongroom signin --data "+e.Data)
	return nil
}

// begunEnrolment is what a link was opened for, as it is kept at this machine until the
// enrolment is complete.
type begunEnrolment struct {
	Link   string `json:"link"` // its SHA-256, in hex
	Token  string `json:"token"`
	Person string `json:"person"`
	Waits  bool   `json:"waits"`
	Set    bool   `json:"set"` // the password was taken
}

func (s state) enrolment() string { return s.base + ".enrolment" }

// begunBy returns the enrolment that a link began at this machine, one without a token
// if there is none.
func (c *client) begunBy(link string) (begun begunEnrolment, err error) {
	sum := sha256.Sum256([]byte(link))
	digest := hex.EncodeToString(sum[:])
	text, err := c.state.read(c.state.enrolment())
	if err != nil || json.Unmarshal(text, &begun) != nil || begun.Link != digest {
		return begunEnrolment{Link: digest}, err
	}
	return begun, nil
}

// openLink exchanges a link, once.
func (c *client) openLink(g *globals, begun *begunEnrolment, link string) error {
	digest := begun.Link
	if err := c.call(g.ctx, http.MethodPost, "/v1/enrol", nil, map[string]string{"link": link}, begun); err != nil {
		return err
	}
	begun.Link = digest
	return c.remember(begun)
}

// remember keeps an enrolment at this machine. Without a home it is done in one go, or
// not at all.
func (c *client) remember(begun *begunEnrolment) error {
	if c.state.base == "" {
		return nil
	}
	text, err := json.Marshal(begun)
	if err != nil {
		return err
	}
	return c.state.write(c.state.enrolment(), text)
}

// brokeOff says how an enrolment goes on that was not completed. One that the server
// no longer knows is forgotten.
func (c *client) brokeOff(g *globals, cause error) error {
	if p, ok := cause.(*problem); ok && p.Status == http.StatusUnauthorized {
		return errors.Join(cause, c.state.drop(c.state.enrolment()))
	}
	if c.state.base != "" {
		fmt.Fprintln(g.errs, "The link was opened. The same command goes on on this machine, within an hour.")
	}
	return cause
}

// enrol sets up password and app, and returns the recovery codes.
func (c *client) enrol(g *globals, begun *begunEnrolment, password string) ([]string, error) {
	post := func(step string, in map[string]string, out any) error {
		in["token"] = begun.Token
		return c.call(g.ctx, http.MethodPost, "/v1/enrol"+step, nil, in, out)
	}
	if !begun.Set {
		err := takePassword(g, password, func(text string) error { return post("/password", map[string]string{"password": text}, nil) })
		if err != nil {
			return nil, err
		}
		begun.Set = true
		if err := c.remember(begun); err != nil {
			return nil, err
		}
	}
	var app struct {
		Secret string `json:"secret"`
		URI    string `json:"uri"`
	}
	if err := post("/totp", map[string]string{}, &app); err != nil {
		return nil, err
	}
	fmt.Fprintf(g.errs, "Enter this into your authenticator app:\n  %s\nor as a QR code:\n  %s\n", app.Secret, app.URI)
	if err := askAgain(g, "Code of the app", func(text string) error { return post("/totp/confirm", map[string]string{"code": text}, nil) }); err != nil {
		return nil, err
	}
	var done struct {
		Codes []string `json:"recovery_codes"`
	}
	err := post("/complete", map[string]string{}, &done)
	return done.Codes, err
}

// takePassword hands in a password, at a terminal another one until it is taken.
func takePassword(g *globals, first string, set func(string) error) error {
	err := set(first)
	if !again(g, err) {
		return err
	}
	fmt.Fprintln(g.errs, explain(err))
	return askPassword(g, set)
}

// newPassword asks for a new password, at a terminal until it is typed twice alike.
func newPassword(g *globals) (text string, err error) {
	err = askPassword(g, func(s string) error { text = s; return nil })
	return text, err
}

// askPassword asks for a new password until it is taken; at a terminal twice.
func askPassword(g *globals, try func(string) error) error {
	return askAgain(g, "New password", func(text string) error {
		if onTerminal(g.in) {
			again, err := readSecret(g, "The same again")
			if err != nil {
				return err
			}
			if again != text {
				return &problem{Status: http.StatusBadRequest, Detail: "these are two passwords"}
			}
		}
		return try(text)
	})
}

// askAgain asks until the answer is taken: what a person types may be wrong. In a
// script the first wrong answer is the end.
func askAgain(g *globals, what string, try func(string) error) error {
	for {
		text, err := readSecret(g, what)
		if err != nil {
			return err
		}
		if err = try(text); !again(g, err) {
			return err
		}
		fmt.Fprintln(g.errs, explain(err))
	}
}

// again reports whether a person at a terminal could do better.
func again(g *globals, err error) bool {
	p, ok := err.(*problem)
	return ok && onTerminal(g.in) && p.Status < 500 && p.Status != http.StatusUnauthorized
}
