package route

import "strongroom"

// The actions of this package: OCSF Entity Management (3004) for routes, API
// Activity (6003) for what goes out by them.
var (
	actionList    = strongroom.Action{Name: "route.list", Class: 3004, Activity: 2}
	actionPropose = strongroom.Action{Name: "route.propose", Class: 3004, Activity: 1}
	actionApprove = strongroom.Action{Name: "route.approve", Class: 3004, Activity: 3}
	actionRemove  = strongroom.Action{Name: "route.remove", Class: 3004, Activity: 4}
	actionSend    = strongroom.Action{Name: "route.send", Class: 6003, Activity: 3}
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionList, actionPropose, actionApprove, actionRemove, actionSend}
}
