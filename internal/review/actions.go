package review

import (
	"strongroom"
	"strongroom/internal/audit"
)

// The actions of this package: OCSF Entity Management (3004).
var (
	reviewOpen   = strongroom.Action{Name: "review.open", Class: 3004, Activity: 1}   // Create
	reviewDecide = strongroom.Action{Name: "review.decide", Class: 3004, Activity: 3} // Update
	reviewClose  = strongroom.Action{Name: "review.close", Class: 3004, Activity: 3}  // Update
	reviewRead   = strongroom.Action{Name: "review.read", Class: 3004, Activity: 2}   // Read
	registerEdit = strongroom.Action{Name: "register.edit", Class: 3004, Activity: 3} // Update
	registerRead = strongroom.Action{Name: "register.read", Class: 3004, Activity: 2} // Read
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{reviewOpen, reviewDecide, reviewClose, reviewRead, registerEdit, registerRead}
}

func kindTerm(k Kind) audit.Term {
	if k == Services {
		return audit.Word("services")
	}
	return audit.Word("people")
}

// stageBaseline is what the event of an approved baseline says, and nothing else does:
// [FromLog] finds it by that.
func stageBaseline() audit.Term { return audit.Word("baseline") }

func verdictTerm(v Verdict) audit.Term {
	switch v {
	case Keep:
		return audit.Word("keep")
	case Change:
		return audit.Word("change")
	case Remove:
		return audit.Word("remove")
	}
	return audit.Term{}
}

func reasonTerm(r Reason) audit.Term {
	switch r {
	case Needed:
		return audit.Word("needed")
	case Moved:
		return audit.Word("moved")
	case Left:
		return audit.Word("left")
	case Unused:
		return audit.Word("unused")
	case TooWide:
		return audit.Word("too-wide")
	case Unknown:
		return audit.Word("unknown")
	}
	return audit.Word("other")
}
