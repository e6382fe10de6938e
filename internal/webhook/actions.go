package webhook

import "strongroom"

// The actions of this package: API Activity for messages, Entity Management for
// endpoints and subscriptions.
var (
	actionReceive = strongroom.Action{Name: "webhook.receive", Class: 6003, Activity: 1}
	actionProcess = strongroom.Action{Name: "webhook.process", Class: 6003, Activity: 3}
	actionForward = strongroom.Action{Name: "webhook.forward", Class: 6003, Activity: 99}
	actionRates   = strongroom.Action{Name: "webhook.rates", Class: 6003, Activity: 2}
	actionEdit    = strongroom.Action{Name: "webhook.edit", Class: 3004, Activity: 3}
	actionList    = strongroom.Action{Name: "webhook.list", Class: 3004, Activity: 2}
	actionSweep   = strongroom.Action{Name: "retention.sweep", Class: 6005, Activity: 7}
)

// Actions lists the actions for the table of decisions and the documentation.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionReceive, actionProcess, actionForward, actionRates, actionEdit, actionList}
}
