package device

import "strongroom"

// The actions of this package with their place in OCSF 1.9.0: Entity Management
// (3004).
var (
	deviceEnrol  = strongroom.Action{Name: "device.enrol", Class: 3004, Activity: 1}  // Create
	deviceList   = strongroom.Action{Name: "device.list", Class: 3004, Activity: 2}   // Read
	deviceProve  = strongroom.Action{Name: "device.prove", Class: 3004, Activity: 7}  // Enable
	deviceRevoke = strongroom.Action{Name: "device.revoke", Class: 3004, Activity: 8} // Disable
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{deviceEnrol, deviceList, deviceProve, deviceRevoke}
}
