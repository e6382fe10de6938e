package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/alecthomas/kong"

	"strongroom"
)

// cli is the command line: a struct is its own documentation. Each subcommand
// has its own file.
type cli struct {
	Init    initCmd    `cmd:"" group:"run" help:"Make an instance: data folder, key folder, root key, first key."`
	Serve   serveCmd   `cmd:"" group:"run" help:"Serve the HTTP API."`
	Demo    demoCmd    `cmd:"" group:"run" help:"Run the main job on made-up shops and keep serving."`
	Doctor  doctorCmd  `cmd:"" group:"run" help:"Check the instance; one line of advice for each finding."`
	Adopt   adoptCmd   `cmd:"" group:"run" help:"Let the key folder serve this data folder from now on, instead of another."`
	Config  configCmd  `cmd:"" group:"run" help:"Check and print the effective configuration."`
	TLS     tlsCmd     `cmd:"" name:"tls" group:"run" help:"Show the certificate; make a local authority for development."`
	Version versionCmd `cmd:"" group:"run" help:"Print version and build."`

	Enrol   enrolCmd   `cmd:"" group:"people" help:"Open your link and set up how you sign in."`
	Signin  signinCmd  `cmd:"" group:"people" help:"Sign in; every command then calls as you."`
	Signout signoutCmd `cmd:"" group:"people" help:"Sign out at this machine."`
	Session sessionCmd `cmd:"" group:"people" help:"List sessions, step up, show who you are."`

	Person   personCmd   `cmd:"" group:"people" help:"Ask for accounts, list, invite, suspend, reset and end people."`
	Training trainingCmd `cmd:"" group:"people" help:"Record trainings and pledges."`
	Device   deviceCmd   `cmd:"" group:"people" help:"Enter, enrol, list and revoke devices."`
	Request  requestCmd  `cmd:"" group:"people" help:"Ask for short rights; approve, refuse and list requests."`
	Role     roleCmd     `cmd:"" group:"people" help:"Ask for roles."`
	Grant    grantCmd    `cmd:"" group:"people" help:"List and revoke grants."`
	Service  serviceCmd  `cmd:"" group:"people" help:"Ask for services, adopt, suspend and resume them."`
	Network  networkCmd  `cmd:"" group:"people" help:"Say where calls may come from."`
	Access   accessCmd   `cmd:"" group:"people" help:"Say why somebody may or may not."`
	Review   reviewCmd   `cmd:"" group:"people" help:"Review who can reach information: quarterly reviews, baseline, samples, ways outside."`

	Store    storeCmd    `cmd:"" group:"data" help:"Add, list, revoke and disconnect stores."`
	Connect  connectCmd  `cmd:"" group:"data" help:"Connect a store by a token, or by the page where its owner grants access."`
	App      appCmd      `cmd:"" group:"data" help:"Add, list and remove applications of EcartAPI."`
	Sync     syncCmd     `cmd:"" group:"data" help:"Pull a store's orders from EcartAPI."`
	Ingest   ingestCmd   `cmd:"" group:"data" help:"Take in a file of EcartAPI JSON or NDJSON."`
	Record   recordCmd   `cmd:"" group:"data" help:"List and show records, tokenised."`
	Reveal   revealCmd   `cmd:"" group:"data" help:"Open a record or tokens for a purpose."`
	Find     findCmd     `cmd:"" group:"data" help:"Find records by e-mail, phone, name, postal code, national or external id."`
	Erase    eraseCmd    `cmd:"" group:"data" help:"Erase records for good."`
	Erasure  erasureCmd  `cmd:"" group:"data" help:"List and do what was asked for from outside: notices, signals of platforms, letters."`
	Signal   signalCmd   `cmd:"" group:"data" help:"Hand in signals that ask for erasure; say who may send them."`
	Fields   fieldsCmd   `cmd:"" group:"data" help:"List unknown fields and classify them."`
	Webhook  webhookCmd  `cmd:"" group:"data" help:"Say what is heard of a store, and where messages about it go."`
	Route    routeCmd    `cmd:"" group:"data" help:"Say by which routes tokens are opened on the way out: list, propose, approve, remove."`
	Document documentCmd `cmd:"" group:"data" help:"List the files that came back by routes, hand them to people, open them."`
	Message  messageCmd  `cmd:"" group:"data" help:"Register the public keys to which answers are sealed, where TLS ends before the recipient."`
	Case     caseCmd     `cmd:"" group:"data" help:"Open, list, extend and close cases of legal duties and shoppers' requests."`

	Key    keyCmd    `cmd:"" group:"guard" help:"Create, list, rotate and revoke service keys."`
	Policy policyCmd `cmd:"" group:"guard" help:"Check, test and explain policies; propose, approve and roll back versions."`
	Audit  auditCmd  `cmd:"" group:"guard" help:"Read, export and verify the audit log."`
	Log    logCmd    `cmd:"" group:"guard" help:"Continue the audit log after a loss, visibly."`
	Root   rootCmd   `cmd:"" group:"guard" help:"Rotate the root key."`
	Epoch  epochCmd  `cmd:"" group:"guard" help:"Roll the epoch key, so that old copies cannot be opened."`
	Sweep  sweepCmd  `cmd:"" group:"guard" help:"Let die what is due, now."`
	Mirror mirrorCmd `cmd:"" group:"guard" help:"Say which calls a store's mirror passes beyond the table."`
	Job    jobCmd    `cmd:"" group:"guard" help:"List jobs and try again those that were given up."`
	Clock  clockCmd  `cmd:"" group:"guard" help:"Show or move the clock of a test instance."`
	Sim    simCmd    `cmd:"" group:"guard" help:"Run the EcartAPI simulator on loopback."`
}

