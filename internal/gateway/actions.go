package gateway

import "strongroom"

// The actions of the mirror, API Activity (6003): what reads at the platform, and
// what writes there.
var (
	ActionRead  = strongroom.Action{Name: "mirror.read", Class: 6003, Activity: 2}
	ActionWrite = strongroom.Action{Name: "mirror.write", Class: 6003, Activity: 3}
)

// The actions of people about calls that the table does not know, Entity Management
// (3004).
var (
	actionList    = strongroom.Action{Name: "mirror.list", Class: 3004, Activity: 2}
	actionPropose = strongroom.Action{Name: "mirror.propose", Class: 3004, Activity: 1}
	actionApprove = strongroom.Action{Name: "mirror.approve", Class: 3004, Activity: 3}
	actionEnd     = strongroom.Action{Name: "mirror.end", Class: 3004, Activity: 4}
)

// Actions lists the actions for the table of decisions and the documentation.
func Actions() []strongroom.Action {
	return []strongroom.Action{ActionRead, ActionWrite, actionList, actionPropose, actionApprove, actionEnd}
}
