package review

import (
	"encoding/json"
	"errors"
	"slices"
)

var errShape = errors.New("review: not of this shape")

// oktaPolicy is a policy of Okta's management API with the fields that matter here.
type oktaPolicy struct {
	Type     string `json:"type"`
	Status   string `json:"status"`
	Settings struct {
		Password struct {
			Complexity struct {
				MinLength         *int     `json:"minLength"`
				MinLowerCase      *int     `json:"minLowerCase"`
				MinUpperCase      *int     `json:"minUpperCase"`
				MinNumber         *int     `json:"minNumber"`
				MinSymbol         *int     `json:"minSymbol"`
				ExcludeUsername   *bool    `json:"excludeUsername"`
				ExcludeAttributes []string `json:"excludeAttributes"`
			} `json:"complexity"`
			Age struct {
				MaxAgeDays    *int `json:"maxAgeDays"`
				MinAgeMinutes *int `json:"minAgeMinutes"`
				HistoryCount  *int `json:"historyCount"`
			} `json:"age"`
		} `json:"password"`
	} `json:"settings"`
	Embedded struct {
		Rules []struct {
			Status  string `json:"status"`
			Actions struct {
				Signon *struct {
					Access        string `json:"access"`
					RequireFactor *bool  `json:"requireFactor"`
				} `json:"signon"`
			} `json:"actions"`
		} `json:"rules"`
	} `json:"_embedded"`
}

// parseOkta takes the weakest of the active policies. That nobody's name is in a
// password needs the name attributes excluded as well as the user name.
func parseOkta(text []byte) (out Rules, err error) {
	var list []oktaPolicy
	if err := json.Unmarshal(text, &list); err != nil {
		return out, err
	}
	first, signOn, mfa := true, false, true
	for _, p := range list {
		if p.Status != "ACTIVE" {
			continue
		}
		switch p.Type {
		case "PASSWORD":
			r := p.rules()
			if first {
				out, first = r, false
			} else {
				out = weaker(out, r)
			}
		case "OKTA_SIGN_ON":
			for _, rule := range p.Embedded.Rules {
				if s := rule.Actions.Signon; rule.Status == "ACTIVE" && s != nil && s.Access != "DENY" {
					signOn = true
					mfa = mfa && s.RequireFactor != nil && *s.RequireFactor
				}
			}
		}
	}
	if signOn {
		out.MFA = &mfa
	}
	if first && !signOn {
		return Rules{}, errShape
	}
	return out, nil
}

func (p *oktaPolicy) rules() Rules {
	c, a := p.Settings.Password.Complexity, p.Settings.Password.Age
	r := Rules{
		MinLength: c.MinLength, Upper: c.MinUpperCase, Lower: c.MinLowerCase, Digit: c.MinNumber, Special: c.MinSymbol,
		History: a.HistoryCount, MaxAgeDays: a.MaxAgeDays,
	}
	if c.ExcludeUsername != nil {
		both := *c.ExcludeUsername && slices.Contains(c.ExcludeAttributes, "firstName") && slices.Contains(c.ExcludeAttributes, "lastName")
		r.ExcludeName = &both
	}
	if a.MinAgeMinutes != nil {
		hours := *a.MinAgeMinutes / 60
		r.MinAgeHours = &hours
	}
	return r
}

// weaker returns of each rule the weaker one, and none where one is not known.
func weaker(a, b Rules) Rules {
	least := func(x, y *int) *int {
		if x == nil || y == nil {
			return nil
		}
		n := min(*x, *y)
		return &n
	}
	both := func(x, y *bool) *bool {
		if x == nil || y == nil {
			return nil
		}
		n := *x && *y
		return &n
	}
	out := Rules{
		MinLength: least(a.MinLength, b.MinLength), Upper: least(a.Upper, b.Upper), Lower: least(a.Lower, b.Lower),
		Digit: least(a.Digit, b.Digit), Special: least(a.Special, b.Special), ExcludeName: both(a.ExcludeName, b.ExcludeName),
		History: least(a.History, b.History), MinAgeHours: least(a.MinAgeHours, b.MinAgeHours), MFA: both(a.MFA, b.MFA),
	}
	if a.MaxAgeDays != nil && b.MaxAgeDays != nil {
		longest := max(*a.MaxAgeDays, *b.MaxAgeDays)
		if *a.MaxAgeDays <= 0 || *b.MaxAgeDays <= 0 {
			longest = 0 // never ends
		}
		out.MaxAgeDays = &longest
	}
	return out
}

