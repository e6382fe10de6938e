package lifecycle

import "strongroom"

// The actions on cases and requests with their place in OCSF 1.9.0: Entity Management.
var (
	actionCaseOpen   = strongroom.Action{Name: "case.open", Class: 3004, Activity: 1}
	actionCaseList   = strongroom.Action{Name: "case.list", Class: 3004, Activity: 2}
	actionCaseExtend = strongroom.Action{Name: "case.extend", Class: 3004, Activity: 3}
	actionCaseClose  = strongroom.Action{Name: "case.close", Class: 3004, Activity: 3}

	actionRequestOpen   = strongroom.Action{Name: "erasure.open", Class: 3004, Activity: 1}
	actionRequestList   = strongroom.Action{Name: "erasure.list", Class: 3004, Activity: 2}
	actionRequestDecide = strongroom.Action{Name: "erasure.decide", Class: 3004, Activity: 3}
	actionRequestRun    = strongroom.Action{Name: "erasure.run", Class: 3004, Activity: 3}
)

// Actions lists this package's actions for the table of decisions, the mapping to
// OCSF and the documentation.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionCaseOpen, actionCaseList, actionCaseExtend, actionCaseClose,
		actionRequestOpen, actionRequestList, actionRequestDecide, actionRequestRun}
}
