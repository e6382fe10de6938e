package session

import "strongroom"

// The actions of this package with their place in OCSF 1.9.0: Authentication
// (3002) for sessions, Account Change (3001) for locks, Entity Management (3004)
// for reading.
var (
	sessionOpen   = strongroom.Action{Name: "session.open", Class: 3002, Activity: 1}    // Logon
	sessionVerify = strongroom.Action{Name: "session.verify", Class: 3002, Activity: 99} // Other: shown again, or renewed
	sessionRevoke = strongroom.Action{Name: "session.revoke", Class: 3002, Activity: 2}  // Logoff
	sessionLock   = strongroom.Action{Name: "session.lock", Class: 3001, Activity: 9}    // Lock
	sessionUnlock = strongroom.Action{Name: "session.unlock", Class: 3001, Activity: 12} // Unlock
	sessionList   = strongroom.Action{Name: "session.list", Class: 3004, Activity: 2}    // Read
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action {
	return []strongroom.Action{sessionOpen, sessionVerify, sessionRevoke, sessionLock, sessionUnlock, sessionList}
}
