package authz

import "slices"

// The roles of the shipped policies, in the order the documentation uses.
const (
	Owner       = "owner"       // decides: stores, keys, the instance; opens only for a legal duty
	Operator    = "operator"    // runs it: stores, syncs, jobs, keys of applications
	Privacy     = "privacy"     // answers shoppers: finds, erases, opens for their requests
	Security    = "security"    // watches: the log, and takes keys away
	Auditor     = "auditor"     // checks: the log with its proofs, lists without bodies
	Application = "application" // a service that ships, taxes and invoices
	Provisioner = "provisioner" // a directory that says who is hired and who leaves
	SystemRole  = "system"      // the product's own background work
	// Maintenance is the OS user who owns the data folder of a production
	// instance: it starts, repairs and rotates, and shows nothing of anybody. It is
	// worth nothing but over the socket and the command line.
	Maintenance = "maintenance"
	// TestEverything may do everything in a test instance and nothing in a
	// production one.
	TestEverything = "test-everything"
)

// Roles lists the closed set of roles.
func Roles() []string {
	return []string{Owner, Operator, Privacy, Security, Auditor, Application, Provisioner, SystemRole, Maintenance, TestEverything}
}

// Rule is one row of the table of actions: a name every package agrees on, and
// whether it makes sense without naming a store.
type Rule struct {
	Name string
	// Across says that the action may be asked for without a store by an actor
	// that is limited to some stores. The verb then narrows its work to
	// Actor.Stores. Every other action needs a store or an actor for all stores.
	Across bool
}

// Actions returns the table of actions, sorted by name. The schema holds exactly
// these.
func Actions() []Rule {
	return slices.Clone(actions[:])
}

// Known reports whether name is an action of the table.
func Known(name string) bool {
	_, ok := rule(name)
	return ok
}

func rule(name string) (Rule, bool) {
	i, ok := slices.BinarySearchFunc(actions[:], name, func(r Rule, n string) int {
		switch {
		case r.Name < n:
			return -1
		case r.Name > n:
			return 1
		}
		return 0
	})
	if !ok {
		return Rule{}, false
	}
	return actions[i], true
}

// protects reports whether an action takes something away from somebody for the
// sake of others, or lets others see what was done. A policy that stands in its
// way is as grave as one that allows too much.
func protects(name string) bool {
	switch name {
	case "record.erase", "erasure.open", "erasure.decide", "erasure.run", "signal.receive", "retention.sweep", "key.destroy", "epoch.roll", "store.close", "store.disconnect",
		"document.expire", "person.end", "person.expire", "person.feed", "person.provision", "person.suspend", "session.revoke", "session.lock", "key.revoke",
		"grant.revoke", "message.remove", "mirror.end", "route.remove", "service.suspend", "device.revoke", "recovery.cancel", "request.expire", "log.read", "log.proof", "log.export":
		return true
	}
	return false
}

