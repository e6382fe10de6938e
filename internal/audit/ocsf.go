package audit

import (
	"encoding/json"
	"strconv"
)

// schemaVersion is the version of OCSF the events follow.
const schemaVersion = "1.9.0"

// validClass knows the classes of OCSF 1.9.0 we use.
func validClass(uid int) bool { return className(uid) != "" }

// className returns the caption of a class, or nothing for one we do not use.
func className(uid int) string {
	switch uid {
	case 1006:
		return "Scheduled Job Activity"
	case 1008:
		return "Event Log Activity"
	case 2003:
		return "Compliance Finding"
	case 2004:
		return "Detection Finding"
	case 2005:
		return "Incident Finding"
	case 2006:
		return "Data Security Finding"
	case 3001:
		return "Account Change"
	case 3002:
		return "Authentication"
	case 3004:
		return "Entity Management"
	case 3006:
		return "Group Management"
	case 3007:
		return "User Management"
	case 3008:
		return "Role Management"
	case 6002:
		return "Application Lifecycle"
	case 6003:
		return "API Activity"
	case 6005:
		return "Datastore Activity"
	case 6007:
		return "Scan Activity"
	case 6008:
		return "Application Error"
	}
	return ""
}

// categoryName returns the caption of a class's category.
func categoryName(uid int) string {
	switch uid / 1000 {
	case 1:
		return "System Activity"
	case 2:
		return "Findings"
	case 3:
		return "Identity & Access Management"
	case 6:
		return "Application Activity"
	}
	return ""
}

// full is the rendering of an event for answers: the leaf's fields and those
// that follow from them.
type full struct {
	ActivityID   int             `json:"activity_id"`
	CategoryName string          `json:"category_name"`
	CategoryUID  int             `json:"category_uid"`
	ClassName    string          `json:"class_name"`
	ClassUID     int             `json:"class_uid"`
	TypeUID      int             `json:"type_uid"`
	Time         int64           `json:"time"`
	SeverityID   int             `json:"severity_id"`
	Severity     string          `json:"severity"`
	StatusID     int             `json:"status_id"`
	Status       string          `json:"status"`
	StatusCode   string          `json:"status_code,omitempty"`
	ActionID     int             `json:"action_id"`
	Actor        fullActor       `json:"actor"`
	API          fullAPI         `json:"api"`
	Resources    []leafResource  `json:"resources,omitempty"`
	Metadata     fullMetadata    `json:"metadata"`
	Unmapped     json.RawMessage `json:"unmapped,omitempty"`
}

type fullActor struct {
	User struct {
		UID    string `json:"uid"`
		TypeID int64  `json:"type_id"`
		Type   string `json:"type"`
	} `json:"user"`
	Session        *leafUID        `json:"session,omitempty"`
	Authorizations []authorization `json:"authorizations,omitempty"`
}

type authorization struct {
	Decision string  `json:"decision"`
	Policy   leafUID `json:"policy"`
}

type fullAPI struct {
	Operation string `json:"operation"`
}

type fullMetadata struct {
	Version  string `json:"version"`
	LogName  string `json:"log_name,omitempty"`
	Sequence int64  `json:"sequence"`
	UID      string `json:"uid"`
	Product  struct {
		Name   string `json:"name"`
		Vendor string `json:"vendor_name"`
	} `json:"product"`
}

// OCSF returns the event as a complete OCSF 1.9.0 object: the stored fields, what
// follows from class and activity, and the event's place in the log.
func (e Entry) OCSF() ([]byte, error) {
	ev, err := e.Event()
	if err != nil {
		return nil, err
	}
	var l leaf
	if err := json.Unmarshal(e.Leaf, &l); err != nil {
		return nil, errLeaf(e.Position)
	}
	f := full{
		ActivityID: l.Activity, ClassUID: l.Class, ClassName: className(l.Class),
		CategoryUID: l.Class / 1000, CategoryName: categoryName(l.Class),
		TypeUID: l.Class*100 + l.Activity, Time: l.Time,
		StatusID: l.Status, StatusCode: l.Code, ActionID: 1, Resources: l.Resources,
		Unmapped: l.Unmapped,
	}
	f.SeverityID, f.Severity, f.Status = 1, "Informational", "Success"
	switch ev.Outcome {
	case Denied:
		f.ActionID, f.SeverityID, f.Severity, f.Status = 2, 3, "Medium", "Failure"
	case Failure:
		f.SeverityID, f.Severity, f.Status = 2, "Low", "Failure"
	case Success:
	}
	f.Actor.User.UID, f.Actor.User.TypeID = ev.Actor.ID, typeOfActor(ev.Actor.Kind)
	f.Actor.User.Type = map[int64]string{1: "User", 3: "System", 4: "Service"}[f.Actor.User.TypeID]
	f.Actor.Session = l.Actor.Session
	decision := "allow"
	if ev.Outcome == Denied {
		decision = "deny"
	}
	for _, p := range ev.Policies {
		f.Actor.Authorizations = append(f.Actor.Authorizations, authorization{decision, leafUID{p}})
	}
	f.API.Operation = l.API.Operation
	f.Metadata = fullMetadata{Version: schemaVersion, LogName: e.Origin, UID: strconv.FormatInt(e.Position, 10)}
	_, f.Metadata.Sequence = splitPosition(e.Position)
	f.Metadata.Product.Name, f.Metadata.Product.Vendor = "Strongroom", "Strongroom"
	return json.Marshal(f)
}