// entraNever is how Graph says that a password never ends.
const entraNever = 2147483647

// entraDoc joins three answers of Microsoft Graph under their names.
type entraDoc struct {
	Domains *struct {
		Value []struct {
			Verified *bool  `json:"isVerified"`
			Auth     string `json:"authenticationType"`
			Validity *int   `json:"passwordValidityPeriodInDays"`
		} `json:"value"`
	} `json:"domains"`
	Defaults *struct {
		Enabled *bool `json:"isEnabled"`
	} `json:"securityDefaults"`
	Access *struct {
		Value []entraPolicy `json:"value"`
	} `json:"conditionalAccessPolicies"`
}

type entraPolicy struct {
	State      string                     `json:"state"`
	Conditions map[string]json.RawMessage `json:"conditions"`
	Grant      *struct {
		Operator string   `json:"operator"`
		Controls []string `json:"builtInControls"`
	} `json:"grantControls"`
}

// parseEntra reads what Graph tells: when passwords end, and whether everybody needs
// a second factor. Length, classes and history are fixed by Microsoft and not in the
// answers: they stay unknown.
func parseEntra(text []byte) (out Rules, err error) {
	var d entraDoc
	if err := json.Unmarshal(text, &d); err != nil {
		return out, err
	}
	if d.Domains == nil && d.Defaults == nil && d.Access == nil {
		return out, errShape
	}
	if d.Domains != nil {
		out.MaxAgeDays = d.maxAge()
	}
	on := d.Defaults != nil && d.Defaults.Enabled != nil && *d.Defaults.Enabled
	for i := range d.all() {
		on = on || d.Access.Value[i].everybody()
	}
	if on || d.Defaults != nil && d.Defaults.Enabled != nil && d.Access != nil {
		out.MFA = &on
	}
	return out, nil
}

func (d *entraDoc) all() []entraPolicy {
	if d.Access == nil {
		return nil
	}
	return d.Access.Value
}

// maxAge returns the longest life of a password over the managed domains.
func (d *entraDoc) maxAge() *int {
	longest, known := 0, false
	for _, x := range d.Domains.Value {
		if x.Auth == "Federated" || x.Verified != nil && !*x.Verified {
			continue
		}
		if x.Validity == nil {
			return nil
		}
		if *x.Validity == entraNever || *x.Validity <= 0 {
			zero := 0
			return &zero
		}
		longest, known = max(longest, *x.Validity), true
	}
	if !known {
		return nil
	}
	return &longest
}

// everybody reports whether a policy is in force, asks for MFA with nothing in its
// place, and has no exception of any kind.
func (p *entraPolicy) everybody() bool {
	if p.State != "enabled" || p.Grant == nil || !slices.Contains(p.Grant.Controls, "mfa") || p.Grant.Operator == "OR" && len(p.Grant.Controls) > 1 {
		return false
	}
	for name, raw := range p.Conditions {
		switch name {
		case "users":
			if !unlimited(raw, "includeUsers", "All") {
				return false
			}
		case "applications":
			if !unlimited(raw, "includeApplications", "All") {
				return false
			}
		case "clientAppTypes":
			var types []string
			if json.Unmarshal(raw, &types) != nil || len(types) > 0 && !slices.Contains(types, "all") {
				return false
			}
		default: // locations, platforms, risk levels: each narrows the policy down
			if s := string(raw); s != "null" && s != "[]" && s != "{}" {
				return false
			}
		}
	}
	return p.Conditions["users"] != nil && p.Conditions["applications"] != nil
}

// unlimited reports whether a condition includes exactly all and excludes nothing: every
// other field of it is empty.
func unlimited(raw json.RawMessage, include, all string) bool {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return false
	}
	for name, x := range m {
		if name == include {
			continue
		}
		if s := string(x); s != "null" && s != "[]" && s != "{}" {
			return false
		}
	}
	var list []string
	return json.Unmarshal(m[include], &list) == nil && slices.Equal(list, []string{all})
}