// actions is sorted by name; a test holds it against the schema.
var actions = [...]Rule{
	{Name: "account.enrol", Across: true},
	{Name: "account.factor", Across: true},
	{Name: "account.password", Across: true},
	{Name: "account.read", Across: true},
	{Name: "app.edit", Across: true},
	{Name: "app.list", Across: true},
	{Name: "case.close", Across: true},
	{Name: "case.extend", Across: true},
	{Name: "case.list", Across: true},
	{Name: "case.open", Across: true},
	{Name: "clock.set", Across: true},
	{Name: "device.enrol", Across: true},
	{Name: "device.list", Across: true},
	{Name: "device.prove", Across: true},
	{Name: "device.revoke", Across: true},
	{Name: "document.expire", Across: true},
	{Name: "document.keep"},
	{Name: "document.link"},
	{Name: "document.list"},
	{Name: "document.open"},
	{Name: "epoch.roll", Across: true},
	{Name: "erasure.decide", Across: true},
	{Name: "erasure.list", Across: true},
	{Name: "erasure.open", Across: true},
	{Name: "erasure.run", Across: true},
	{Name: "field.classify"},
	{Name: "field.list"},
	{Name: "glass.break", Across: true},
	{Name: "grant.list", Across: true},
	{Name: "grant.revoke", Across: true},
	{Name: "instance.migrate", Across: true},
	{Name: "instance.start", Across: true},
	{Name: "instance.stop", Across: true},
	{Name: "job.run", Across: true},
	{Name: "key.add", Across: true},
	{Name: "key.destroy"},
	{Name: "key.list", Across: true},
	{Name: "key.revoke", Across: true},
	{Name: "key.rotate", Across: true},
	{Name: "log.continue", Across: true},
	{Name: "log.export", Across: true},
	{Name: "log.proof", Across: true},
	{Name: "log.read", Across: true},
	{Name: "message.add", Across: true},
	{Name: "message.list", Across: true},
	{Name: "message.remove", Across: true},
	{Name: "message.rotate", Across: true},
	{Name: "metrics.read", Across: true},
	{Name: "mirror.approve"},
	{Name: "mirror.end"},
	{Name: "mirror.list"},
	{Name: "mirror.propose"},
	{Name: "mirror.read"},
	{Name: "mirror.write"},
	{Name: "network.edit", Across: true},
	{Name: "network.list", Across: true},
	{Name: "person.add", Across: true},
	{Name: "person.end", Across: true},
	{Name: "person.expire", Across: true},
	{Name: "person.feed", Across: true},
	{Name: "person.found", Across: true},
	{Name: "person.invite", Across: true},
	{Name: "person.list", Across: true},
	{Name: "person.probe", Across: true},
	{Name: "person.provision", Across: true},
	{Name: "person.read", Across: true},
	{Name: "person.recover", Across: true},
	{Name: "person.reset", Across: true},
	{Name: "person.resume", Across: true},
	{Name: "person.suspend", Across: true},
	{Name: "person.update", Across: true},
	{Name: "pledge.record", Across: true},
	{Name: "policy.approve", Across: true},
	{Name: "policy.propose", Across: true},
	{Name: "policy.read", Across: true},
	{Name: "policy.reset", Across: true},
	{Name: "record.erase"},
	{Name: "record.find", Across: true},
	{Name: "record.ingest"},
	{Name: "record.list", Across: true},
	{Name: "record.read"},
	{Name: "record.reveal"},
	{Name: "recovery.cancel", Across: true},
	{Name: "register.edit", Across: true},
	{Name: "register.read", Across: true},
	{Name: "request.approve", Across: true},
	{Name: "request.ask", Across: true},
	{Name: "request.expire", Across: true},
	{Name: "request.list", Across: true},
	{Name: "request.withdraw", Across: true},
	{Name: "retention.sweep", Across: true},
	{Name: "review.close", Across: true},
	{Name: "review.decide", Across: true},
	{Name: "review.open", Across: true},
	{Name: "review.read", Across: true},
	{Name: "root.rotate", Across: true},
	{Name: "route.approve"},
	{Name: "route.list"},
	{Name: "route.propose"},
	{Name: "route.remove"},
	{Name: "route.send"},
	{Name: "service.adopt", Across: true},
	{Name: "service.list", Across: true},
	{Name: "service.resume", Across: true},
	{Name: "service.suspend", Across: true},
	{Name: "service.warn", Across: true},
	{Name: "session.federate", Across: true},
	{Name: "session.list", Across: true},
	{Name: "session.lock", Across: true},
	{Name: "session.open", Across: true},
	{Name: "session.revoke", Across: true},
	{Name: "session.unlock", Across: true},
	{Name: "session.verify", Across: true},
	{Name: "signal.edit", Across: true},
	{Name: "signal.list", Across: true},
	{Name: "signal.receive", Across: true},
	{Name: "store.add", Across: true},
	{Name: "store.close"},
	{Name: "store.disconnect"},
	{Name: "store.list", Across: true},
	{Name: "sync.run"},
	{Name: "tombstone.lift"},
	{Name: "training.record", Across: true},
	{Name: "webhook.edit"},
	{Name: "webhook.forward"},
	{Name: "webhook.list"},
	{Name: "webhook.process"},
	{Name: "webhook.rates"},
	{Name: "webhook.receive"},
}
