package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/handshake"
)

type doctorCmd struct {
	Check doctorCheckCmd `cmd:"" default:"withargs" help:"Check the instance; one line of advice for each finding."`
	TLS   doctorTLSCmd   `cmd:"" name:"tls" help:"Ask any endpoint which TLS it speaks: versions, suites, certificate, HSTS."`
}

type doctorCheckCmd struct {
	instance
	scripted
}

func (d *doctorCheckCmd) Run(g *globals) error {
	findings, err := app.Doctor(g.ctx, app.Options{Dir: d.Data, ConfigFile: d.Config, Passphrase: askPassphrase(g)})
	if err != nil {
		return err
	}
	bad := 0
	rows := make([][]string, len(findings))
	for i, f := range findings {
		if f.State == app.Fail {
			bad++
		}
		rows[i] = []string{string(f.State), f.Check, f.Found, f.Advice}
	}
	if d.JSON {
		err = printJSON(g.out, findings)
	} else {
		err = table(g.out, "STATE\tCHECK\tFOUND\tADVICE", rows)
	}
	if err == nil && bad > 0 {
		err = strongroom.Faultf(strongroom.Conflict, "doctor", "%d of %d checks failed", bad, len(findings))
	}
	return err
}

type doctorTLSCmd struct {
	Address string        `arg:"" help:"host:port, or https://host; port 443 if none is given."`
	Name    string        `placeholder:"HOST" help:"Whom the certificate must be for; default: the host of the address."`
	CA      string        `name:"ca" placeholder:"FILE" help:"PEM file of the authority that must have signed; default: those the system trusts."`
	Start   string        `name:"starttls" enum:"postgres,smtp," default:"" help:"Ask for TLS in this protocol first: postgres or smtp."`
	Timeout time.Duration `default:"5s" help:"For each of the sixteen connections."`
	scripted
}

// Help shows examples below the flags.
func (d *doctorTLSCmd) Help() string {
	return `Exits with 1 if a check fails; what was not answered is unknown, and never good.

Examples:
  strongroom doctor tls strongroom.example.com:8443
  strongroom doctor tls 127.0.0.1:8443 --name localhost --ca DIR/tls/tls.crt --json
  strongroom doctor tls db.example.com:5432 --starttls postgres`
}

func (d *doctorTLSCmd) Run(g *globals) error {
	o := handshake.Options{Address: endpoint(d.Address), Name: d.Name, Plain: d.Start, Timeout: d.Timeout, Now: time.Now()}
	if d.CA != "" {
		text, err := os.ReadFile(d.CA)
		if err != nil {
			return strongroom.Faultf(strongroom.NotFound, "ca", "the file of the authority cannot be read").Because(err)
		}
		if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(text) {
			return strongroom.Faultf(strongroom.Invalid, "ca", "the file holds no certificate in PEM")
		}
	}
	r, err := handshake.Probe(g.ctx, o)
	if err != nil {
		return err
	}
	if d.JSON {
		err = printJSON(g.out, r)
	} else {
		fmt.Fprintf(g.out, "%s as %s\n\n", r.Address, r.Name)
		rows := make([][]string, len(r.Checks))
		for i, c := range r.Checks {
			rows[i] = []string{string(c.State), c.Group, c.Name, c.Found, c.Advice}
		}
		err = table(g.out, "STATE\tOF\tCHECK\tFOUND\tADVICE", rows)
	}
	if n := r.Failed(); err == nil && n > 0 {
		err = strongroom.Faultf(strongroom.Conflict, "doctor", "%d of %d checks failed", n, len(r.Checks))
	}
	return err
}

// endpoint returns host:port of an address as people write it.
func endpoint(address string) string {
	address = strings.TrimPrefix(address, "https://")
	address, _, _ = strings.Cut(address, "/")
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), "443")
}
