package authz

import (
	"bufio"
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"strongroom"
)

// Case is a request with the decision that is wanted, one block of a case file:
//
//	case: an application ships
//	actor: service svc_a
//	roles: application
//	stores: str_a
//	action: record.reveal
//	resource: Record rec_1 in str_a
//	purpose: fulfilment
//	reference: yes
//	--
//	allow roles/application-reveal
//
// Blocks are parted by an empty line; # begins a comment line. The first part is
// the request, the second the decision, optionally with the names of the
// policies that must have decided. Stores may be "all". Attributes of the
// context are written as "context.fields: 3", those of the resource as
// "resource.roles: application,owner".
//
// Of a person a case says what has been shown; what it leaves out has not been:
//
//	employment: employee
//	trained: yes
//	pledged: yes
//	device: managed
//	mfa: 60
//	source: 192.0.2.7
//	elevation: str_a tax phone,address
//
// mfa is the age of the second factor in seconds. An elevation is a store, a
// purpose and, if not all, the classes it is for. "time: 2026-03-02T10:00:00Z" is
// when it happens.
type Case struct {
	Name     string
	Line     int
	Request  Request
	Allow    bool
	Policies []string // none: any
}

// Result is what became of a case.
type Result struct {
	Case Case
	OK   bool
	Got  Explanation
}

// Test runs the cases of a case file. The error is about the file, never about
// a decision.
func (e *Engine) Test(text []byte) ([]Result, error) {
	cases, err := ParseCases(text)
	if err != nil {
		return nil, err
	}
	out := make([]Result, len(cases))
	for i, c := range cases {
		got := e.Explain(c.Request)
		ok := got.Decision.Allow == c.Allow
		for _, want := range c.Policies {
			found := false
			for _, id := range got.Decision.Policies {
				found = found || id == want
			}
			ok = ok && found
		}
		out[i] = Result{Case: c, OK: ok, Got: got}
	}
	return out, nil
}

// ParseCases reads a case file.
func ParseCases(text []byte) ([]Case, error) {
	var out []Case
	var cur *Case
	answered := false
	line := 0
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		line++
		s := strings.TrimSpace(sc.Text())
		switch {
		case strings.HasPrefix(s, "#"):
		case s == "":
			if cur != nil && !answered {
				return nil, caseFault(line, "a case ends without a decision")
			}
			cur, answered = nil, false
		case answered:
			return nil, caseFault(line, "an empty line must follow a decision")
		case s == "--":
			if cur == nil || !sc.Scan() {
				return nil, caseFault(line, "-- stands between a request and its decision")
			}
			line++
			if !cur.decision(strings.Fields(sc.Text())) {
				return nil, caseFault(line, "a decision is allow or deny")
			}
			out, answered = append(out, *cur), true
		default:
			if cur == nil {
				cur = newCase(line)
			}
			if !cur.field(s) {
				return nil, caseFault(line, "not a field of a request")
			}
		}
	}
	if sc.Err() != nil || cur != nil && !answered {
		return nil, caseFault(line, "a case ends without a decision")
	}
	return out, nil
}

// newCase returns a case at an instant of its own.
func newCase(line int) *Case {
	c := &Case{Line: line}
	c.at(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	return c
}

func (c *Case) at(t time.Time) { c.Request.Now, c.Request.Real = t, t }

func caseFault(line int, what string) error {
	return strongroom.Faultf(strongroom.Invalid, "policy-case", "case file, line %d: %s", line, what)
}

func (c *Case) decision(words []string) bool {
	if len(words) == 0 || words[0] != "allow" && words[0] != "deny" {
		return false
	}
	c.Allow, c.Policies = words[0] == "allow", words[1:]
	return true
}

// field reads one "key: value" line into the request.
func (c *Case) field(s string) bool {
	key, val, ok := strings.Cut(s, ":")
	if !ok {
		return false
	}
	val = strings.TrimSpace(val)
	words := strings.Fields(strings.ReplaceAll(val, ",", " "))
	r := &c.Request
	switch key {
	case "case":
		c.Name = val
	case "actor":
		if len(words) != 2 {
			return false
		}
		r.Actor.Kind, r.Actor.ID = strongroom.ActorKind(words[0]), words[1]
	case "roles":
		r.Actor.Roles = words
	case "stores":
		r.Actor.AllStores = val == "all"
		if !r.Actor.AllStores {
			r.Actor.Stores = words
		}
	case "door":
		r.Actor.Door = val
	case "employment", "trained", "pledged", "device", "mfa", "source", "elevation", "time":
		return c.standing(key, val, words)
	case "action":
		r.Action.Name = val
	case "resource":
		return c.resource(words)
	case "purpose":
		r.Purpose = strongroom.Purpose(val)
	case "reference":
		r.HasReference = val == "yes"
	default:
		return c.attribute(key, val, words)
	}
	return true
}

// standing reads what a case says of a person and of the time.
func (c *Case) standing(key, val string, words []string) bool {
	var err error
	st := &c.Request.Actor.Standing
	switch key {
	case "employment":
		st.Employment = val
	case "trained":
		st.Trained = val == "yes"
	case "pledged":
		st.Pledged = val == "yes"
	case "device":
		st.Device = val
	case "mfa":
		var age int64
		age, err = strconv.ParseInt(val, 10, 32)
		st.Verified = c.Request.Real.Add(-time.Duration(age) * time.Second)
	case "source":
		st.Source, err = netip.ParseAddr(val)
	case "elevation":
		if len(words) < 2 {
			return false
		}
		c.Request.Actor.Elevations = append(c.Request.Actor.Elevations, strongroom.Elevation{
			ID: "grt_case", Store: words[0], Purpose: strongroom.Purpose(words[1]), Classes: words[2:],
			Until: c.Request.Now.Add(time.Hour),
		})
	case "time":
		var t time.Time
		if t, err = time.Parse(time.RFC3339, val); err == nil {
			c.at(t.UTC())
		}
	}
	return err == nil
}

// resource reads "Type [id] [in store]".
func (c *Case) resource(words []string) bool {
	r := &c.Request.Resource
	if n := len(words); n >= 3 && words[n-2] == "in" {
		r.Store, words = words[n-1], words[:n-2]
	}
	if len(words) == 0 || len(words) > 2 {
		return false
	}
	r.Type = words[0]
	if len(words) == 2 {
		r.ID = words[1]
	}
	return true
}

func (c *Case) attribute(key, val string, words []string) bool {
	of, name, ok := strings.Cut(key, ".")
	if !ok {
		return false
	}
	kind, into := contextAttr(name), &c.Request.Context
	switch of {
	case "context":
	case "resource":
		kind, into = thingAttr(name), &c.Request.Resource.Attrs
	default:
		return false
	}
	if *into == nil {
		*into = map[string]any{}
	}
	switch kind {
	case stringAttr:
		(*into)[name] = val
	case setAttr:
		(*into)[name] = words
	case boolAttr:
		(*into)[name] = val == "yes"
	case longAttr:
		n, err := strconv.ParseInt(val, 10, 64)
		if err != nil {
			return false
		}
		(*into)[name] = n
	default:
		return false
	}
	return true
}