// globals is what every command is handed.
type globals struct {
	ctx  context.Context
	in   io.Reader
	out  io.Writer
	errs io.Writer
}

// errUsage marks an error of the command line itself; it exits with 2.
var errUsage = errors.New("usage")

// errUnconfirmed is the end of what a person did not say yes to; it exits with 2.
func errUnconfirmed() error { return unconfirmed{} }

type unconfirmed struct{}

func (unconfirmed) Error() string {
	return "not confirmed, nothing was done; in a script say --yes"
}

// Is makes it an error of the command line.
func (unconfirmed) Is(target error) bool { return target == errUsage }

// run parses args, runs the command and returns the exit code: 0 done, 1 the
// command failed, 2 the command line is wrong.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	var c cli
	code := -1
	parser, err := kong.New(&c,
		kong.Name("strongroom"),
		kong.Description("Keeps shop data sealed from the first byte, opens it only for a purpose, lets it die on the day."+
			"\n\nExit codes: 0 done, 1 the command failed, 2 the command line is wrong."),
		kong.UsageOnError(),
		kong.Writers(out, errs),
		kong.Exit(func(n int) { code = n }),
		kong.ExplicitGroups([]kong.Group{
			{Key: "run", Title: "Run an instance"},
			{Key: "people", Title: "People and their rights"},
			{Key: "data", Title: "Work with data"},
			{Key: "guard", Title: "Guard it"},
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintf(errs, "strongroom: %v\n", err)
		return 2
	}
	addExamples(parser)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "help" { // what many type first
		args = append(slices.Clone(args[1:]), "--help")
	}
	k, err := parser.Parse(args)
	if code >= 0 { // help was asked for and printed
		return code
	}
	if err != nil {
		fmt.Fprintf(errs, "strongroom: %s\n", usageText(err))
		return 2
	}
	err = k.Run(&globals{ctx, in, out, errs})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "strongroom: %v\n", err)
		return 2
	default:
		fmt.Fprintf(errs, "strongroom: %s\n", explain(err))
		return 1
	}
}

// explain turns an error into what happened, why, and what to do.
func explain(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && f.Kind != strongroom.Internal {
		return err.Error()
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted; what was acknowledged is kept"
	}
	return err.Error()
}
