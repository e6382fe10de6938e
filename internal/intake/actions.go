package intake

import "strongroom"

// ActionSync is a sync of a store: API Activity, Read. Who queues one for later
// asks for it too.
var ActionSync = strongroom.Action{Name: "sync.run", Class: 6003, Activity: 2}

// actionConnect adds a credential to a store, which is a part of adding the
// store.
var actionConnect = strongroom.Action{Name: "store.add", Class: 3004, Activity: 1}

// Actions lists the actions for the table of decisions and the documentation.
func Actions() []strongroom.Action { return []strongroom.Action{ActionSync, actionConnect} }
