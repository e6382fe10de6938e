package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/device"
	"strongroom/internal/people"
)

// personOut leaves out of an erased person all but id, state and dates.
type personOut struct {
	ID         string     `json:"id"`
	State      string     `json:"state" doc:"invited, active, suspended or ended"`
	Name       string     `json:"name,omitempty"`
	Email      string     `json:"email,omitempty"`
	Employment string     `json:"employment,omitempty" doc:"employee, contractor, agency or intern"`
	Manager    string     `json:"manager,omitempty" doc:"a person's id"`
	Starts     *time.Time `json:"starts_at,omitempty"`
	Ends       *time.Time `json:"ends_at,omitempty"`
	Reason     string     `json:"reason,omitempty" doc:"why it is suspended"`
	Verified   *time.Time `json:"email_verified_at,omitempty"`
	Created    time.Time  `json:"created_at"`
	Case       string     `json:"case,omitempty" doc:"the request it came by, or founding"`
	Ended      *time.Time `json:"ended_at,omitempty" doc:"when the reason to end came about"`
	Revoked    *time.Time `json:"revoked_at,omitempty" doc:"when everything was dead here"`
	Cause      string     `json:"cause,omitempty" doc:"what ended it: hand, date, feed or scim"`
	Erased     *time.Time `json:"erased_at,omitempty" doc:"when the personal data died"`
	Given      []givenOut `json:"given,omitempty" doc:"of one person: the newest training and pledge of each kind"`
}

type givenOut struct {
	Kind      string    `json:"kind" doc:"data-protection, it-security, confidentiality or acceptable-use"`
	Version   string    `json:"version"`
	At        time.Time `json:"at" doc:"when it took place"`
	By        string    `json:"by" doc:"who recorded it: the person, or another"`
	Reference string    `json:"reference,omitempty" doc:"what proves it"`
}

func outGiven(list []people.Given) []givenOut {
	out := make([]givenOut, len(list))
	for i, g := range list {
		out[i] = givenOut{string(g.Kind), g.Version, g.At, g.By, g.Reference}
	}
	return out
}

type peopleIn struct {
	State string `query:"state" of:"invited active suspended ended" doc:"invited, active, suspended or ended; missing is all"`
	pageIn
}

type peopleOut struct {
	People []personOut `json:"people"`
	Next   string      `json:"next_cursor"`
}

type changePersonIn struct {
	ID         string     `path:"id" doc:"the person's id"`
	Name       *string    `json:"name,omitempty"`
	Employment *string    `json:"employment,omitempty"`
	Manager    *string    `json:"manager,omitempty" doc:"a person's id; empty is none"`
	Starts     *time.Time `json:"starts_at,omitempty"`
	Ends       *time.Time `json:"ends_at,omitempty" doc:"nobody signs in from then on"`
	Vouched    bool       `json:"vouched,omitempty" doc:"the new name is a person's own although it holds a word of a role"`
}

type suspendIn struct {
	ID     string `path:"id" doc:"the person's id"`
	Reason string `json:"reason" doc:"absence, incident, anomaly, dormant, lapse or request"`
}

type endIn struct {
	ID string    `path:"id" doc:"the person's id"`
	At time.Time `json:"at,omitzero" doc:"when the reason to end came about; missing is now"`
}

type foundIn struct {
	Name  string `json:"name" doc:"the full name"`
	Email string `json:"email" doc:"the person's own address"`
}

type linkOut struct {
	Person  string    `json:"person"`
	Link    string    `json:"link" doc:"where the person enrols, once; shown this once"`
	Expires time.Time `json:"expires_at"`
}

type trainingIn struct {
	Person  string    `json:"person,omitempty" doc:"missing is yourself"`
	Topic   string    `json:"topic" doc:"data-protection or it-security"`
	Version string    `json:"version" doc:"of the training"`
	At      time.Time `json:"at,omitzero" doc:"when it took place; missing is now"`
	// Reference names what proves it.
	Reference string `json:"reference,omitempty" doc:"what proves that it was completed, such as the number of a certificate; the own training in production needs one"`
}

type pledgeIn struct {
	Person  string `json:"person,omitempty" doc:"missing is yourself"`
	Pledge  string `json:"pledge" doc:"confidentiality or acceptable-use"`
	Version string `json:"version" doc:"of the text"`
	// Of another's.
	Reference string    `json:"reference,omitempty" doc:"the signed paper by the number it is filed under; another's pledge in production needs one"`
	At        time.Time `json:"at,omitzero" doc:"when another signed it; missing is now"`
}

