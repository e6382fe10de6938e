package access

import (
	"strongroom"
	"strongroom/internal/audit"
)

// The actions of this package: OCSF Account Change (3001), Entity Management (3004)
// for requests themselves and for reading.
var (
	requestAsk      = strongroom.Action{Name: "request.ask", Class: 3004, Activity: 1}      // Create
	requestApprove  = strongroom.Action{Name: "request.approve", Class: 3001, Activity: 7}  // Attach Policy
	requestWithdraw = strongroom.Action{Name: "request.withdraw", Class: 3004, Activity: 4} // Delete
	requestExpire   = strongroom.Action{Name: "request.expire", Class: 3004, Activity: 4}   // Delete
	requestList     = strongroom.Action{Name: "request.list", Class: 3004, Activity: 2}     // Read
	grantList       = strongroom.Action{Name: "grant.list", Class: 3004, Activity: 2}       // Read
	grantRevoke     = strongroom.Action{Name: "grant.revoke", Class: 3001, Activity: 8}     // Detach Policy
	glassBreak      = strongroom.Action{Name: "glass.break", Class: 3001, Activity: 7}      // Attach Policy
	networkEdit     = strongroom.Action{Name: "network.edit", Class: 3004, Activity: 3}     // Update
	networkList     = strongroom.Action{Name: "network.list", Class: 3004, Activity: 2}     // Read
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{
		requestAsk, requestApprove, requestWithdraw, requestExpire, requestList, grantList, grantRevoke, glassBreak,
		networkEdit, networkList,
	}
}

// term says in the log what a request is for.
func term(k Kind) audit.Term {
	switch k {
	case Account:
		return audit.Word("account")
	case Role:
		return audit.Word("role")
	case Service:
		return audit.Word("service")
	case Elevation:
		return audit.Word("elevation")
	case BreakGlass:
		return audit.Word("break-glass")
	}
	return audit.Term{}
}

// rolesTerm says in the log which roles are asked for.
func rolesTerm(roles []string) (out []audit.Term) {
	for _, r := range roles {
		switch r {
		case "owner":
			out = append(out, audit.Word("owner"))
		case "operator":
			out = append(out, audit.Word("operator"))
		case "privacy":
			out = append(out, audit.Word("privacy"))
		case "security":
			out = append(out, audit.Word("security"))
		case "auditor":
			out = append(out, audit.Word("auditor"))
		case "application":
			out = append(out, audit.Word("application"))
		default:
			out = append(out, audit.Word("everything"))
		}
	}
	return out
}
