package audit

import "strongroom"

// The actions this package and its neighbours record without a caller.
var (
	// Continue begins a new log after a break: Event Log Activity, Rotate.
	Continue = strongroom.Action{Name: "log.continue", Class: 1008, Activity: 5}
	// Start, Stop and Migrate are steps in the life of an instance: Application
	// Lifecycle, Start, Stop and Update.
	Start   = strongroom.Action{Name: "instance.start", Class: 6002, Activity: 3}
	Stop    = strongroom.Action{Name: "instance.stop", Class: 6002, Activity: 4}
	Migrate = strongroom.Action{Name: "instance.migrate", Class: 6002, Activity: 8}
	// SetClock moves the clock of a test instance, to the microsecond that its
	// note "to" names: Application Lifecycle, Other.
	SetClock = strongroom.Action{Name: "clock.set", Class: 6002, Activity: 99}
	// Refuse is the count of callers nobody knows: Authentication, Logon.
	Refuse = strongroom.Action{Name: "door.refuse", Class: 3002, Activity: 1}
	// TakeCertificate shows another certificate, whose SHA-256 its note "digest" is, or
	// fails to: Application Lifecycle, Update.
	TakeCertificate = strongroom.Action{Name: "certificate.take", Class: 6002, Activity: 8}
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{Continue, Start, Stop, Migrate, SetClock, Refuse, TakeCertificate}
}

func ownAction(name string) bool {
	for _, a := range Actions() {
		if a.Name == name {
			return true
		}
	}
	return false
}
