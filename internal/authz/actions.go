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
	SystemRole  = "system"      // the product's own background work
	// TestEverything may do everything in a test instance and nothing in a
	// production one.
	TestEverything = "test-everything"
)

// Roles lists the closed set of roles.
func Roles() []string {
	return []string{Owner, Operator, Privacy, Security, Auditor, Application, SystemRole, TestEverything}
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

// actions is sorted by name; a test holds it against the schema.
var actions = [...]Rule{
	{Name: "case.close", Across: true},
	{Name: "case.extend", Across: true},
	{Name: "case.list", Across: true},
	{Name: "case.open", Across: true},
	{Name: "clock.set", Across: true},
	{Name: "epoch.roll", Across: true},
	{Name: "field.classify"},
	{Name: "field.list"},
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
	{Name: "metrics.read", Across: true},
	{Name: "policy.read", Across: true},
	{Name: "record.erase"},
	{Name: "record.find", Across: true},
	{Name: "record.ingest"},
	{Name: "record.list", Across: true},
	{Name: "record.read"},
	{Name: "record.reveal"},
	{Name: "retention.sweep", Across: true},
	{Name: "root.rotate", Across: true},
	{Name: "store.add", Across: true},
	{Name: "store.disconnect"},
	{Name: "store.list", Across: true},
	{Name: "sync.run"},
	{Name: "tombstone.lift"},
	{Name: "webhook.receive"},
}