type deviceIn struct {
	Label   string    `json:"label" doc:"tells devices apart, such as the number on the sticker"`
	Kind    string    `json:"kind" doc:"laptop, desktop, phone, tablet, server or virtual"`
	Owner   string    `json:"owner" doc:"the person who uses it"`
	Posture string    `json:"posture" doc:"managed or unmanaged"`
	Expires time.Time `json:"expires_at,omitzero" doc:"a year from now if missing, which is the longest"`
}

type deviceOut struct {
	ID       string     `json:"id"`
	Label    string     `json:"label"`
	Kind     string     `json:"kind"`
	Owner    string     `json:"owner"`
	Posture  string     `json:"posture"`
	Proof    string     `json:"proof,omitempty" doc:"certificate or key; missing until it has brought one"`
	By       string     `json:"by" doc:"who enrolled it"`
	Enrolled time.Time  `json:"enrolled_at"`
	Proved   *time.Time `json:"proved_at,omitempty"`
	Expires  time.Time  `json:"expires_at"`
	Revoked  *time.Time `json:"revoked_at,omitempty"`
	Code     string     `json:"code,omitempty" doc:"by which it brings its key, once; shown this once"`
}

type devicesIn struct {
	Owner string `query:"owner" doc:"of one person; missing is all"`
	pageIn
}

type devicesOut struct {
	Devices []deviceOut `json:"devices"`
	Next    string      `json:"next_cursor"`
}

type proveIn struct {
	Code string `json:"code" doc:"of the new device"`
}

func peopleRoutes() []Route {
	on := func(path, action, says string) Route {
		return Route{Method: "POST", Path: "/v1/people/{id}" + path, Action: action, Summary: says}
	}
	nothing := func(rt Route) Route { rt.Status = 204; return rt }
	end := nothing(on("/end", "person.end", "End an account for good, with all it could reach."))
	end.BodyOptional = true
	return []Route{
		define(Route{Method: "GET", Path: "/v1/people", Action: "person.list", Summary: "List people."}, listPeople),
		define(Route{Method: "POST", Path: "/v1/people", Action: "person.found", Status: 201,
			Summary: "Make the first owner; refused once there is any account. Others come by request."}, found),
		define(Route{Method: "GET", Path: "/v1/people/{id}", Action: "person.read", Summary: "One person."}, getPerson),
		define(on("", "person.update", "Change what is known of a person."), changePerson),
		define(on("/invite", "person.invite", "Make a new link to enrol; the old one dies."), invite),
		define(nothing(on("/suspend", "person.suspend", "Keep a person from signing in; the sessions end.")), suspend),
		define(nothing(on("/resume", "person.resume", "Let a suspended person back in.")), resume),
		define(on("/reset", "person.reset", "Take password and factors away and make a link to enrol anew."), reset),
		define(nothing(on("/require-change", "person.reset", "Have a person set a new password at the next sign-in.")), requireChange),
		define(end, endPerson),
		define(Route{Method: "POST", Path: "/v1/trainings", Action: "training.record", Status: 204,
			Summary: "Record that a person was trained."}, recordTraining),
		define(Route{Method: "POST", Path: "/v1/pledges", Action: "pledge.record", Status: 204,
			Summary: "Record that a person acknowledged a text."}, recordPledge),
		define(Route{Method: "POST", Path: "/v1/devices", Action: "device.enrol", Status: 201,
			Summary: "Enter a device for a person."}, addDevice),
		define(Route{Method: "GET", Path: "/v1/devices", Action: "device.list", Summary: "List devices."}, listDevices),
		define(Route{Method: "DELETE", Path: "/v1/devices/{id}", Action: "device.revoke", Status: 204,
			Summary: "Take a device out of the register for good."}, revokeDevice),
		defineCall(Route{Method: "POST", Path: "/v1/devices/prove", Public: true,
			Summary: "A new device brings its key, by client certificate or a DPoP header."}, proveDevice),
	}
}

func listPeople(a *API, ctx context.Context, who strongroom.Actor, in *peopleIn) (peopleOut, error) {
	list, next, err := a.o.People.List(ctx, who, people.State(in.State), in.Cursor, pageSize(in.Limit))
	out := peopleOut{People: make([]personOut, len(list)), Next: next}
	for i, p := range list {
		out.People[i] = outPerson(p)
	}
	return out, err
}

