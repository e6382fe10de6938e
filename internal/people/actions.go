package people

import "strongroom"

// The actions of this package with their place in OCSF 1.9.0: Account Change
// (3001), Entity Management (3004) for reading and for records about a person.
var (
	personFound   = strongroom.Action{Name: "person.found", Class: 3001, Activity: 1}   // Create
	personInvite  = strongroom.Action{Name: "person.invite", Class: 3001, Activity: 2}  // Enable
	personRead    = strongroom.Action{Name: "person.read", Class: 3004, Activity: 2}    // Read
	personList    = strongroom.Action{Name: "person.list", Class: 3004, Activity: 2}    // Read
	personUpdate  = strongroom.Action{Name: "person.update", Class: 3001, Activity: 99} // Other
	personSuspend = strongroom.Action{Name: "person.suspend", Class: 3001, Activity: 5} // Disable
	personResume  = strongroom.Action{Name: "person.resume", Class: 3001, Activity: 2}  // Enable
	personRecover = strongroom.Action{Name: "person.recover", Class: 3001, Activity: 4} // Password Reset
	personReset   = strongroom.Action{Name: "person.reset", Class: 3001, Activity: 4}   // Password Reset
	personEnd     = strongroom.Action{Name: "person.end", Class: 3001, Activity: 6}     // Delete
	personExpire  = strongroom.Action{Name: "person.expire", Class: 3004, Activity: 4}  // Delete

	recoveryCancel = strongroom.Action{Name: "recovery.cancel", Class: 3001, Activity: 99} // Other

	accountEnrol    = strongroom.Action{Name: "account.enrol", Class: 3001, Activity: 2}    // Enable
	accountRead     = strongroom.Action{Name: "account.read", Class: 3004, Activity: 2}     // Read
	accountPassword = strongroom.Action{Name: "account.password", Class: 3001, Activity: 3} // Password Change
	accountFactor   = strongroom.Action{Name: "account.factor", Class: 3001, Activity: 10}  // MFA Factor Enable

	trainingRecord = strongroom.Action{Name: "training.record", Class: 3004, Activity: 1} // Create
	pledgeRecord   = strongroom.Action{Name: "pledge.record", Class: 3004, Activity: 1}   // Create
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{
		personFound, personInvite, personRead, personList, personUpdate, personSuspend, personResume,
		personRecover, recoveryCancel, personReset, personEnd, personExpire, accountEnrol, accountRead, accountPassword, accountFactor,
		trainingRecord, pledgeRecord,
	}
}
