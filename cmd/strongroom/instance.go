package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"strongroom"
	"strongroom/internal/app"
)

type initCmd struct {
	instance
	scripted
	Environment  string `required:"" enum:"production,test" help:"production or test; cannot be changed later."`
	DB           string `name:"db" placeholder:"URL" help:"postgres:// URL; default: the embedded engine."`
	DBPassword   string `name:"db-password-file" placeholder:"FILE" help:"0600 file with the database password."`
	Keys         string `placeholder:"KEYDIR" help:"Key folder; default: the data folder's name with .keys. Never inside the data folder."`
	RootKeyFile  string `name:"root-key-file" placeholder:"FILE" help:"0600 file of the root key, made if missing; default: root.key in the data folder's name with .root."`
	Passphrase   bool   `help:"Derive the root key from a passphrase, asked on the terminal or read from --root-fd."`
	RootFD       int    `name:"root-fd" placeholder:"N" help:"Read the root key (or passphrase) from this file descriptor."`
	Credential   string `name:"root-credential" placeholder:"FILE" help:"Read the root key from a file of a credentials directory."`
	Transit      string `name:"root-transit" placeholder:"URL" help:"OpenBao or Vault address: its Transit engine keeps the root key."`
	TransitKey   string `name:"transit-key" default:"strongroom" help:"Name of the Transit key."`
	TransitToken string `name:"transit-token-file" placeholder:"FILE" help:"0600 file with the Transit token."`
	AcceptInside bool   `name:"i-accept-keys-inside" help:"Accept keys under the data folder, or the root key beside the keys: a copy of that folder then opens everything."`
	Listen       string `default:"127.0.0.1:8443" help:"Address of the HTTP API."`
	TLS          string `name:"tls" default:"auto" enum:"auto,off,file" help:"auto, file, or off (test on loopback only); acme is set in the configuration."`
	PublicURL    string `name:"public-url" placeholder:"URL" help:"Where people reach the instance, such as https://strongroom.example.com; default: the address it listens on."`
	EcartAPI     string `name:"ecartapi" placeholder:"URL" help:"Base URL of EcartAPI."`
	OwnerName    string `name:"owner-name" placeholder:"NAME" help:"Full name of the first owner, a person; asked for on a terminal."`
	OwnerEmail   string `name:"owner-email" placeholder:"ADDRESS" help:"Address of the first owner, of nobody else; asked for on a terminal."`
	OwnerVouched bool   `name:"owner-vouched" help:"The first owner is really called so, though the name reads like that of a role."`
}

// Help shows examples below the flags.
func (i *initCmd) Help() string {
	return `Examples:
  strongroom init --data /var/lib/strongroom --environment production --owner-name "Jana Novak" --owner-email jana.novak@example.com
  strongroom init --data ./try --environment test --json`
}

func (i *initCmd) config() app.Config {
	c := app.Config{
		Environment: strongroom.Environment(i.Environment), Database: i.DB, DatabasePasswordFile: i.DBPassword,
		Keys: i.Keys, Listen: i.Listen, TLS: i.TLS, PublicURL: i.PublicURL, EcartAPI: i.EcartAPI, AcceptKeysInside: i.AcceptInside,
		Root: app.RootConfig{File: i.RootKeyFile, Passphrase: i.Passphrase, FD: i.RootFD, Credential: i.Credential},
	}
	if i.Transit != "" {
		c.Root.Transit = &app.TransitConfig{Address: i.Transit, Key: i.TransitKey, TokenFile: i.TransitToken}
	}
	return c
}

func (i *initCmd) Run(g *globals) error {
	owner := app.FirstOwner{Name: i.OwnerName, Email: i.OwnerEmail, Vouched: i.OwnerVouched}
	if i.Environment == string(strongroom.Production) {
		for _, ask := range []struct {
			what string
			to   *string
		}{{"Full name of the first owner", &owner.Name}, {"Address of the first owner", &owner.Email}} {
			if *ask.to == "" && onTerminal(g.in) {
				*ask.to = readLine(g, ask.what)
			}
		}
	}
	made, err := app.Init(g.ctx, i.Data, i.config(), owner, askPassphrase(g))
	if err != nil {
		return err
	}
	if i.JSON {
		return printJSON(g.out, made)
	}
	fmt.Fprintf(g.out, "instance   %s (%s)\nkeys       %s\n", made.Data, made.Environment, made.Keys)
	if made.RootKeyFile != "" {
		fmt.Fprintf(g.out, "root key   %s\n", made.RootKeyFile)
	}
	fmt.Fprintf(g.out, "log key    %s\n", made.LogKey)
	if made.APIKey != "" {
		fmt.Fprintf(g.out, "api key    %s\n", made.APIKey)
	}
	if made.Link != "" {
		fmt.Fprintf(g.out, "owner      %s\nlink       %s\n", made.Owner, made.Link)
	}
	fmt.Fprintln(g.errs, "Keep a copy of the root key elsewhere: a lost root is final, nobody can open the data without it.")
	if made.APIKey != "" {
		fmt.Fprintln(g.errs, "The API key is shown once.")
	}
	if made.Link != "" {
		fmt.Fprintf(g.errs, "The link is shown once and ends %s: the first owner opens it in a browser once the instance serves, or types: strongroom enrol LINK --data %s\n",
			made.LinkExpires.Format(time.RFC3339), i.Data)
	}
	fmt.Fprintln(g.errs, "Next: strongroom serve --data "+i.Data)
	return nil
}

