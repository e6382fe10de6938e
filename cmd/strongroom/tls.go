package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"strongroom/internal/app"
)

type tlsCmd struct {
	CA   tlsCACmd   `cmd:"" name:"ca" help:"Make a local authority for development, and a certificate of it for this instance."`
	Show tlsShowCmd `cmd:"" help:"Show the certificate: names, end, public key."`
}

type tlsCACmd struct {
	instance
	scripted
	Hosts  []string `arg:"" optional:"" help:"Names and addresses besides localhost and the one it listens on."`
	Anew   bool     `help:"Make another authority in the place of the one that is there; it must be trusted again."`
	Accept bool     `name:"i-accept-a-local-authority" help:"Make it for a production instance too."`
}

// Help shows examples below the flags.
func (c *tlsCACmd) Help() string {
	return `The authority may sign for these hosts alone. Its key stays in the tls folder of the instance, 0600.
A running server takes the certificate within 15 seconds.

Examples:
  strongroom tls ca --data DIR
  strongroom tls ca shop.test 192.0.2.7 --data DIR`
}

func (c *tlsCACmd) Run(g *globals) error {
	folder, s, err := app.LocalAuthority(app.Options{Dir: c.Data, ConfigFile: c.Config}, c.Hosts, c.Anew, c.Accept)
	if err != nil {
		return err
	}
	authority := filepath.Join(folder, "ca.crt")
	if c.JSON {
		return printJSON(g.out, struct {
			Authority string `json:"authority"`
			app.Shown
		}{authority, s})
	}
	fmt.Fprintf(g.out, "%s signed for %s until %s.\n\n", authority, strings.Join(s.Names, ", "), s.Ends.Format(time.DateOnly))
	fmt.Fprintf(g.out, "Have clients trust it, one by one:\n")
	for _, line := range [][2]string{
		{"strongroom", "--ca " + authority}, {"curl", "--cacert " + authority}, {"node", "NODE_EXTRA_CA_CERTS=" + authority},
		{"debian", "cp " + authority + " /usr/local/share/ca-certificates/strongroom.crt && update-ca-certificates"},
		{"macos", "security add-trusted-cert -k ~/Library/Keychains/login.keychain-db " + authority},
		{"firefox", "Settings, Certificates, View, Authorities, Import"},
	} {
		fmt.Fprintf(g.out, "  %-11s %s\n", line[0], line[1])
	}
	return nil
}

type tlsShowCmd struct {
	instance
	scripted
	Address string `arg:"" optional:"" help:"host:port to ask; default: where the instance listens, and the files if nobody does."`
}

// Help shows examples below the flags.
func (c *tlsShowCmd) Help() string {
	return `Examples:
  strongroom tls show --data DIR
  strongroom tls show 127.0.0.1:8443 --data DIR --json`
}

func (c *tlsShowCmd) Run(g *globals) error {
	s, err := app.ShownCertificate(g.ctx, app.Options{Dir: c.Data, ConfigFile: c.Config}, c.Address)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(g.out, s)
	}
	rows := [][]string{
		{"from", s.From}, {"subject", s.Subject}, {"issuer", s.Issuer}, {"names", strings.Join(s.Names, ", ")},
		{"begins", s.Begins.Format(time.RFC3339)}, {"ends", fmt.Sprintf("%s (%d days)", s.Ends.Format(time.RFC3339), int(time.Until(s.Ends).Hours()/24))},
		{"sha256", s.Digest}, {"spki", s.SPKI}, {"pin", s.Pin},
	}
	if s.Protocol != "" {
		rows = append(rows, []string{"protocol", s.Protocol})
	}
	return table(g.out, "CERTIFICATE\t", rows)
}
