package people

import "strongroom/internal/audit"

// The log takes words of the source alone; these are the ones of this package.

func (k Kind) word() audit.Term {
	switch k {
	case DataProtection:
		return audit.Word("data-protection")
	case ITSecurity:
		return audit.Word("it-security")
	case Confidentiality:
		return audit.Word("confidentiality")
	case AcceptableUse:
		return audit.Word("acceptable-use")
	}
	return audit.Word("unknown")
}

func (r Reason) word() audit.Term {
	switch r {
	case Absence:
		return audit.Word("absence")
	case Incident:
		return audit.Word("incident")
	case Anomaly:
		return audit.Word("anomaly")
	case Dormant:
		return audit.Word("dormant")
	case Lapse:
		return audit.Word("lapse")
	case Request:
		return audit.Word("request")
	case Directory:
		return audit.Word("directory")
	case Unconfirmed:
		return audit.Word("unconfirmed")
	}
	return audit.Word("unknown")
}

func (c CauseKind) word() audit.Term {
	switch c {
	case ByHand:
		return audit.Word("hand")
	case ByDate:
		return audit.Word("date")
	case ByFeed:
		return audit.Word("feed")
	case BySCIM:
		return audit.Word("scim")
	}
	return audit.Word("unknown")
}
