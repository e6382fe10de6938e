package connect

import (
	"strongroom"
	"strongroom/internal/audit"
)

// The actions of this package with their place in OCSF 1.9.0: Entity Management
// (3004).
var (
	actionAppEdit    = strongroom.Action{Name: "app.edit", Class: 3004, Activity: 3}
	actionAppList    = strongroom.Action{Name: "app.list", Class: 3004, Activity: 2}
	actionStoreAdd   = strongroom.Action{Name: "store.add", Class: 3004, Activity: 1}
	actionStoreList  = strongroom.Action{Name: "store.list", Class: 3004, Activity: 2}
	actionStoreClose = strongroom.Action{Name: "store.close", Class: 3004, Activity: 9}
)

// Actions lists the actions for the table of decisions and the documentation.
func Actions() []strongroom.Action {
	return []strongroom.Action{actionAppEdit, actionAppList, actionStoreAdd, actionStoreList, actionStoreClose}
}

// how is the way a grant came in; the numbers are on disk.
type how int64

const (
	byRedirect how = iota + 1
	byShopID
	byPaste
	byAuthorize
)

func (h how) String() string { return h.word().String() }

func (h how) word() audit.Term {
	switch h {
	case byRedirect:
		return audit.Word("redirect")
	case byShopID:
		return audit.Word("shop_id")
	case byAuthorize:
		return audit.Word("authorize")
	case byPaste:
	}
	return audit.Word("paste")
}

// Cause is why a grant ended; the numbers are on disk.
type Cause int64

// Why a grant ends.
const (
	ByHand       Cause = iota + 1 // somebody here revoked it
	Unauthorized                  // EcartAPI answered 401 to the token
	Forbidden                     // EcartAPI answered 403 to the token, also to its own store
	Uninstalled                   // a message said that the shop uninstalled the application
	Again                         // a newer grant took its place
	Left                          // the store was disconnected
)

// String returns the cause as a word of the log.
func (c Cause) String() string {
	if c == 0 {
		return ""
	}
	return c.word().String()
}

func (c Cause) word() audit.Term {
	switch c {
	case Unauthorized:
		return audit.Word("unauthorized")
	case Forbidden:
		return audit.Word("forbidden")
	case Uninstalled:
		return audit.Word("uninstalled")
	case Again:
		return audit.Word("again")
	case Left:
		return audit.Word("disconnect")
	case ByHand:
	}
	return audit.Word("by_hand")
}
