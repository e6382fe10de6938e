package federation

import "strongroom"

// The actions of this package with their place in OCSF 1.9.0: Authentication
// (3002), Account Change (3001), Entity Management (3004).
var (
	sessionFederate = strongroom.Action{Name: "session.federate", Class: 3002, Activity: 1}  // Logon
	personProvision = strongroom.Action{Name: "person.provision", Class: 3001, Activity: 99} // Other
	personFeed      = strongroom.Action{Name: "person.feed", Class: 3004, Activity: 3}       // Update
	personProbe     = strongroom.Action{Name: "person.probe", Class: 3004, Activity: 2}      // Read
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{sessionFederate, personProvision, personFeed, personProbe}
}
