package vault

import "strongroom"

// The actions of the vault with their place in OCSF 1.9.0: Datastore Activity
// (6005) for records, Entity Management (3004) for stores and fields.
var (
	actionStoreAdd        = strongroom.Action{Name: "store.add", Class: 3004, Activity: 1}
	actionStoreList       = strongroom.Action{Name: "store.list", Class: 3004, Activity: 2}
	actionStoreDisconnect = strongroom.Action{Name: "store.disconnect", Class: 3004, Activity: 4}
	actionIngest          = strongroom.Action{Name: "record.ingest", Class: 6005, Activity: 5}
	actionList            = strongroom.Action{Name: "record.list", Class: 6005, Activity: 8}
	actionRead            = strongroom.Action{Name: "record.read", Class: 6005, Activity: 1}
	actionReveal          = strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 10}
	actionFind            = strongroom.Action{Name: "record.find", Class: 6005, Activity: 4}
	actionErase           = strongroom.Action{Name: "record.erase", Class: 6005, Activity: 7}
	actionLift            = strongroom.Action{Name: "tombstone.lift", Class: 6005, Activity: 2}
	actionFieldList       = strongroom.Action{Name: "field.list", Class: 3004, Activity: 2}
	actionFieldClassify   = strongroom.Action{Name: "field.classify", Class: 3004, Activity: 3}
	actionSweep           = strongroom.Action{Name: "retention.sweep", Class: 6005, Activity: 7}
)

// Actions lists the vault's actions for the table of decisions, the mapping to
// OCSF and the documentation.
func Actions() []strongroom.Action {
	return []strongroom.Action{
		actionStoreAdd, actionStoreList, actionStoreDisconnect, actionIngest, actionList, actionRead,
		actionReveal, actionFind, actionErase, actionLift, actionFieldList, actionFieldClassify, actionSweep,
	}
}
