package identity

import "strongroom"

// The actions of this package with their place in OCSF 1.9.0: Account Change
// (3001) for what changes an account, Entity Management (3004) for reading them.
var (
	keyAdd    = strongroom.Action{Name: "key.add", Class: 3001, Activity: 1}    // Create
	keyList   = strongroom.Action{Name: "key.list", Class: 3004, Activity: 2}   // Read
	keyRotate = strongroom.Action{Name: "key.rotate", Class: 3001, Activity: 4} // Password Reset
	keyRevoke = strongroom.Action{Name: "key.revoke", Class: 3001, Activity: 5} // Disable

	serviceList    = strongroom.Action{Name: "service.list", Class: 3004, Activity: 2}    // Read
	serviceAdopt   = strongroom.Action{Name: "service.adopt", Class: 3001, Activity: 99}  // Other
	serviceWarn    = strongroom.Action{Name: "service.warn", Class: 3001, Activity: 99}   // Other
	serviceSuspend = strongroom.Action{Name: "service.suspend", Class: 3001, Activity: 5} // Disable
	serviceResume  = strongroom.Action{Name: "service.resume", Class: 3001, Activity: 2}  // Enable
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{
		keyAdd, keyList, keyRotate, keyRevoke, serviceList, serviceAdopt, serviceWarn, serviceSuspend, serviceResume,
	}
}
