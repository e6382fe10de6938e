package policy

import "strongroom"

// The actions of this package: OCSF Entity Management (3004).
var (
	actRead    = strongroom.Action{Name: "policy.read", Class: 3004, Activity: 2}    // Read
	actPropose = strongroom.Action{Name: "policy.propose", Class: 3004, Activity: 1} // Create
	actApprove = strongroom.Action{Name: "policy.approve", Class: 3004, Activity: 3} // Update
	actReset   = strongroom.Action{Name: "policy.reset", Class: 3004, Activity: 3}   // Update
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{actRead, actPropose, actApprove, actReset}
}