type serveCmd struct {
	instance
	Listen string `help:"Address; default: as configured."`
	TLS    string `name:"tls" enum:"auto,off,file," default:"" help:"auto, file, or off (test on loopback only); acme is set in the configuration."`
	DB     string `name:"db" placeholder:"URL" help:"postgres:// URL; default: as configured."`
	Log    string `enum:"text,json,off" default:"text" help:"Operational log on standard error: text, json or off."`
}

func (s *serveCmd) Run(g *globals) error {
	a, err := app.Open(g.ctx, app.Options{
		Dir: s.Data, ConfigFile: s.Config, Listen: s.Listen, TLS: s.TLS, Database: s.DB,
		Log: logger(s.Log, g.errs), Passphrase: askPassphrase(g),
	})
	if err != nil {
		return err
	}
	return a.Serve(g.ctx, func(addr string) { fmt.Fprintf(g.out, "ready %s\n", addr) })
}

func logger(kind string, w io.Writer) *slog.Logger {
	switch kind {
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil))
	case "off":
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

type configCmd struct {
	Check configCheckCmd `cmd:"" default:"withargs" help:"Check and print the effective configuration."`
}

type configCheckCmd struct{ instance }

func (c *configCheckCmd) Run(g *globals) error {
	conf, err := app.LoadConfig(c.Data, c.Config)
	if err != nil {
		return err
	}
	text, err := conf.Redacted()
	fmt.Fprint(g.out, text)
	return err
}

type rootCmd struct {
	Rotate rootRotateCmd `cmd:"" help:"Wrap the keyring under a new root key; goes on where it was cut off."`
}

type rootRotateCmd struct {
	instance
	NewKeyFile string `required:"" name:"new-root-key-file" placeholder:"FILE" help:"0600 file of the new root key, made if missing."`
}

func (r *rootRotateCmd) Run(g *globals) error {
	err := app.RotateRoot(g.ctx, app.Options{Dir: r.Data, ConfigFile: r.Config, Passphrase: askPassphrase(g)}, r.NewKeyFile)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.out, "the keyring opens with %s only; keep a copy of it elsewhere and destroy the old key\n", r.NewKeyFile)
	return nil
}

type logCmd struct {
	Continue logContinueCmd `cmd:"" help:"Go on after a loss under a new origin; the break stays visible for ever."`
}

type logContinueCmd struct {
	instance
	Reason string `required:"" help:"restore, failover, damage, move or drill."`
	By     string `required:"" help:"Id of the account that decided, such as per_… or uid:0."`
}

func (l *logContinueCmd) Run(g *globals) error {
	err := app.ContinueLog(g.ctx, app.Options{Dir: l.Data, ConfigFile: l.Config, Passphrase: askPassphrase(g)}, l.Reason, l.By)
	if err != nil {
		return err
	}
	fmt.Fprintln(g.out, "the log goes on under a new origin; `strongroom audit verify` shows the break")
	return nil
}

type versionCmd struct{ scripted }

func (v *versionCmd) Run(g *globals) error {
	info := map[string]string{"version": app.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" || s.Key == "GOFIPS140" {
				info[s.Key] = s.Value
			}
		}
	}
	if v.JSON {
		return printJSON(g.out, info)
	}
	fmt.Fprintf(g.out, "strongroom %s (%s, %s)\n", info["version"], info["go"], info["platform"])
	return nil
}

// askPassphrase reads a passphrase from the file descriptor given, or asks for
// it where a person sits.
func askPassphrase(g *globals) func(fd int) ([]byte, error) {
	return func(fd int) ([]byte, error) {
		if fd > 0 {
			f := os.NewFile(uintptr(fd), "fd"+strconv.Itoa(fd))
			if f == nil {
				return nil, strongroom.Faultf(strongroom.Invalid, "root-fd", "file descriptor %d is not open", fd)
			}
			defer f.Close()
			return io.ReadAll(io.LimitReader(f, 4096))
		}
		return readHidden(g)
	}
}

type adoptCmd struct{ instance }

func (a *adoptCmd) Run(g *globals) error {
	if err := app.Adopt(g.ctx, app.Options{Dir: a.Data, ConfigFile: a.Config, Passphrase: askPassphrase(g)}); err != nil {
		return err
	}
	fmt.Fprintf(g.out, "the key folder serves %s now; a folder it served before is refused\n", a.Data)
	return nil
}
