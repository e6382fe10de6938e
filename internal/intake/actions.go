package intake

import "strongroom"

// The actions of this package: a sync is API Activity, Read; a credential is
// added to a store, so it is the store's own action.
var (
	actionSync    = strongroom.Action{Name: "sync.run", Class: 6003, Activity: 2}
	actionConnect = strongroom.Action{Name: "store.add", Class: 3004, Activity: 1}
)

// Actions lists the actions for the table of decisions and the documentation.
func Actions() []strongroom.Action { return []strongroom.Action{actionSync, actionConnect} }
