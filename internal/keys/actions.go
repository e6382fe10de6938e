package keys

import (
	"strconv"

	"strongroom"
	"strongroom/internal/audit"
)

// The actions of this package, with their place in OCSF 1.9.0: Entity Management
// (3004) for keys, Datastore Activity (6005) for the data that dies with them.
var (
	actEpochRoll  = strongroom.Action{Name: "epoch.roll", Class: 3004, Activity: 3}
	actRootRotate = strongroom.Action{Name: "root.rotate", Class: 3004, Activity: 3}
	actSweep      = strongroom.Action{Name: "retention.sweep", Class: 6005, Activity: 7}
	actDestroy    = strongroom.Action{Name: "key.destroy", Class: 3004, Activity: 4}
)

// Actions returns the table.
func Actions() []strongroom.Action {
	return []strongroom.Action{actEpochRoll, actRootRotate, actSweep, actDestroy}
}

// epochResource names an epoch for the log.
func epochResource(epoch uint32) strongroom.Resource {
	return strongroom.Resource{Type: "Key", ID: "epoch:" + strconv.FormatUint(uint64(epoch), 10)}
}

// Stages of a roll, for the log.
func stageBegin() audit.Term { return audit.Word("begin") }
func stageCheck() audit.Term { return audit.Word("check") }
