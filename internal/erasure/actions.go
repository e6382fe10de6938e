package erasure

import "strongroom"

// The actions on signals with their place in OCSF 1.9.0: Entity Management.
var (
	actionReceive = strongroom.Action{Name: "signal.receive", Class: 3004, Activity: 1}
	actionList    = strongroom.Action{Name: "signal.list", Class: 3004, Activity: 2}
	actionEdit    = strongroom.Action{Name: "signal.edit", Class: 3004, Activity: 3}
)

// Actions lists this package's actions for the table of decisions, the mapping to
// OCSF and the documentation.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionReceive, actionList, actionEdit}
}