func found(a *API, ctx context.Context, who strongroom.Actor, in *foundIn) (linkOut, error) {
	_, l, err := a.o.People.Found(ctx, who, people.Spec{Name: in.Name, Email: in.Email, Employment: people.Employee})
	if err != nil {
		return linkOut{}, err
	}
	return a.outLink(l), nil
}

func getPerson(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (personOut, error) {
	p, s, err := a.o.People.GetStanding(ctx, who, in.ID)
	out := outPerson(p)
	out.Given = outGiven(s.Given)
	return out, err
}

func changePerson(a *API, ctx context.Context, who strongroom.Actor, in *changePersonIn) (personOut, error) {
	p, err := a.o.People.Update(ctx, who, in.ID, people.Change{
		Name: in.Name, Employment: in.Employment, Manager: in.Manager, Starts: in.Starts, Ends: in.Ends, Vouched: in.Vouched,
	})
	return outPerson(p), err
}

func invite(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (linkOut, error) {
	l, err := a.o.People.Invite(ctx, who, in.ID)
	return a.outLink(l), err
}

func reset(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (linkOut, error) {
	l, err := a.o.People.Reset(ctx, who, in.ID)
	return a.outLink(l), err
}

func (a *API) outLink(l people.Link) linkOut {
	return linkOut{l.Person, a.o.Link(l.Token.Reveal()), l.Expires}
}

func suspend(a *API, ctx context.Context, who strongroom.Actor, in *suspendIn) (none, error) {
	return none{}, a.o.People.Suspend(ctx, who, in.ID, people.Reason(in.Reason))
}

func resume(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.People.Resume(ctx, who, in.ID)
}

func requireChange(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.People.RequireChange(ctx, who, in.ID)
}

func endPerson(a *API, ctx context.Context, who strongroom.Actor, in *endIn) (none, error) {
	return none{}, a.o.People.End(ctx, who, in.ID, people.Cause{Kind: people.ByHand, At: in.At})
}

func recordTraining(a *API, ctx context.Context, who strongroom.Actor, in *trainingIn) (none, error) {
	if in.Person == "" {
		in.Person = who.ID
	}
	return none{}, a.o.People.RecordCompleted(ctx, who, in.Person, people.Kind(in.Topic), in.Version, in.Reference, in.At)
}

func recordPledge(a *API, ctx context.Context, who strongroom.Actor, in *pledgeIn) (none, error) {
	if in.Person == "" {
		in.Person = who.ID
	}
	return none{}, a.o.People.RecordSigned(ctx, who, in.Person, people.Kind(in.Pledge), in.Version, in.Reference, in.At)
}

func addDevice(a *API, ctx context.Context, who strongroom.Actor, in *deviceIn) (deviceOut, error) {
	d, code, err := a.o.Devices.Add(ctx, who, device.Spec{
		Label: in.Label, Kind: in.Kind, Owner: in.Owner, Posture: device.Posture(in.Posture), Expires: in.Expires,
	})
	out := outDevice(d)
	out.Code = code.Reveal()
	return out, err
}

func listDevices(a *API, ctx context.Context, who strongroom.Actor, in *devicesIn) (devicesOut, error) {
	list, next, err := a.o.Devices.List(ctx, who, in.Owner, in.Cursor, pageSize(in.Limit))
	out := devicesOut{Devices: make([]deviceOut, len(list)), Next: next}
	for i, d := range list {
		out.Devices[i] = outDevice(d)
	}
	return out, err
}

func revokeDevice(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.Devices.Revoke(ctx, who, in.ID)
}

func proveDevice(a *API, c *call, in *proveIn) (deviceOut, error) {
	d, err := a.o.Devices.Enrol(c.ctx, in.Code, evidence(c.r))
	return outDevice(d), err
}

func outDevice(d device.Device) deviceOut {
	return deviceOut{
		ID: d.ID, Label: d.Label, Kind: d.Kind, Owner: d.Owner, Posture: string(d.Posture), Proof: d.Proof, By: d.By,
		Enrolled: d.Enrolled, Proved: orNil(d.Proved), Expires: d.Expires, Revoked: orNil(d.Revoked),
	}
}
