package document

import "strongroom"

// The actions on documents with their place in OCSF 1.9.0: Entity Management (3004).
var (
	actionKeep   = strongroom.Action{Name: "document.keep", Class: 3004, Activity: 1}
	actionList   = strongroom.Action{Name: "document.list", Class: 3004, Activity: 2}
	actionLink   = strongroom.Action{Name: "document.link", Class: 3004, Activity: 3}
	actionOpen   = strongroom.Action{Name: "document.open", Class: 3004, Activity: 2}
	actionExpire = strongroom.Action{Name: "document.expire", Class: 3004, Activity: 4}
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionKeep, actionList, actionLink, actionOpen, actionExpire}
}
