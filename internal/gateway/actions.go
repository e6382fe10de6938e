package gateway

import "strongroom"

// The actions of the mirror, API Activity (6003): what reads at the platform, and
// what writes there.
var (
	ActionRead  = strongroom.Action{Name: "mirror.read", Class: 6003, Activity: 2}
	ActionWrite = strongroom.Action{Name: "mirror.write", Class: 6003, Activity: 3}
)

// Actions lists the actions for the table of decisions and the documentation.
func Actions() []strongroom.Action { return []strongroom.Action{ActionRead, ActionWrite} }
