package message

import "strongroom"

// The actions on keys of messages with their place in OCSF 1.9.0: Entity Management.
var (
	actionList   = strongroom.Action{Name: "message.list", Class: 3004, Activity: 2}
	actionAdd    = strongroom.Action{Name: "message.add", Class: 3004, Activity: 1}
	actionRemove = strongroom.Action{Name: "message.remove", Class: 3004, Activity: 4}
	actionRotate = strongroom.Action{Name: "message.rotate", Class: 3004, Activity: 3}
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionList, actionAdd, actionRemove, actionRotate}
}
